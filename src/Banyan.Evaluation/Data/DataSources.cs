using Banyan.Evaluation.Tasks.Exercism;

namespace Banyan.Evaluation.Data;

/// <summary>Every data file that can be fetched. A new one is a row.</summary>
public static class DataSources
{
    const string QwenMultiPle =
        "https://raw.githubusercontent.com/QwenLM/Qwen2.5-Coder/d5ead97fea36bca3744e1a4c49e882f6fa2f406a/qwencoder-eval/base/benchmarks/multiple-eval/data/humaneval-";
    const string MultiPleLicence = "BSD-3-Clause, not for training models (MultiPL-E, Northeastern University and others)";

    /// <summary>The folder of Exercism's repository.</summary>
    public const string ExercismFolder = "exercism-csharp";

    const string ExercismCommit = "4e98758acaf5dd1353946ddf8e24b8b9d42d79e1";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<DataSource> All { get; } =
    [
        new("HumanEvalPlus-v0.1.10.jsonl.gz",
            new("https://raw.githubusercontent.com/evalplus/humanevalplus_release/200defce9e3429d28ca215b6dd061c0f7f31c18b/HumanEvalPlus.jsonl.gz"),
            "272720b90ac375502c8ed23cd791c2a93dfb22a911641a494da74a426c09f101", 925_932, "MIT (HumanEval, OpenAI), Apache-2.0 (EvalPlus)"),
        new("MbppPlus-v0.1.0.jsonl",
            new("https://raw.githubusercontent.com/QwenLM/Qwen2.5-Coder/d5ead97fea36bca3744e1a4c49e882f6fa2f406a/qwencoder-eval/instruct/eval_plus/data/MbppPlus-v0.1.0.jsonl"),
            "a855b9de667baea8e2f8aa61f898767a7336872208a85222b35622545e819fe9", 2_761_786,
            "CC-BY-4.0 (MBPP, Google), Apache-2.0 (EvalPlus)"),
        new("HumanEval-SingleLineInfilling.jsonl.gz",
            new("https://raw.githubusercontent.com/openai/human-eval-infilling/88062ff9859c875d04db115b698ed4b0f0395170/data/HumanEval-SingleLineInfilling.jsonl.gz"),
            "1277073e7ddce163ef68598c2bca777f688a53df99422f097e37362090f88e1f", 75_058, "MIT (OpenAI)"),
        new("HumanEval-RandomSpanInfillingLight.jsonl.gz",
            new("https://raw.githubusercontent.com/openai/human-eval-infilling/88062ff9859c875d04db115b698ed4b0f0395170/data/HumanEval-RandomSpanInfillingLight.jsonl.gz"),
            "1432250ecac0cb56e6f97f8faf0970419ef892a98fda7e1f5aa4c4b87209b760", 45_730, "MIT (OpenAI)"),
        new("cruxeval.jsonl",
            new("https://raw.githubusercontent.com/facebookresearch/cruxeval/190faf16d175b5847b0af05d937872b1fb395942/data/cruxeval.jsonl"),
            "8368b81047dc5014e4caf5a2f97604eff7644e0ecd7415e3ceeb184bbc2e0c96", 186_873, "MIT (CRUXEval, Meta)"),
        MultiPle("cs", "1c3fe18be10addc2d0b96311f4db192ae3232e08628d17768d889d6ab87be224", 452_021),
        MultiPle("js", "634e2eee8d6e22de07c121b972207683dd96be76256bf44bdfc1a3386b739287", 297_853),
        MultiPle("ts", "4b1af1050c9f226335d54a8c80553c39454a525cace3e67bdcfcc9092ba02637", 304_732),
        MultiPle("java", "b21b015763452ec4f9f4e0e6425148ec331ace4da1232c8b4d441186185f6265", 454_059),
        MultiPle("cpp", "8717eabdf202137158c84506144b0fb1e73d5ecccbe5363ec79009ca014df629", 388_688),
        MultiPle("php", "bebd86875b1d8e65a8b7e692ed7bdf64612b44aa388825ea4dab40c7047c786b", 388_096),
        MultiPle("sh", "2f702106e9ce4aa7385de568d9248d6c57c90382d782b162cb9e072fbd01ccf8", 274_180),
        new(ExercismFolder, new($"https://codeload.github.com/exercism/csharp/tar.gz/{ExercismCommit}"),
            "32202adbdc1c7e818647c3f0909ec0f1ae2d7c818148e7fbfcfd78fce8aa0f0d", 1_226_193, "MIT (Exercism)") { Uses = Exercise.Uses },
    ];

    /// <summary>The one stored under a name, or null.</summary>
    public static DataSource? Find(string file) => All.FirstOrDefault(s => s.File == file);

    static DataSource MultiPle(string language, string sha256, long bytes) =>
        new($"multipl-e-humaneval-{language}.jsonl", new($"{QwenMultiPle}{language}.jsonl"), sha256, bytes, MultiPleLicence);
}
