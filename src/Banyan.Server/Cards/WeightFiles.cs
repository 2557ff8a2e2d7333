using System.Text.RegularExpressions;
using Banyan.Server.Files;

namespace Banyan.Server.Cards;

/// <summary>One way to get a model's weights: a file, or the shards of one.</summary>
/// <param name="Path">The file; of shards the first.</param>
/// <param name="Bytes">Of all of it.</param>
public sealed record WeightChoice(string Path, long Bytes)
{
    /// <summary>
    /// The memory it takes to run: the weights, a context of a few thousand tokens, and the program. An estimate; <c>banyan inspect</c>
    /// knows the model.
    /// </summary>
    public long Memory => MemoryOf(Bytes);

    const long Room = 200_000_000;

    static long MemoryOf(long bytes) => bytes + bytes / 10 + Room;

    /// <summary>The most bytes of weights that run in this much memory; below zero if nothing does.</summary>
    public static long MostBytes(long memory) => (memory - Room) / 11 * 10;
}

/// <summary>Which of a repository's files are weights, and what they are.</summary>
static partial class WeightFiles
{
    const int Most = 30;

    /// <summary>The choices that a folder offers, the smallest first.</summary>
    public static IReadOnlyList<WeightChoice> Of(IEnumerable<RepoEntry> files)
    {
        // What sees for a model is not the model.
        var weights =
            files.Where(f => !f.IsFolder && f.Size > 0
                && (f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
                    ? !f.Path.Contains("mmproj", StringComparison.OrdinalIgnoreCase)
            : f.Path.StartsWith("model", StringComparison.Ordinal) && f.Path.EndsWith(".safetensors", StringComparison.Ordinal)));
        return [.. weights.GroupBy(f => Shard().Replace(f.Path, "")).Select(g => new WeightChoice(g.Min(f => f.Path)!, g.Sum(f => f.Size)))
            .OrderBy(c => c.Bytes).Take(Most)];
    }

    /// <summary>What a choice is written in: <c>gguf</c> and <c>q4_k_m</c>, or <c>safetensors</c>.</summary>
    public static IEnumerable<string> FormatsOf(WeightChoice choice)
    {
        yield return choice.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? "gguf" : "safetensors";
        if (Type().Match(Shard().Replace(choice.Path, "")) is { Success: true } type)
            yield return type.Value.ToLowerInvariant();
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}(?=\.\w+\z)")]
    private static partial Regex Shard();

    // As llama.cpp calls them, at the end of a GGUF file's name.
    [GeneratedRegex(@"(?<=[-_.])(?:I?Q\d(?:_(?:K|\d|XXS|XS|S|M|L|NL|XL))*|TQ\d_\d|MXFP4|NVFP4|BF16|F16|F32)(?=\.gguf\z)",
        RegexOptions.IgnoreCase)]
    private static partial Regex Type();
}
