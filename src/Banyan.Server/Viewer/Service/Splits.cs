using System.Text.Json.Nodes;
using Banyan.Server.Files;

namespace Banyan.Server.Viewer.Service;

/// <summary>A split of a configuration: its files of rows, whose rows follow each other.</summary>
sealed record Split(string Config, string Name, IReadOnlyList<RepoEntry> Files);

/// <summary>
/// Which files of a data set make which split: as the card's <c>configs</c> say (<c>config_name</c>, <c>data_dir</c>, <c>data_files</c>),
/// otherwise one configuration <c>default</c>, whose splits are named by words of the paths: <c>train</c>, <c>validation</c>, <c>test</c>.
/// </summary>
static class Splits
{
    const string Default = "default", Train = "train";

    const int MaxConfigs = 200;

    // The names that the datasets library knows splits by, in its order.
    static readonly (string Split, string[] Words)[] s_known =
        [(Train, ["train", "training"]), ("validation", ["validation", "valid", "dev", "val"]),
            ("test", ["test", "testing", "eval", "evaluation"])];

    /// <summary>The splits.</summary>
    /// <param name="card">The card's header, or null.</param>
    /// <param name="files">Files of the repository that have rows.</param>
    public static IReadOnlyList<Split> Of(JsonObject? card, IReadOnlyList<RepoEntry> files)
    {
        if (card?["configs"] is not JsonArray { Count: > 0 } configs)
            return [.. Guess(Default, [.. files.Where(IsData)])];
        var splits = new List<Split>();
        foreach (var config in configs.OfType<JsonObject>().Take(MaxConfigs))
        {
            var name = Text(config["config_name"]) ?? Default;
            var folder = Text(config["data_dir"])?.Trim('/', '.') is { Length: > 0 } under ? under + "/" : "";
            var inside = files.Where(f => f.Path.StartsWith(folder, StringComparison.Ordinal)).ToArray();
            var named = config["data_files"] switch
            {
                JsonArray list when list.All(l => l is JsonObject) => list.Cast<JsonObject>()
                    .Select(o => (Split: Text(o["split"]) ?? Train, Paths: Texts(o["path"]))).ToArray(),
                JsonObject map => [.. map.Select(m => (m.Key, Texts(m.Value)))],
                { } paths => [(Train, Texts(paths))],
                null => [],
            };
            if (named.Length == 0)
                splits.AddRange(Guess(name, [.. inside.Where(IsData)]));
            foreach (var (split, paths) in named)
            {
                var patterns = new PathPatterns();
                foreach (var path in paths)
                    patterns.Add("/" + folder + path.TrimStart('/'), true);
                if (inside.Where(f => patterns.Find(f.Path) == true).ToArray() is { Length: > 0 } found)
                    splits.Add(new(name, split, found));
            }
        }
        return splits;
    }

    /// <summary>Splits by words of the paths; what has none of them is all of it for training.</summary>
    static IEnumerable<Split> Guess(string config, IReadOnlyList<RepoEntry> files)
    {
        // One kind of file: a list of labels beside tables is no table of theirs.
        files = [.. files.GroupBy(f => Path.GetExtension(f.Path).ToLowerInvariant()).OrderByDescending(g => g.Key == ".parquet")
            .ThenByDescending(g => g.Count()).FirstOrDefault() ?? Enumerable.Empty<RepoEntry>()];
        var by = files.GroupBy(f => SplitOf(f.Path)).ToArray();
        return by.All(g => g.Key is null) ? files.Count > 0 ? [new(config, Train, files)] : []
            : s_known.Select(k => by.FirstOrDefault(g => g.Key == k.Split)).OfType<IGrouping<string?, RepoEntry>>()
                .Select(g => new Split(config, g.Key!, [.. g]));
    }

    static string? SplitOf(string path)
    {
        var words = path.ToLowerInvariant().Split(['/', '-', '_', '.', ' '], StringSplitOptions.RemoveEmptyEntries);
        return s_known.Where(k => words.Intersect(k.Words).Any()).Select(k => k.Split).FirstOrDefault();
    }

    /// <summary>Tables; texts and JSON files are often something else.</summary>
    static bool IsData(RepoEntry file) => Path.GetExtension(file.Path).ToLowerInvariant() is ".parquet" or ".csv" or ".tsv" or ".jsonl"
        or ".ndjson" || (Path.GetExtension(file.Path).ToLowerInvariant() is ".json" or ".txt" && SplitOf(file.Path) is not null);

    static string? Text(JsonNode? json) => json is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    static IReadOnlyList<string> Texts(JsonNode? json) =>
        json is JsonArray list ? [.. list.Select(Text).OfType<string>().Take(1000)] : Text(json) is { } one ? [one] : [];
}
