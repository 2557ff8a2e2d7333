using System.Text.RegularExpressions;
using Banyan.Client;

namespace Banyan.Cli.Hubs;

/// <summary>Which files of a repo are a model that runs here.</summary>
static partial class ModelFiles
{
    /// <summary>A model in a repo.</summary>
    /// <param name="Name">What distinguishes it from the repo's other models.</param>
    /// <param name="Main">The file to open, or null for the folder.</param>
    /// <param name="Files">Everything it needs.</param>
    public sealed record Candidate(string Name, string? Main, IReadOnlyList<RepoFile> Files)
    {
        public long Size => Files.Sum(f => f.Size);
    }

    /// <summary>The models of a repo: each GGUF file or split set; otherwise the safetensors of its top folder.</summary>
    public static IReadOnlyList<Candidate> Find(IReadOnlyList<RepoFile> files)
    {
        var ggufs = files.Where(f => f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && !Beside().IsMatch(f.Path))
            .GroupBy(f => Split().Replace(f.Path, ".gguf"))
            .Select(g => new Candidate(g.Key, g.Min(f => f.Path)!, [.. g.OrderBy(f => f.Path, StringComparer.Ordinal)]))
            .OrderBy(c => c.Size).ToList();
        if (ggufs.Count > 0)
            return ggufs;
        var top = files.Where(f => !f.Path.Contains('/')).ToList();
        var weights =
            top.Where(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal)
                && !f.Path.StartsWith("consolidated", StringComparison.Ordinal) && !f.Path.StartsWith("adapter_", StringComparison.Ordinal))
                .ToList();
        var rest = top.Where(f => f.Path is "tokenizer.model" or "merges.txt" or "vocab.txt"
            || f.Path.EndsWith(".json", StringComparison.Ordinal) || f.Path.EndsWith(".jinja", StringComparison.Ordinal));
        return weights.Count == 0 ? [] : [new Candidate("safetensors", null, [.. weights, .. rest])];
    }

    /// <summary>Those whose name contains the given text, ignoring case: <c>q4_k_m</c>.</summary>
    public static IReadOnlyList<Candidate> Named(IReadOnlyList<Candidate> candidates, string? wanted) => wanted is null
        ? candidates
        : candidates.Where(c => string.Equals(c.Name, wanted, StringComparison.OrdinalIgnoreCase)).ToList() is { Count: > 0 } exact
            ? exact
            : [.. candidates.Where(c => c.Name.Contains(wanted, StringComparison.OrdinalIgnoreCase))];

    [GeneratedRegex(@"-\d{5}-of-\d{5}\.gguf\z", RegexOptions.IgnoreCase)]
    private static partial Regex Split();

    // Vision projectors and importance matrices are GGUF files too, but no models.
    [GeneratedRegex(@"(^|/)(mmproj|imatrix)|imatrix\.gguf\z", RegexOptions.IgnoreCase)]
    private static partial Regex Beside();
}
