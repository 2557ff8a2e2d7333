using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Cards;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Listing;

/// <summary><c>GET /api/{type}?search&amp;author&amp;filter&amp;sort&amp;limit…</c>: the repositories that the caller may see.</summary>
sealed class ListEndpoint(Authoriser authoriser, AccountStore accounts, ListStore lists, ListIndex index, Revisions revisions, RepoJson json, HubAddress address)
{
    const int PageLength = 1000;

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
        var found = await FindAsync(caller, filter, order, after, limit, type != RepoType.Model || fields.Overlaps(s_detailed), cancellationToken);
        if (found.Count > limit)
        {
            var (last, listed) = found[limit - 1];
            var place = new ListOrder.Place(order.ByName ? listed.NameKey! : listed.SortKey.ToString(CultureInfo.InvariantCulture), last.Id);
            var next = QueryString.Create(query.Where(q => q.Key != "cursor").Append(new("cursor", place.Text)));
            context.Response.Headers.Link = $"<{address.Root(context)}/api/{type.Plural()}{next}>; rel=\"next\"";
        }
        var page = new JsonArray();
        foreach (var (repo, listed) in found.Take(limit))
        {
            // The token may see less than its user.
            if (repo.Private && !await authoriser.MayAsync(caller, repo, Need.See, cancellationToken))
                continue;
            GitId? commit = listed.CommitOid is { } oid ? new GitId(oid) : null;
            var revision = commit is { } id && fields.Contains("siblings") ? await revisions.PeelAsync(repo, id, cancellationToken) : null;
            page.Add(await json.WriteAsync(repo, commit, revision, listed.Read(), fields, blobs: false, cancellationToken));
        }
        await context.JsonAsync(page);
    }

    async Task<IReadOnlyList<(Repo Repo, Listed Listed)>> FindAsync(
        Caller caller, ListFilter filter, ListOrder order, ListOrder.Place? after, int limit, bool details, CancellationToken cancellationToken)
    {
        long? owner = null;
        if (filter.Author is { } author)
        {
            if (await accounts.FindAsync(author, cancellationToken) is not { } account)
                return [];
            owner = account.Id;
        }
        long[] own = caller.IsAnonymous ? [] : [caller.UserId, .. await accounts.OrganizationsAsync(caller.UserId, cancellationToken)];
        return await lists.PageAsync(filter, owner, own, order, after, limit, details, cancellationToken);
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
