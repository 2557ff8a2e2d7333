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
    // Characters of what repositories say of themselves, and of a file among others, in a page; rows with cards and headers that are read at once.
    const int PageLength = 1000, MaxPageLength = 8 << 20, SiblingLength = 60, DetailedBatch = 50;

    static readonly string[] s_detailed = ["cardData", "model-index", "config", "safetensors", "gguf", "baseModels"];

    public async Task HandleAsync(HttpContext context, RepoType type)
    {
        var (query, cancellationToken) = (context.Request.Query, context.RequestAborted);
        var caller = await authoriser.CallerAsync(context);
        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0 ? Math.Min(asked, PageLength) : PageLength;
        IReadOnlySet<string> fields = InfoEndpoint.Expand(query) is { Count: > 0 } expand ? expand : Fields(query);
        var (filter, order) = (ListFilter.Read(query, type), ListOrder.Read(query["sort"], query["direction"]));
        var after = ListOrder.Place.Read(query["cursor"], order);

        await index.CatchUpAsync(cancellationToken);
        var details = type != RepoType.Model || fields.Overlaps(s_detailed);
        // A page ends early where its repositories say much: nobody's answer takes the memory of others.
        var (page, room, told) = (new JsonArray(), MaxPageLength, ((Repo Repo, Listed Listed)?)null);
        for (var more = true; more;)
        {
            var found = await search.FindAsync(caller, filter, order, after, Math.Min(details ? DetailedBatch : PageLength, limit - page.Count + 1), details, cancellationToken);
            more = found.Count > 0;
            foreach (var (repo, listed) in found)
            {
                after = ListSearch.PlaceOf(order, repo, listed);
                // The token may see less than its user; where the list goes on is told by what it saw.
                if (repo.Private && !await authoriser.MayAsync(caller, repo, Need.See, cancellationToken))
                    continue;
                if (page.Count == limit || room <= 0)
                {
                    Next(context, type, order, told!.Value);
                    more = false;
                    break;
                }
                GitId? commit = listed.CommitOid is { } oid ? new GitId(oid) : null;
                var revision = commit is { } id && fields.Contains("siblings") ? await revisions.PeelAsync(repo, id, cancellationToken) : null;
                var entry = await json.WriteAsync(repo, commit, revision, listed.Read(), fields, blobs: false, cancellationToken);
                room -= (listed.Facts?.Length ?? 0) + (listed.Details?.Length ?? 0) + (entry["siblings"] is JsonArray files ? files.Count * SiblingLength : 0);
                page.Add(entry);
                told = (repo, listed);
            }
        }
        await context.JsonAsync(page);
    }

    void Next(HttpContext context, RepoType type, ListOrder order, (Repo Repo, Listed Listed) last)
    {
        var place = ListSearch.PlaceOf(order, last.Repo, last.Listed);
        var next = QueryString.Create(context.Request.Query.Where(q => q.Key != "cursor").Append(new("cursor", place.Text)));
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
