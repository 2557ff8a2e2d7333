using System.Text.Json.Nodes;
using Banyan.Server.Cards;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;

namespace Banyan.Server.Reports;

/// <summary>A result that a card claims, in the terms of its <c>model-index</c>.</summary>
public sealed record ClaimedResult(string Dataset, string Metric, string Value);

/// <summary>What is known about a model's quality.</summary>
/// <param name="Reports">Reports in its repository with their paths.</param>
/// <param name="Claims">What its card says.</param>
public sealed record ReportsView(IReadOnlyList<(string Path, SignedReport Report)> Reports, IReadOnlyList<ClaimedResult> Claims);

/// <summary>Finds and reads the reports of repositories. A file never changes under its hash, so results are cached.</summary>
sealed class RepoReports(HeaderWindow window, SigningKeys keys)
{
    const int MaxReports = 5, MaxClaims = 50, RowCost = 600;

    readonly GenerationCache<(long, GitId), SignedReport?> _cache = new(16 << 20);
    readonly SemaphoreSlim _reading = new(2);

    /// <summary>Those among some files: in the root, or in a folder of it.</summary>
    public async Task<IReadOnlyList<(string Path, SignedReport Report)>> OfAsync(long repo, IEnumerable<RepoEntry> files,
        CancellationToken cancellationToken)
    {
        var found = new List<(string, SignedReport)>();
        foreach (var file in files.Where(f => !f.IsFolder && IsReport(f.Path)).Take(MaxReports))
            if (await ReadAsync(repo, file, cancellationToken) is { } report)
                found.Add((file.Path, report));
        return found;
    }

    /// <summary>Whether a file may be a report, by its path.</summary>
    public static bool IsReport(string path) =>
        path == SignedReport.FileName || path.EndsWith($"/{SignedReport.FileName}", StringComparison.Ordinal);

    /// <summary>A file as a report; null where it is none.</summary>
    public async Task<SignedReport?> ReadAsync(long repo, RepoEntry file, CancellationToken cancellationToken)
    {
        if (file.Size > SignedReport.MaxBytes || await KnownAsync(repo, file, cancellationToken) is not { } report)
            return null;
        return report.IsValid ? report with { Owner = await keys.OwnerAsync(report.Signer, cancellationToken) } : report;
    }

    async Task<SignedReport?> KnownAsync(long repo, RepoEntry file, CancellationToken cancellationToken)
    {
        if (_cache.TryGet((repo, file.Id), out var known))
            return known;
        await _reading.WaitAsync(cancellationToken);
        try
        {
            var report = await window.ReadAsync(repo, file, SignedReport.MaxBytes, cancellationToken) is { } bytes
                ? SignedReport.Read(bytes) : null;
            _cache.Add((repo, file.Id), report, RowCost * (1 + (report?.Scores.Count ?? 0) + (report?.Differences.Count ?? 0)));
            return report;
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>What a card's header claims: <c>model-index</c>, of each result the data set and its metrics.</summary>
    public static IReadOnlyList<ClaimedResult> Claims(JsonObject? card) =>
        [.. from model in Objects(card?["model-index"])
            from result in Objects(model["results"])
            from metric in Objects(result["metrics"])
            let dataset = Text(result["dataset"], "name") ?? Text(result["dataset"], "type")
            let name = Text(metric, "name") ?? Text(metric, "type")
            let value = metric["value"] is JsonValue said ? said.ToString() : null
            where dataset is not null && name is not null && value is { Length: > 0 and <= 40 }
            select new ClaimedResult(dataset, name, value)];

    static IEnumerable<JsonObject> Objects(JsonNode? array) => (array as JsonArray)?.OfType<JsonObject>().Take(MaxClaims) ?? [];

    static string? Text(JsonNode? of, string name) => of is JsonObject o && o[name] is JsonValue value
        && value.TryGetValue<string>(out var text) && text.Length is > 0 and <= 200 ? text : null;
}
