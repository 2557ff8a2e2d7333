using System.Globalization;
using System.Text.RegularExpressions;
using Banyan.Runtime.Files;

namespace Banyan.Cli.Commands;

/// <summary>What <c>banyan inspect</c> says of a model file, as data.</summary>
sealed partial record ModelReport(
    string Path, string Kind, string? Name, string Architecture, int Files, long Bytes, long Parameters, double BitsPerWeight,
    IReadOnlyDictionary<string, object> Hyperparameters, IReadOnlyDictionary<string, object> Other,
    IReadOnlyList<string> RefusedKeys, IReadOnlyList<string> UnknownKeys, IReadOnlyList<ModelReport.Group> Tensors,
    ModelReport.Words Tokenizer, string? Template, ModelReport.Need Memory)
{
    /// <summary>Tensors that differ only in their layer.</summary>
    public sealed record Group(string Name, int Count, IReadOnlyList<long> Shape, string Format, long Bytes);

    /// <summary>The tokenizer in short; Tokens is null if the file holds none.</summary>
    public sealed record Words(string? Model, string? Pretokenizer, int? Tokens, int? Merges, int? Bos, int? Eos);

    /// <summary>Memory in bytes to run the model here: weights, an F16 KV cache for Context tokens, and everything else.</summary>
    public sealed record Need(long Weights, int Context, long KvCache, long Overhead, long Total, long Machine, long Free)
    {
        public string Verdict => Total <= Free ? "fits" : Total <= Machine ? "fits once other programs give memory back" : "does not fit";
    }

    const int DefaultContext = 8192;
    const long OverheadBytes = 300_000_000; // activations, packing and the runtime itself: the most that the runtime promises

    public static ModelReport Of(ModelFile model, int? context, bool everyTensor)
    {
        var metadata = model.Metadata;
        var architecture = metadata.Get("general.architecture", "unknown");
        var all = metadata.All.Where(p => !p.Key.StartsWith("tokenizer.", StringComparison.Ordinal))
            .ToDictionary(p => p.Key, p => p.Value is Array array ? Describe(array) : p.Value);
        var parameters = model.Tensors.Sum(t => t.Rows * t.Columns);
        var weights = model.Tensors.Sum(t => t.ByteLength);
        return new(
            model.Path, model.Kind.ToString(), metadata.Get<string?>("general.name", null), architecture, model.Files.Count,
            model.ByteLength, parameters,
            parameters == 0 ? 0 : Math.Round(8.0 * weights / parameters, 2),
            all.Where(p => p.Key.StartsWith(architecture + ".", StringComparison.Ordinal))
                .ToDictionary(p => p.Key[(architecture.Length + 1)..], p => p.Value),
            all.Where(p => !p.Key.StartsWith(architecture + ".", StringComparison.Ordinal)
                && p.Key is not ("general.architecture" or "general.name")).ToDictionary(),
            model.RefusedKeys,
            model.UnknownKeys,
            Groups(model, everyTensor),
            new(metadata.Get<string?>("tokenizer.ggml.model", null), metadata.Get<string?>("tokenizer.ggml.pre", null),
                Length(metadata, "tokenizer.ggml.tokens"), Length(metadata, "tokenizer.ggml.merges"),
                Id(metadata, "tokenizer.ggml.bos_token_id"), Id(metadata, "tokenizer.ggml.eos_token_id")),
            metadata.Get<string?>("tokenizer.chat_template", null),
            NeedOf(metadata, architecture, weights, context));
    }

    static int? Length(Metadata metadata, string key) => metadata.TryGet<string[]>(key, out var array) ? array.Length : null;

    static int? Id(Metadata metadata, string key) => metadata.TryGet<int>(key, out var id) ? id : null;

    static string Describe(Array array) => $"{array.GetType().GetElementType()!.Name.ToLowerInvariant()}[{array.Length}]";

    static List<Group> Groups(ModelFile model, bool everyTensor) =>
    [
        .. model.Tensors
            .GroupBy(t => (Name: everyTensor ? t.Name : Layer().Replace(t.Name, "blk.*."),
                Shape: string.Join(" × ", t.Shape), t.Format.Name))
            .Select(g => new Group(g.Key.Item1, g.Count(), g.First().Shape, g.Key.Item3, g.Sum(t => t.ByteLength))),
    ];

    static Need NeedOf(Metadata metadata, string architecture, long weights, int? context)
    {
        long Number(string key, long fallback) => Math.Clamp(metadata.Get($"{architecture}.{key}", fallback), 0, int.MaxValue);
        var tokens = context ?? (int)Math.Min(Number("context_length", DefaultContext), DefaultContext);
        var heads = Math.Max(1, Number("attention.head_count", 1));
        var headSize = Number("attention.key_length", Number("embedding_length", 0) / heads);
        // Keys and values, two bytes each. Doubles: a hostile file may claim sizes whose product overflows.
        var kv = (long)Math.Min(2.0 * 2 * Number("block_count", 0) * Number("attention.head_count_kv", heads) * headSize * tokens,
            long.MaxValue / 4);
        var machine = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return new(weights, tokens, kv, OverheadBytes, weights + kv + OverheadBytes, machine, Math.Min(machine, FreeMemory() ?? machine));
    }

    /// <summary>The memory available to a new program, on Linux; null elsewhere.</summary>
    static long? FreeMemory()
    {
        if (!File.Exists("/proc/meminfo"))
            return null;
        var line = File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(13).Trim().TrimEnd("kB ").Trim(), NumberStyles.None,
            CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
    }

    [GeneratedRegex(@"^blk\.\d+\.", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}
