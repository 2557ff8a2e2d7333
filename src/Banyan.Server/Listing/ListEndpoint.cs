using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Cards;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Listing;

/// <summary><c>GET /api/{type}?search&amp;author&amp;filter&amp;sort&amp;limit…</c>: the repositories that the caller may see.</summary>
sealed class ListEndpoint(Authoriser authoriser, ListSearch search, ListIndex index, Revisions revisions, RepoJson json, HubAddress address)
{
    // Characters of what repositories say of themselves, and of a file among others, in a page; rows with cards and headers that are read
    // at once.
    const int PageLength = 1000, MaxPageLength = 8 << 20, SiblingLength = 60, DetailedBatch = 50, MaxRounds = 20,
        SpareShare = 8, SpareAtLeast = 4;

    static readonly string[] s_detailed = ["cardData", "model-index", "config", "safetensors", "gguf", "baseModels"];

    public async Task HandleAsync(HttpContext context, RepoType type)
    {
        var (query, cancellationToken) = (context.Request.Query, context.RequestAborted);
        var caller = await authoriser.CallerAsync(context);
        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0
            ? Math.Min(asked, PageLength) : PageLength;
        IReadOnlySet<string> fields = InfoEndpoint.Expand(query) is { Count: > 0 } expand ? expand : Fields(query);
        var (filter, order) = (ListFilter.Read(query, type), ListOrder.Read(query["sort"], query["direction"]));
        await index.CatchUpAsync(cancellationToken);
        var details = type != RepoType.Model || fields.Overlaps(s_detailed);
        // Who names no order gets the one that costs least: by downloads, roughly.
        var ranked = search.IsRanked && filter is { Parameters: null, Gated: null, MostBytes: null } && query["sort"].ToString() is ""
            or "trendingScore" or "trending_score" && !order.Ascending && query["cursor"].ToString() is "" or ['~', ..];
        var (place, after) = ranked ? (Ranked(query["cursor"]), null) : ((long?)null, ListOrder.Place.Read(query["cursor"], order));
        async Task<IReadOnlyList<(string Cursor, Repo Repo, Listed Listed)>> MoreAsync(int most)
        {
            if (!ranked)
            {
                var found = await search.FindAsync(caller, filter, order, after, most, details, cancellationToken);
                after = found.Count > 0 ? ListSearch.PlaceOf(order, found[^1].Repo, found[^1].Listed) : null;
                return [.. found.Select(f => (ListSearch.PlaceOf(order, f.Repo, f.Listed).Text, f.Repo, f.Listed))];
            }
            for (var round = 0; place is { } behind; round++)
            {
                if (round == MaxRounds)
                {
                    Next(context, type, string.Create(CultureInfo.InvariantCulture, $"~{behind}"));
                    break;
                }
                (var rows, place) = await search.RankedAsync(caller, filter, behind, most, details, cancellationToken);
                if (rows.Count > 0)
                    return [.. rows.Select(r => (string.Create(CultureInfo.InvariantCulture, $"~{r.Place}"), r.Repo, r.Listed))];
                most = details ? DetailedBatch : PageLength;
            }
            return [];
        }

        // A page ends early where its repositories say much: nobody's answer takes the memory of others.
        var (page, room, told) = (new JsonArray(), MaxPageLength, "");
        for (var more = true; more;)
        {
            // One more row tells whether there is another page; the spare rows make up for those that the caller may not see.
            var left = limit - page.Count + 1;
            var found = await MoreAsync(Math.Min(details ? DetailedBatch : PageLength, left + left / SpareShare + SpareAtLeast));
            more = found.Count > 0;
            foreach (var (cursor, repo, listed) in found)
            {
                // The token may see less than its user; where the list goes on is told by what it saw.
                if (repo.Private && !await authoriser.MayAsync(caller, repo, Need.See, cancellationToken))
                    continue;
                if (page.Count == limit || room <= 0)
                {
                    Next(context, type, told);
                    more = false;
                    break;
                }
                GitId? commit = listed.CommitOid is { } oid ? new GitId(oid) : null;
                var revision = commit is { } id && fields.Contains("siblings")
                    ? await revisions.PeelAsync(repo, id, cancellationToken) : null;
                var entry = await json.WriteAsync(repo, commit, revision, listed.Read(), fields, blobs: false, cancellationToken);
                room -= (listed.Facts?.Length ?? 0) + (listed.Details?.Length ?? 0)
                    + (entry["siblings"] is JsonArray files ? files.Count * SiblingLength : 0);
                page.Add(entry);
                told = cursor;
            }
        }
        await context.JsonAsync(page);
    }

    static long? Ranked(string? cursor) => cursor is not { Length: > 0 } ? -1
        : long.TryParse(cursor.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place
        : throw HubException.BadRequest("The cursor was not issued by this hub for this order.");

    void Next(HttpContext context, RepoType type, string cursor)
    {
        var next = QueryString.Create(context.Request.Query.Where(q => q.Key != "cursor").Append(new("cursor", cursor)));
        context.Response.Headers.Link = $"<{address.Root(context)}/api/{type.Plural()}{next}>; rel=\"next\"";
    }

    static IReadOnlySet<string> Fields(IQueryCollection query)
    {
        if (TreeEndpoint.IsTrue(query.TryGetValue("full", out var full) ? full.ToString() : null))
            return new HashSet<string>(RepoJson.List) { "siblings", "cardData" };
        var fields = new HashSet<string>(RepoJson.List);
        foreach (var (name, field) in (ReadOnlySpan<(string, string)>)[("config", "config"), ("cardData", "cardData")])
            if (query.TryGetValue(name, out var value) && TreeEndpoint.IsTrue(value))
                fields.Add(field);
        return fields;
    }
}
