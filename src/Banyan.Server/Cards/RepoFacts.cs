using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Reports;
using Banyan.Server.Repos;

namespace Banyan.Server.Cards;

/// <summary>The facts of a revision: its card, its tags, its weights. They follow from the files alone.</summary>
sealed record Facts
{
    /// <summary>Header of the README, or null.</summary>
    public JsonObject? Card { get; init; }

    /// <summary>Why something of that header is missing, or null.</summary>
    public ErrorText? CardProblem { get; init; }

    /// <summary>The card's tags and those that follow from card and files.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>What the model does, for example <c>text-generation</c>.</summary>
    public string? PipelineTag { get; init; }

    /// <summary>The library that loads it.</summary>
    public string? Library { get; init; }

    /// <summary>Some of <c>config.json</c>.</summary>
    public JsonObject? Config { get; init; }

    /// <summary>Numbers by type, and their sum.</summary>
    public JsonObject? Safetensors { get; init; }

    /// <summary>What the first GGUF file says.</summary>
    public JsonObject? Gguf { get; init; }

    /// <summary>Ways to have its weights, the smallest first.</summary>
    public IReadOnlyList<WeightChoice> Choices { get; init; } = [];

    /// <summary>Codes of the languages that the card names.</summary>
    public IReadOnlyList<string> Languages { get; init; } = [];

    /// <summary>Licences that the card names.</summary>
    public IReadOnlyList<string> Licences { get; init; } = [];
}

/// <summary>Reads <see cref="Facts"/>; a revision never changes, so what was read is cached.</summary>
sealed class RepoFacts(RepoTree tree, HeaderWindow window)
{
    const int MaxShards = 300, MaxListed = 2000, FactsCost = 4096, MaxTagsLength = 32 << 10, MaxArchitectures = 10, MaxText = 64 << 10;

    // Bytes of the headers of one model's shards together.
    const long MaxHeaders = 64 << 20;

    readonly GenerationCache<(long, GitId), Facts> _cache = new(64 << 20);
    readonly SemaphoreSlim _reading = new(2);

    public async ValueTask<Facts> OfAsync(Repo repo, Revision revision, CancellationToken cancellationToken)
    {
        if (_cache.TryGet((repo.Id, revision.Commit.Tree), out var known))
            return known;
        var facts = await ReadAsync(repo, revision.Commit.Tree, cancellationToken);
        _cache.Add((repo.Id, revision.Commit.Tree), facts,
            FactsCost + 100 * facts.Tags.Count + (facts.Card?.ToJsonString().Length ?? 0) * 2);
        return facts;
    }

    /// <summary>
    /// What lies in the root; of the folders below GGUF files, as many models have one for each quantization, and evaluation reports.
    /// </summary>
    public async Task<IReadOnlyList<RepoEntry>> FilesAsync(Repo repo, GitId root, CancellationToken cancellationToken)
    {
        var files = (await tree.FolderAsync(repo.Id, root, cancellationToken)).ToList();
        if (repo.Type != RepoType.Model)
            return files;
        var listed = 0;
        foreach (var folder in files.Where(f => f.IsFolder).ToArray())
            await foreach (var entry in tree.ListAsync(repo.Id, folder, true, cancellationToken))
                if (++listed > MaxListed)
                    return files;
                else if (!entry.IsFolder
                    && (entry.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || RepoReports.IsReport(entry.Path)))
                    files.Add(entry);
        return files;
    }

    async Task<Facts> ReadAsync(Repo repo, GitId root, CancellationToken cancellationToken)
    {
        var files = await FilesAsync(repo, root, cancellationToken);
        ErrorText? problem = null;
        var card = files.FirstOrDefault(f => f.Path == "README.md" && !f.IsFolder) is { } file
            && await window.ReadAsync(repo.Id, file, CardHeader.MaxLength, cancellationToken) is { } readme
            ? CardHeader.Read(readme, isCut: readme.Length < file.Size, out problem) : null;
        var config = repo.Type == RepoType.Model ? await ConfigAsync(repo, root, cancellationToken) : null;
        var (safetensors, gguf) = repo.Type == RepoType.Model ? await WeightsAsync(repo, files, cancellationToken) : (null, null);
        var library = Text(card, "library_name") ?? (config?["architectures"] is not null ? "transformers" : null);
        var task = Text(card, "pipeline_tag")
            ?? (Architecture(config)?.EndsWith("ForCausalLM", StringComparison.Ordinal) == true ? "text-generation" : null);

        var tags = new List<string?> { library };
        tags.AddRange(Texts(card, "tags"));
        if (files.Any(f => f.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)))
            tags.Add("safetensors");
        if (files.Any(f => f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)))
            tags.Add("gguf");
        tags.Add(config?["model_type"]?.GetValue<string>());
        if (repo.Type == RepoType.Model)
            tags.Add(task);
        tags.AddRange(Texts(card, "language").Select(l => repo.Type == RepoType.Dataset ? $"language:{l}" : l));
        tags.AddRange(Texts(card, "task_categories").Select(t => $"task_categories:{t}"));
        tags.AddRange(Texts(card, "datasets").Select(d => $"dataset:{d}"));
        tags.AddRange(Texts(card, "base_model").Select(b => $"base_model:{b}"));
        tags.AddRange(Texts(card, "license").Select(l => $"license:{l}"));
        return new Facts
        {
            Card = card,
            CardProblem = problem,
            Tags = Bounded(tags.OfType<string>()),
            PipelineTag = task,
            Library = library,
            Config = config,
            Safetensors = safetensors,
            Gguf = gguf,
            Choices = repo.Type == RepoType.Model ? WeightFiles.Of(files) : [],
            Languages = Bounded(Texts(card, "language")),
            Licences = Bounded(Texts(card, "license")),
        };
    }

    /// <summary>The text of a revision's card, without its header, as far as searches look at it; empty if there is none.</summary>
    public async Task<string> CardTextAsync(Repo repo, Revision revision, CancellationToken cancellationToken) =>
        (await tree.FolderAsync(repo.Id, revision.Commit.Tree, cancellationToken)).FirstOrDefault(f => f.Path == "README.md"
            && !f.IsFolder) is { } file
            && await window.ReadAsync(repo.Id, file, MaxText, cancellationToken) is { } readme
            ? CardHeader.BodyOf(System.Text.Encoding.UTF8.GetString(readme)) : "";

    /// <summary>Lists tell the tags of a thousand repositories at once.</summary>
    static List<string> Bounded(IEnumerable<string> tags)
    {
        var (bounded, length) = (new List<string>(), 0);
        foreach (var tag in tags.Where(t => t.Length is > 0 and <= 200).Distinct(StringComparer.OrdinalIgnoreCase).Take(1000))
            if ((length += tag.Length) <= MaxTagsLength)
                bounded.Add(tag);
        return bounded;
    }

    static string? Architecture(JsonObject? config) =>
        config?["architectures"] is JsonArray { Count: > 0 } names ? names[0]?.GetValue<string>() : null;

    static string? Text(JsonObject? card, string name) =>
        card?[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length <= 200 ? text : null;

    /// <summary>One text or a list of them.</summary>
    static IEnumerable<string> Texts(JsonObject? card, string name) => card?[name] switch
    {
        JsonValue value when value.TryGetValue<string>(out var text) => [text],
        JsonArray array => array.OfType<JsonValue>().Select(v => v.TryGetValue<string>(out var text) ? text : v.ToString()),
        _ => [],
    };

    async Task<JsonObject?> ConfigAsync(Repo repo, GitId root, CancellationToken cancellationToken)
    {
        if (await tree.SmallFileAsync(repo.Id, root, "config.json", cancellationToken) is not { } bytes)
            return null;
        try
        {
            using var json = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 32 });
            var config = new JsonObject();
            if (json.RootElement.TryGetProperty("architectures", out var names) && names.ValueKind == JsonValueKind.Array)
                config["architectures"] =
                    new JsonArray([.. names.EnumerateArray().Where(n => n.ValueKind == JsonValueKind.String).Select(n => n.GetString()!)
                        .Where(n => n.Length <= 200).Take(MaxArchitectures).Select(n => (JsonNode?)n)]);
            if (json.RootElement.TryGetProperty("model_type", out var type) && type.ValueKind == JsonValueKind.String
                && type.GetString() is { Length: <= 200 })
                config["model_type"] = type.GetString();
            return config;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Facts from the headers of weights. These may have many megabytes and are read on first request, two at a time.</summary>
    async Task<(JsonObject? Safetensors, JsonObject? Gguf)> WeightsAsync(Repo repo, IReadOnlyList<RepoEntry> files,
        CancellationToken cancellationToken)
    {
        if (!files.Any(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal)
            || f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)))
            return (null, null);
        await _reading.WaitAsync(cancellationToken);
        try
        {
            return (await SafetensorsAsync(repo, files, cancellationToken), await GgufAsync(repo, files, cancellationToken));
        }
        finally
        {
            _reading.Release();
        }
    }

    async Task<JsonObject?> SafetensorsAsync(Repo repo, IReadOnlyList<RepoEntry> files, CancellationToken cancellationToken)
    {
        // One whole file, or the shards of one.
        var shards = files.Where(f => f.Path == "model.safetensors").ToArray();
        if (shards.Length == 0)
            shards = [.. files.Where(f => f.Path.StartsWith("model-", StringComparison.Ordinal)
                && f.Path.EndsWith(".safetensors", StringComparison.Ordinal)).Take(MaxShards)];
        if (shards.Length == 0)
            return null;
        var sum = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var room = MaxHeaders;
        foreach (var shard in shards)
        {
            if (await window.ReadAsync(repo.Id, shard, 8, cancellationToken) is not { } start
                || SafetensorsFacts.HeaderBytes(start, shard.Size) is not { } length || (room -= length) < 0
                || await window.ReadAsync(repo.Id, shard, length, cancellationToken) is not { } header
                || SafetensorsFacts.Count(header) is not { } counts)
                return null;
            foreach (var (type, n) in counts)
                sum[type] = sum.GetValueOrDefault(type) + n;
        }
        var parameters = new JsonObject();
        foreach (var (type, n) in sum)
            parameters[type] = n;
        return new JsonObject { ["parameters"] = parameters, ["total"] = sum.Values.Sum() };
    }

    async Task<JsonObject?> GgufAsync(Repo repo, IReadOnlyList<RepoEntry> files, CancellationToken cancellationToken) =>
        files.FirstOrDefault(f => f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) is { } file
        && await window.ReadAsync(repo.Id, file, GgufFacts.Window, cancellationToken) is { } bytes && GgufFacts.Read(bytes) is { } facts
            ? facts.With("totalFileSize", file.Size) : null;
}
