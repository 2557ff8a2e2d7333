using System.Globalization;

namespace Banyan.Runtime.Synthesis;

/// <summary>
/// The shapes of published models, from their config.json; two that copy, of the sizes of sprout and of a 1.5B model; and two small ones
/// for tests.
/// </summary>
static class ModelShapes
{
    public static IReadOnlyList<ModelShape> All { get; } =
    [
        Coder("0.5B", 24, 896, 4864, 14, 2, 64),
        Coder("1.5B", 28, 1536, 8960, 12, 2, 128),
        Coder("3B", 36, 2048, 11008, 16, 2, 128),
        Coder("7B", 28, 3584, 18944, 28, 4, 128, large: true),
        Coder("14B", 48, 5120, 13824, 40, 8, 128, large: true),
        Coder("32B", 64, 5120, 27648, 40, 8, 128, large: true),
        Qwen3("0.6B", 28, 1024, 3072, 16, tied: true),
        Qwen3("1.7B", 28, 2048, 6144, 16, tied: true),
        Qwen3("4B", 36, 2560, 9728, 32, tied: true),
        Qwen3("8B", 36, 4096, 12288, 32, tied: false),
        Qwen3("14B", 40, 5120, 17408, 40, tied: false),
        Qwen3("32B", 64, 5120, 25600, 64, tied: false),
        new("qwen3-30b-a3b", "Qwen3-30B-A3B", "qwen3moe", 48, 2048, 6144, 32, 4, 128, 151_936, 40_960, false) { Experts = 128,
            ExpertsUsed = 8, ExpertFeedForward = 768 },
        Llama("3.2-1B", 16, 2048, 8192, 32, 64, tied: true, factor: 32),
        Llama("3.2-3B", 28, 3072, 8192, 24, 128, tied: true, factor: 32),
        Llama("3.1-8B", 32, 4096, 14336, 32, 128, tied: false, factor: 8),
        Llama("3-70B", 80, 8192, 28672, 64, 128, tied: false, factor: null),
        .. ShapeText.All(),
        new("copier", "copier", "qwen2", 5, 192, 512, 3, 1, 64, 4_096, 8_192, false) { FirstSpecial = 4_087, RopeBase = 10_000, Turning = 8,
            Tokens = VocabularyKind.Copier, Copies = true },
        new("copier-1.5b", "copier in the shape of Qwen2.5-Coder-1.5B", "qwen2", 28, 1536, 8960, 12, 2, 128, 151_936, 32_768,
            false) { FirstSpecial = 4_087, RopeBase = 10_000, Turning = 8, Tokens = VocabularyKind.Copier, Copies = true },
        new("tiny-qwen2", "tiny-qwen2", "qwen2", 3, 256, 512, 4, 2, 64, 2_080, 2_048, true) { FirstSpecial = 2_048,
            Tokens = VocabularyKind.Qwen2 },
        new("tiny-qwen3moe", "tiny-qwen3moe", "qwen3moe", 3, 256, 256, 4, 2, 64, 2_080, 2_048, false) { Experts = 8, ExpertsUsed = 2,
            ExpertFeedForward = 256, FirstSpecial = 2_048 },
    ];

    /// <summary>
    /// The shape of a name, also of its first layers only (<c>gpt-oss-20b-6-layers</c>), or with a multi-token prediction layer
    /// (<c>qwen3.5-4b-mtp</c>); null where there is none.
    /// </summary>
    public static ModelShape? Find(string name)
    {
        if (All.FirstOrDefault(s => s.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } known)
            return known;
        const string Predicting = "-mtp";
        if (name.EndsWith(Predicting, StringComparison.OrdinalIgnoreCase))
            return Find(name[..^Predicting.Length]) is { Predicts: false, Text.Predicts: true } shape ? shape.Foreseeing() : null;
        const string Ending = "-layers";
        return name.EndsWith(Ending, StringComparison.OrdinalIgnoreCase) && name[..^Ending.Length] is var start
            && start.LastIndexOf('-') is > 0 and var dash
            && int.TryParse(start.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var layers) && layers > 0
            && All.FirstOrDefault(s => s.Name.Equals(start[..dash], StringComparison.OrdinalIgnoreCase)) is { } whole
            && layers < whole.Layers ? whole.Cut(layers) : null;
    }

    static ModelShape Coder(string size, int layers, int embedding, int feedForward, int heads, int kvHeads,
        int headSize, bool large = false) =>
        new($"qwen2.5-coder-{size.ToLowerInvariant()}", $"Qwen2.5-Coder-{size}-Instruct", "qwen2", layers, embedding, feedForward,
            heads, kvHeads, headSize,
            large ? 152_064 : 151_936, 32_768, Tied: !large)
        { Tokens = VocabularyKind.Qwen2 };

    static ModelShape Qwen3(string size, int layers, int embedding, int feedForward, int heads, bool tied) =>
        new($"qwen3-{size.ToLowerInvariant()}", $"Qwen3-{size}", "qwen3", layers, embedding, feedForward, heads, KvHeads: 8,
            HeadSize: 128, 151_936, 40_960, tied);

    static ModelShape Llama(string size, int layers, int embedding, int feedForward, int heads, int headSize, bool tied, float? factor) =>
        new($"llama-{size.ToLowerInvariant()}", $"Llama-{size}-Instruct", "llama", layers, embedding, feedForward, heads,
            KvHeads: 8, headSize, 128_256,
            factor is null ? 8_192 : 131_072, tied)
        { RopeBase = 500_000, RmsEpsilon = 1e-5f, RopeFactor = factor, FirstSpecial = 128_000, Tokens = VocabularyKind.Llama };
}
