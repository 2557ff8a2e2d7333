using Banyan.Runtime.Conversion;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Files;
using Banyan.Runtime.Tests.Models;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Conversion;

/// <summary>A model is the same from a GGUF file and from a folder of safetensors, whichever was made from the other.</summary>
public class ConversionTests
{
    /// <summary>Every family of which folders are read, and the encoders.</summary>
    public static TheoryData<string> Families =>
        [.. Directory.EnumerateFiles(SharedData.Path("models", "families"), "*.gguf").Select(f => Path.GetFileNameWithoutExtension(f))
            .Order(StringComparer.Ordinal),
        "../llama-tiny-F16", "../qwen3moe-tiny-F16", "../stories260K"];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_folder_and_back_is_the_same_model(string name)
    {
        using var temporary = new TemporaryFolder();
        var (folder, back) = (Path.Combine(temporary.Path, "model"), Path.Combine(temporary.Path, "back.gguf"));
        using var file = ModelFile.Open(SharedData.Path("models", "families", $"{name}.gguf"));
        new FolderConversion(file, "F32").Write(folder);
        using (var written = ModelFile.Open(folder))
            Assert.Empty(written.UnknownKeys.Except(["rope_scaling.rope_type"]));
        using (var written = ModelFile.Open(folder))
        using (var conversion = new GgufConversion(written))
            conversion.Write(back);

        using var again = ModelFile.Open(back);
        var computed = Config.Read(file).Layers;
        Assert.Equal(file.Tensors.Select(t => Plain(t.Name)).Where(n => Layer(n) < computed && !IsMade(name, n))
            .Order(StringComparer.Ordinal), again.Tensors.Select(t => Plain(t.Name)).Where(n => !IsMade(name, n))
            .Order(StringComparer.Ordinal));
        foreach (var tensor in again.Tensors.Where(t => !IsMade(name, t.Name)))
            if (file.Tensors.FirstOrDefault(t => Plain(t.Name) == Plain(tensor.Name)) is { } original)
            {
                var (a, b) = (Values(original), Values(tensor));
                Assert.Equal(a.Length, b.Length);
                Assert.True(a.Zip(b).All(p => Math.Abs(p.First - p.Second) <= 1e-6f * Math.Max(1, Math.Abs(p.First))),
                    $"{tensor.Name} differs");
            }
        Assert.Equal(Text(file), Text(again));
        AnswersAgree(name, folder);
    }

    [Fact]
    public void What_lies_in_another_form_is_not_changed_by_rows()
    {
        using var temporary = new TemporaryFolder();
        var folder = Path.Combine(temporary.Path, "model");
        using (var file = ModelFile.Open(SharedData.Path("models", "families", "gemma3.gguf")))
            new FolderConversion(file, "F32").Write(folder);
        using var written = ModelFile.Open(folder);
        var rewriter = new ModelRewriter(written, (name, _) => name == "blk.0.attn_norm.weight" ? (_, _) => { } : null);
        Assert.Contains("blk.0.attn_norm.weight", Assert.Throws<ModelFileException>(() => rewriter.WriteFolder(temporary.Path)).Message,
            StringComparison.Ordinal);
    }

    // Its first prompt; an encoder's tensors and keys are all that it computes with (EmbeddingReferenceTests).
    static void AnswersAgree(string name, string folder)
    {
        if (!File.ReadAllText(SharedData.Path("models", "families", $"{name}.reference.json"))
            .Contains("prompt_tokens", StringComparison.Ordinal))
            return;
        using var model =
            Model.Load(folder, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var differences = Reference.Differences(model, [Reference.Load($"families/{name}").Runs[0]], 256);
        Assert.True(differences.All(d => d <= (name.Contains("gemma", StringComparison.Ordinal) ? 1e-2f : 2e-3f)), $"{differences.Max()}");
    }

    static string Plain(string name) => name.EndsWith(".ffn_norm", StringComparison.Ordinal) ? name + ".weight" : name;

    static int Layer(string name) => name.StartsWith("blk.", StringComparison.Ordinal)
        ? int.Parse(name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture) : -1;

    // What the other side has in one tensor.
    static bool IsMade(string model, string name) => model == "jina-bert-v2"
        && (name.EndsWith("ffn_gate.weight", StringComparison.Ordinal) || name.EndsWith("ffn_up.weight", StringComparison.Ordinal));

    static float[] Values(Tensor tensor)
    {
        var values = new float[tensor.Rows * tensor.Columns];
        tensor.Dequantize(0, (int)tensor.Rows, values);
        return values;
    }

    // What a tokenizer makes of some text.
    static string Text(ModelFile file) =>
        string.Join(' ', Tokenizers.Tokenizer.Load(file).Encode("Hello, world! 123 größer 東京\n\n  x", addSpecial: true));
}
