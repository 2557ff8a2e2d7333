using Banyan.Runtime.Tokenizers.Loading;
using static Banyan.Runtime.Tokenizers.PreTokenization.PublishedPatterns;

namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>How a family of byte-level BPE models prepares text, chosen by GGUF's <c>tokenizer.ggml.pre</c>.</summary>
sealed record PreTokenizerFamily
{
    /// <summary>The names that files use for it; the first is the usual one.</summary>
    public required string[] Names { get; init; }

    /// <summary>Patterns (<see cref="PublishedPatterns"/>) applied in order, each to the pieces of the one before it.</summary>
    public required string[] Patterns { get; init; }

    /// <summary>Whether a piece that is a token is used whole, even if merging would give another result.</summary>
    public bool IgnoresMerges { get; init; }

    /// <summary>Whether a text begins with the BOS token if the file does not say.</summary>
    public bool AddsBos { get; init; }

    /// <summary>Whether text is first normalized to NFC, as the family's tokenizer.json does.</summary>
    public bool NormalizesToNfc { get; init; }

    /// <summary>
    /// What a tokenizer_class or model_type of it begins with, in folders that have only vocab.json and merges.txt; the first is the usual
    /// one.
    /// </summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>
    /// How many entries its vocab.json has, where a folder with only that and merges.txt is recognized by them; null where it is not.
    /// </summary>
    public int? VocabularySize { get; init; }

    /// <summary>The added tokens, which such a folder does not contain.</summary>
    public IEnumerable<AddedTokenJson> Added { get; init; } = [];

    /// <summary>
    /// The family of a folder that has only vocab.json and merges.txt: by its vocabulary's size, else GPT-2, whose files these are.
    /// </summary>
    public static PreTokenizerFamily OfVocabulary(int size) => All.FirstOrDefault(family => family.VocabularySize == size) ?? All[0];

    /// <summary>Every family; a new one is a row here, and a scanner in <see cref="PublishedPatterns"/> if its pattern is new.</summary>
    public static IReadOnlyList<PreTokenizerFamily> All { get; } =
    [
        new() { Names = ["gpt-2", "gpt2", "phi-2", "mpt", "olmo", "jais", "trillion", "exaone4", "mellum", "modern-bert", "gigachat",
            "a.x-4.0"], Patterns = [Gpt2], Classes = ["GPT2Tokenizer", "gpt2"] },
        new()
        {
            Names = ["qwen2"],
            Patterns = [Qwen2],
            NormalizesToNfc = true,
            Classes = ["Qwen2Tokenizer", "qwen2", "qwen3"],
            VocabularySize = Qwen2Tokens.VocabularySize,
            Added = Qwen2Tokens.Added,
        },
        new() { Names = ["deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan", "solar-open", "grok-2"], Patterns = [Qwen2] },
        new() { Names = ["qwen35"], Patterns = [Qwen35], NormalizesToNfc = true },
        new() { Names = ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "lfm2"], Patterns = [Llama3],
            IgnoresMerges = true, AddsBos = true },
        new() { Names = ["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], Patterns = [Llama3] },
        new() { Names = ["gpt-4o", "llama4"], Patterns = [Gpt4o] },
        new() { Names = ["tekken"], Patterns = [Tekken], IgnoresMerges = true, AddsBos = true },
        new() { Names = ["starcoder", "smollm", "refact", "codeshell", "command-r", "exaone", "minerva-7b", "mellum2"],
            Patterns = [Digit, Gpt2] },
        new() { Names = ["deepseek-coder"], Patterns = [LineBreak, SpacedLetters, SpacedPunctuation, DeepSeekAsian, Digit] },
        new() { Names = ["deepseek-llm"],
            Patterns = [LineBreak, DeepSeekCasedLetters, DeepSeekSigns, TrailingSpace, DeepSeekAsian, Digits] },
        new() { Names = ["deepseek-v3", "hunyuan-dense"], Patterns = [UpToThreeDigits, DeepSeekHanAndKana, DeepSeekV3] },
        new() { Names = ["falcon"], Patterns = [FalconSigns, Gpt2, ThreeAsciiDigits] },
        new() { Names = ["default"], Patterns = [DefaultSigns, Gpt2, Digits, ThreeAsciiDigits] },
    ];

    static readonly Dictionary<string, PreTokenizerFamily> s_byName = All.SelectMany(family => family.Names.Select(name => (name, family)))
        .ToDictionary(pair => pair.name, pair => pair.family);

    /// <summary>The family of that name, or null.</summary>
    public static PreTokenizerFamily? Find(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>The family of a tokenizer_class or model_type, or null.</summary>
    public static PreTokenizerFamily? OfClass(string name) =>
        All.FirstOrDefault(family => family.Classes.Any(c => name.StartsWith(c, StringComparison.OrdinalIgnoreCase)));

    /// <summary>The usual class of each family that has one, for messages.</summary>
    public static string KnownClasses => string.Join(", ", All.SelectMany(family => family.Classes.Take(1)));

    /// <summary>Every name, for messages.</summary>
    public static string KnownNames => string.Join(", ", s_byName.Keys.Order(StringComparer.Ordinal));
}
