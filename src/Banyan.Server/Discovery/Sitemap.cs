using System.Globalization;
using System.Text;
using System.Xml;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discovery;

/// <summary>
/// <c>/sitemap.xml</c> (sitemaps.org): the pages that everyone may see, for search engines. The index names parts,
/// <c>?part=repositories-3</c>, each of the
/// 50,000 rows with the same quotient of their ids: so a part never has more addresses than it may, stays where it is, and is written as it
/// is read.
/// </summary>
sealed class Sitemap(HubDatabase database, HubAddress address, TimeProvider time)
{
    /// <summary>Its address.</summary>
    public const string Path = "/sitemap.xml";

    const string Namespace = "http://www.sitemaps.org/schemas/sitemap/0.9";

    const int PartLength = 50_000, Batch = 1000;

    static readonly TimeSpan s_remembered = TimeSpan.FromMinutes(10);

    sealed record Part(string Kind, long Number, long? ChangedAt);

    sealed record Index(IReadOnlyList<Part> Parts, DateTimeOffset At);

    readonly SemaphoreSlim _turn = new(1);

    Index? _known;

    public Task ShowAsync(HttpContext context)
    {
        var asked = context.Request.Query["part"].ToString();
        if (asked.Length == 0)
            return IndexAsync(context);
        return asked.Split('-') is [var kind, var number]
            && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var part)
            && part <= long.MaxValue / PartLength - 1
            ? kind switch
            {
                "repositories" => PartAsync(context, part, ReposAsync),
                "profiles" => PartAsync(context, part, ProfilesAsync),
                _ => throw NotFound(asked),
            }
            : throw NotFound(asked);
    }

    static HubException NotFound(string part) => HubException.NotFound($"The sitemap has no part '{part}': {Path} names those it has.");

    async Task IndexAsync(HttpContext context)
    {
        var parts = await PartsAsync(context.RequestAborted);
        await using var xml = Begin(context);
        await xml.WriteStartElementAsync(null, "sitemapindex", Namespace);
        foreach (var part in parts)
            await EntryAsync(xml, "sitemap", $"{address.Root(context)}{Path}?part={part.Kind}-{part.Number}", part.ChangedAt);
        await xml.WriteEndElementAsync();
    }

    /// <summary>
    /// The parts of which something is there. All repositories are gone through in an index for it: where they are many, not more often
    /// than every ten minutes.
    /// </summary>
    async Task<IReadOnlyList<Part>> PartsAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var now = time.GetUtcNow();
            if (_known is { } known && now - known.At < s_remembered && now >= known.At && known.Parts.Any(p => p.Number > 0))
                return known.Parts;
            var parts = await database.ReadAsync(
                async c => (await c.QueryAsync<(string, long, long?)>(
                    """
                    SELECT 'repositories', id / @PartLength, MAX(updated_at) FROM repos WHERE type IN ('model', 'dataset', 'space') AND private = @no GROUP BY id / @PartLength
                    UNION ALL
                    SELECT 'profiles', id / @PartLength, NULL FROM accounts WHERE kind IN ('user', 'org') AND suspended_at IS NULL GROUP BY id / @PartLength
                    ORDER BY 1 DESC, 2
                    """,
                    new { PartLength = (long)PartLength, no = false })).Select(r => new Part(r.Item1, r.Item2, r.Item3)).ToList(),
                cancellationToken);
            _known = new(parts, now);
            return parts;
        }
        finally
        {
            _turn.Release();
        }
    }

    async Task PartAsync(HttpContext context, long part,
        Func<long, long, CancellationToken, Task<IReadOnlyList<(long Id, string Path, long? ChangedAt)>>> read)
    {
        await using var xml = Begin(context);
        await xml.WriteStartElementAsync(null, "urlset", Namespace);
        var (after, end) = (part * PartLength - 1, (part + 1) * PartLength);
        while (await read(after, end, context.RequestAborted) is { Count: > 0 } rows)
        {
            foreach (var row in rows)
                await EntryAsync(xml, "url", $"{address.Root(context)}/{row.Path}", row.ChangedAt);
            await xml.FlushAsync();
            after = rows[^1].Id;
        }
        await xml.WriteEndElementAsync();
    }

    Task<IReadOnlyList<(long Id, string Path, long? ChangedAt)>> ReposAsync(long after, long end, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(long, string, long?)>>(
        async c => [.. (await c.QueryAsync<Repo>(
            $"""
            SELECT {RepoStore.Columns} FROM repos r JOIN accounts a ON a.id = r.owner_id
            WHERE r.id > @after AND r.id < @end AND r.private = @no AND r.disabled = @no ORDER BY r.id LIMIT @Batch
            """,
            new { after, end, no = false, Batch })).Select(r => (r.Id, r.Path, (long?)r.UpdatedAt))],
        cancellationToken);

    // When a profile changed is not reported: what is on it changes with its repositories.
    Task<IReadOnlyList<(long Id, string Path, long? ChangedAt)>> ProfilesAsync(long after, long end, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(long, string, long?)>>(
        async c => [.. (await c.QueryAsync<(long Id, string Name)>(
            "SELECT id, name FROM accounts WHERE id > @after AND id < @end AND kind IN ('user', 'org') AND suspended_at IS NULL ORDER BY id LIMIT @Batch",
            new { after, end, Batch })).Select(a => (a.Id, a.Name, (long?)null))],
        cancellationToken);

    static XmlWriter Begin(HttpContext context)
    {
        context.Response.ContentType = "application/xml; charset=utf-8";
        return XmlWriter.Create(context.Response.Body,
            new() { Async = true, Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false) });
    }

    static async Task EntryAsync(XmlWriter xml, string element, string location, long? changedAt)
    {
        await xml.WriteStartElementAsync(null, element, Namespace);
        await xml.WriteElementStringAsync(null, "loc", Namespace, location);
        if (changedAt is { } at)
            await xml.WriteElementStringAsync(null, "lastmod", Namespace, HubJson.Time(at));
        await xml.WriteEndElementAsync();
    }
}
