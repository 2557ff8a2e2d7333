using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Banyan.Server.Collections;

/// <summary>Collections over the API, as <c>huggingface_hub</c> and <c>@huggingface/hub</c> use them.</summary>
sealed class CollectionApi(Authoriser authoriser, AccountStore accounts, RepoStore repos, CollectionStore store,
    CollectionAccess access, HubAddress address)
{
    const int PageLength = 20, MaxPageLength = 100, ListedItems = 4, MaxAsked = 20, MaxQuery = 200;

    sealed record NewBody(string? Title, string? Description, string? Namespace, bool? Private, ItemBody? Item);

    sealed record ChangeBody(string? Title, string? Description, bool? Private, string? Theme, int? Position);

    sealed record ItemBody(string? Id, string? Type);

    sealed record NewItemBody(ItemBody? Item, string? Note);

    sealed record ChangeItemBody(string? Note, int? Position);

    /// <summary>
    /// <c>GET /api/collections?owner&amp;item&amp;q&amp;sort&amp;limit</c>: the last changed first, of each the first items.
    /// </summary>
    public async Task ListAsync(HttpContext context)
    {
        var (caller, query, cancellationToken) = (await authoriser.CallerAsync(context), context.Request.Query, context.RequestAborted);
        if (query["sort"].ToString() is not ("" or "lastModified" or "trending" or "upvotes"))
            throw HubException.BadRequest($"sort: '{query["sort"]}' is not one of lastModified, trending, upvotes");
        if (query["owner"].Count + query["item"].Count > MaxAsked || query["q"].ToString().Length > MaxQuery)
            throw HubException.BadRequest(
                $"A list of collections is narrowed by at most {MaxAsked} owners and items, and {MaxQuery} characters of text.");
        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0
            ? Math.Min(asked, MaxPageLength) : PageLength;
        long[]? owners = query.ContainsKey("owner")
            ? await RowsAsync(query["owner"], async name => (await accounts.FindAsync(name, cancellationToken))?.Id) : null;
        long[]? items = query.ContainsKey("item")
            ? await RowsAsync(query["item"], name => RepoAsync(caller, name, cancellationToken)) : null;
        var (page, next) = await access.ListAsync(caller, owners, items, query["q"].ToString(), CollectionStore.Place.Read(query["cursor"]),
            limit, cancellationToken);
        if (next is { } place)
            context.Response.Headers.Link =
                $"<{address.Root(context)}/api/collections{QueryString.Create(query.Where(q => q.Key != "cursor").SelectMany(q => q.Value.Select(v => new KeyValuePair<string, string?>(q.Key, v))).Append(new("cursor", place.Text)))}>; rel=\"next\"";
        var told = new JsonArray();
        foreach (var collection in page)
            told.Add(await JsonAsync(context, caller, collection, ListedItems));
        await context.JsonAsync(told);
    }

    static async Task<long[]> RowsAsync(StringValues names, Func<string, Task<long?>> find)
    {
        var rows = new List<long>();
        foreach (var name in names)
            if (await find(name ?? "") is { } row)
                rows.Add(row);
        return [.. rows];
    }

    /// <summary>The row of <c>models/ana/coder</c>, if the caller may see it.</summary>
    public async Task<long?> RepoAsync(Caller caller, string item, CancellationToken cancellationToken) =>
        item.Split('/', 2) is [var plural, var name]
        && RepoTypes.All.Where(t => t.Plural() == plural).Select(t => (RepoType?)t).FirstOrDefault() is { } type
        && await repos.FindAsync(type, name, cancellationToken) is { } repo
        && await authoriser.MayAsync(caller, repo, Need.See, cancellationToken) ? repo.Id : null;

    /// <summary><c>GET /api/collections/{owner}/{slug}</c></summary>
    public async Task ShowAsync(HttpContext context)
    {
        var (caller, collection) = await access.SeenAsync(context);
        await ShowAsync(context, caller, collection);
    }

    async Task ShowAsync(HttpContext context, Caller caller, Collection collection) =>
        await context.JsonAsync(await WholeAsync(context, caller, collection.Id));

    async Task<JsonObject> WholeAsync(HttpContext context, Caller caller, long id)
    {
        var collection = await store.FindAsync(id, context.RequestAborted)
            ?? throw HubException.NotFound("The collection was removed meanwhile.");
        var json = await JsonAsync(context, caller, collection, CollectionStore.MaxItems);
        json["position"] = collection.Position;
        json["shareUrl"] = address.Root(context) + collection.Path;
        return json;
    }

    /// <summary><c>POST /api/collections</c></summary>
    public async Task CreateAsync(HttpContext context)
    {
        var (caller, body, cancellationToken) =
            (await authoriser.UserAsync(context), await context.BodyAsync<NewBody>(), context.RequestAborted);
        var (title, description) = (CollectionText.Title(body.Title), CollectionText.Description(body.Description));
        var owner = await access.OwnerAsync(caller, body.Namespace, cancellationToken);
        (long?, long?)? first = body.Item is { } item ? await access.MeantAsync(caller, item.Type, item.Id, cancellationToken) : null;
        var (id, isNew) = await store.AddAsync(owner, title, description.Length > 0 ? description : null,
            body.Private ?? false, cancellationToken);
        var collection = await store.FindAsync(id, cancellationToken) ?? throw HubException.Stale();
        if (!isNew)
            throw new HubException(409, null, $"{owner.Name} has a collection called {title} already: {collection.Slug}")
            {
                Url =
                address.Root(context) + collection.Path,
                Slug = collection.Slug
            };
        if (first is var (repo, linked))
            await store.PutAsync(collection, repo, linked, null, cancellationToken);
        await ShowAsync(context, caller, collection);
    }

    /// <summary><c>PATCH /api/collections/{owner}/{slug}</c></summary>
    public async Task ChangeAsync(HttpContext context)
    {
        var ((caller, collection), body) = (await access.WrittenAsync(context), await context.BodyAsync<ChangeBody>());
        await store.ChangeAsync(
            collection,
            new(body.Title is null ? null : CollectionText.Title(body.Title),
                body.Description is null ? null : CollectionText.Description(body.Description), body.Private,
                body.Theme is null ? null : CollectionText.Theme(body.Theme), body.Position),
            context.RequestAborted);
        await context.JsonAsync(new JsonObject { ["success"] = true, ["data"] = await WholeAsync(context, caller, collection.Id) });
    }

    /// <summary><c>DELETE /api/collections/{owner}/{slug}</c></summary>
    public async Task RemoveAsync(HttpContext context)
    {
        var (_, collection) = await access.WrittenAsync(context);
        await store.RemoveAsync(collection, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /api/collections/{owner}/{slug}/items</c></summary>
    public async Task PutAsync(HttpContext context)
    {
        var ((caller, collection), body) = (await access.WrittenAsync(context), await context.BodyAsync<NewItemBody>());
        var (repo, linked) = await access.MeantAsync(caller, body.Item?.Type, body.Item?.Id, context.RequestAborted);
        if (!await store.PutAsync(collection, repo, linked,
            body.Note is null ? null : CollectionText.Note(body.Note), context.RequestAborted))
            throw HubException.Conflict($"{body.Item!.Id} is in {collection.Slug} already.");
        await ShowAsync(context, caller, collection);
    }

    /// <summary><c>PATCH /api/collections/{owner}/{slug}/items/{item}</c></summary>
    public async Task ChangeItemAsync(HttpContext context)
    {
        var ((_, collection), body) = (await access.WrittenAsync(context), await context.BodyAsync<ChangeItemBody>());
        if (!await store.ChangeItemAsync(collection, ItemOf(context), body.Note is null ? null : CollectionText.Note(body.Note),
            body.Position, context.RequestAborted))
            throw NoItem(context, collection);
        await context.JsonAsync(new JsonObject { ["success"] = true });
    }

    /// <summary><c>DELETE /api/collections/{owner}/{slug}/items/{item}</c></summary>
    public async Task TakeAsync(HttpContext context)
    {
        var (_, collection) = await access.WrittenAsync(context);
        if (!await store.TakeAsync(collection, ItemOf(context), context.RequestAborted))
            throw NoItem(context, collection);
        await context.JsonAsync(new { });
    }

    static long ItemOf(HttpContext context) =>
        (string?)context.Request.RouteValues["item"] is { Length: <= 24 } text
        && long.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var row) ? row : 0;

    static HubException NoItem(HttpContext context, Collection collection) =>
        HubException.NotFound($"{collection.Slug} has no item {context.Request.RouteValues["item"]}.");

    async Task<JsonObject> JsonAsync(HttpContext context, Caller caller, Collection collection, int items)
    {
        var told = new JsonArray();
        foreach (var item in await access.ItemsAsync(caller, collection, items, context.RequestAborted))
            told.Add(await ItemAsync(context, item));
        return new JsonObject
        {
            ["slug"] = collection.Slug,
            ["title"] = collection.Title,
            ["lastUpdated"] = HubJson.Time(collection.UpdatedAt),
            ["gating"] = false,
            ["owner"] = await OwnerAsync(context, collection),
            ["items"] = told,
            ["theme"] = collection.Theme,
            ["private"] = collection.Private,
            ["upvotes"] = 0,
            ["isUpvotedByUser"] = false,
        }.With("description", collection.Description);
    }

    async Task<JsonObject> OwnerAsync(HttpContext context, Collection collection)
    {
        var owner = await accounts.FindAsync(collection.OwnerId, context.RequestAborted);
        return new()
        {
            ["_id"] = WhoAmI.Id(collection.OwnerId),
            ["avatarUrl"] = "/assets/banyan.svg",
            ["fullname"] = owner?.FullName ?? collection.Owner,
            ["name"] = collection.Owner,
            ["type"] = owner is { IsUser: false } ? "org" : "user",
        };
    }

    async Task<JsonObject> ItemAsync(HttpContext context, CollectionItem item)
    {
        var json = new JsonObject { ["_id"] = WhoAmI.Id(item.Id), ["position"] = item.Position };
        json.With("note", item.Note is { } note ? new JsonObject { ["html"] = WebUtility.HtmlEncode(note), ["text"] = note } : null);
        if (item.Repo is { } repo)
        {
            json["type"] = repo.Type.Text();
            json["repoType"] = repo.Type.Text();
            json["id"] = repo.FullName;
            json["author"] = repo.Owner;
            json["private"] = repo.Private;
            json["gated"] = repo.Gated is { } gated ? gated : false;
            json["downloads"] = repo.Downloads;
            json["likes"] = repo.Likes;
            json["lastModified"] = HubJson.Time(repo.UpdatedAt);
            return json;
        }
        var linked = item.Linked!;
        json["type"] = "collection";
        json["id"] = WhoAmI.Id(linked.Id);
        json["slug"] = linked.Slug;
        json["title"] = linked.Title;
        json["lastUpdated"] = HubJson.Time(linked.UpdatedAt);
        json["owner"] = await OwnerAsync(context, linked);
        json["theme"] = linked.Theme;
        json["upvotes"] = 0;
        json["shareUrl"] = address.Root(context) + linked.Path;
        return json.With("description", linked.Description);
    }
}
