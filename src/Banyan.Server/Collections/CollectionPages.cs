using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Repos;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Collections;

/// <summary>Collections in a list.</summary>
/// <param name="Rows">Each with the first of what is in it.</param>
/// <param name="Owner">Whose they are, or empty for all.</param>
/// <param name="Item">What each has, as <c>models/ana/coder</c>; or empty.</param>
/// <param name="Next">Address of the next page, or null.</param>
/// <param name="Owners">In whose name the visitor may make one.</param>
/// <param name="Own">Those that the visitor may put something in.</param>
/// <param name="Error">What was wrong with a form, or null.</param>
public sealed record CollectionListView(
    IReadOnlyList<(Collection Collection, IReadOnlyList<CollectionItem> Items)> Rows, string Owner, string Item, string? Next,
    IReadOnlyList<string> Owners, IReadOnlyList<Collection> Own, string? Error);

/// <summary>A collection.</summary>
/// <param name="Collection">The collection.</param>
/// <param name="Items">What of it the visitor may see.</param>
/// <param name="MayWrite">Whether the visitor may change it.</param>
/// <param name="Error">What was wrong with a form, or null.</param>
public sealed record CollectionView(Collection Collection, IReadOnlyList<CollectionItem> Items, bool MayWrite, string? Error)
{
    /// <summary>Metadata for search engines and link previews.</summary>
}

/// <summary>Pages of collections, with forms that need no script.</summary>
sealed class CollectionPages(Authoriser authoriser, AccountStore accounts, CollectionStore store,
    CollectionAccess access, CollectionApi api)
{
    const int PageLength = 20, ListedItems = 4, MaxField = 200;

    /// <summary><c>/collections?owner=&amp;item=</c></summary>
    public Task ListAsync(HttpContext context) => ListAsync(context, null);

    async Task ListAsync(HttpContext context, HubException? error)
    {
        var (caller, query, cancellationToken) = (await authoriser.CallerAsync(context), context.Request.Query, context.RequestAborted);
        var (owner, item) = (query["owner"].ToString(), query["item"].ToString());
        if (owner.Length > MaxField || item.Length > MaxField)
            throw HubException.BadRequest($"owner, item: at most {MaxField} characters");
        long[]? owners = owner.Length == 0 ? null : await accounts.FindAsync(owner, cancellationToken) is { } account ? [account.Id]
            : throw HubException.NotFound($"There is no user or organization {owner}.");
        long[]? items = item.Length == 0 ? null : await api.RepoAsync(caller, item, cancellationToken) is { } repo ? [repo]
            : throw HubException.RepoNotFound(item);
        var (page, next) = await access.ListAsync(caller, owners, items, "", CollectionStore.Place.Read(query["cursor"]),
            PageLength, cancellationToken);
        var rows = new List<(Collection, IReadOnlyList<CollectionItem>)>();
        foreach (var collection in page)
            rows.Add((collection, await access.ItemsAsync(caller, collection, ListedItems, cancellationToken)));
        var (mine, writable) = ((IReadOnlyList<Collection>)[], (IReadOnlyList<string>)[]);
        if (!caller.IsAnonymous)
        {
            writable =
                [caller.Name,
                    .. (await accounts.MembersAsync(caller.UserId, cancellationToken)).Where(m => m.Role >= Right.Write)
                    .Select(m => m.Org)];
            if (item.Length > 0)
                mine = await OwnAsync(caller, writable, cancellationToken);
        }
        var address = next is { } place
            ? $"/collections{QueryString.Create(query.Where(q => q.Key is "owner" or "item").Select(q => new KeyValuePair<string, string?>(q.Key, q.Value)).Append(new("cursor", place.Text)))}" : null;
        await HtmlPage.RenderAsync<CollectionListPage>(context,
            new CollectionListView(rows, owner, item, address, writable, mine, error is null ? null : context.Language().Tell(error.Text)),
            error?.Status ?? 200);
    }

    /// <summary>The collections of those in whose name the caller writes, the last changed first.</summary>
    async Task<IReadOnlyList<Collection>> OwnAsync(Caller caller, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var rows = new List<long>();
        foreach (var name in names)
            rows.Add((await accounts.FindAsync(name, cancellationToken))!.Id);
        return (await access.ListAsync(caller, [.. rows], null, "", null, 5 * PageLength, cancellationToken)).Page;
    }

    /// <summary><c>POST /collections</c>: a new one, or something into one.</summary>
    public async Task CreateAsync(HttpContext context)
    {
        var (caller, form, cancellationToken) = (await authoriser.UserAsync(context), await context.FormAsync(), context.RequestAborted);
        try
        {
            var collection = form["into"].ToString() is { Length: > 0 } slug ? await IntoAsync(caller, slug, cancellationToken)
                : await NewAsync(caller, form, cancellationToken);
            if (form["item"].ToString() is { Length: > 0 } item)
            {
                var repo = await api.RepoAsync(caller, item, cancellationToken) ?? throw HubException.RepoNotFound(item);
                await store.PutAsync(collection, repo, null, null, cancellationToken);
            }
            SignInPages.SeeOther(context, collection.Path);
        }
        catch (HubException e) when (e.Status is 400 or 403 or 404 or 409)
        {
            await ListAsync(context, e);
        }
    }

    async Task<Collection> IntoAsync(Caller caller, string slug, CancellationToken cancellationToken) =>
        await access.FindAsync(caller, slug, cancellationToken) is { } found && await access.MayWriteAsync(caller, found, cancellationToken)
        ? found : throw HubException.NotFound($"There is no collection {slug} that you may change.");

    async Task<Collection> NewAsync(Caller caller, IFormCollection form, CancellationToken cancellationToken)
    {
        var owner = await access.OwnerAsync(caller, form["owner"].ToString() is { Length: > 0 } name ? name : null, cancellationToken);
        var (title, description) = (CollectionText.Title(form["title"]), CollectionText.Description(form["description"]));
        var (id, isNew) = await store.AddAsync(owner, title, description.Length > 0 ? description : null,
            form["visibility"] == "private", cancellationToken);
        return isNew ? (await store.FindAsync(id, cancellationToken))!
            : throw HubException.Conflict($"{owner.Name} has a collection called {title} already: choose another title.");
    }

    /// <summary><c>/collections/{owner}/{slug}</c></summary>
    public Task ShowAsync(HttpContext context) => ShowAsync(context, null);

    async Task ShowAsync(HttpContext context, HubException? error)
    {
        var (caller, collection) = await access.SeenAsync(context);
        var items = await access.ItemsAsync(caller, collection, CollectionStore.MaxItems, context.RequestAborted);
        await HtmlPage.RenderAsync<CollectionPage>(context,
            new CollectionView(collection, items, await access.MayWriteAsync(caller, collection, context.RequestAborted),
                error is null ? null : context.Language().Tell(error.Text)), error?.Status ?? 200);
    }

    /// <summary>
    /// <c>POST /collections/{owner}/{slug}</c>: something put in, changed or taken out; the collection changed or removed.
    /// </summary>
    public async Task ChangeAsync(HttpContext context)
    {
        var ((caller, collection), form, cancellationToken) =
            (await access.WrittenAsync(context), await context.FormAsync(), context.RequestAborted);
        var item = long.TryParse(form["id"], NumberStyles.None, CultureInfo.InvariantCulture, out var row) ? row : 0;
        try
        {
            switch (form["do"].ToString())
            {
                case "put":
                    var (repo, linked) = await access.MeantAsync(caller, form["type"], form["name"].ToString().Trim(), cancellationToken);
                    if (!await store.PutAsync(collection, repo, linked,
                        CollectionText.Note(form["note"]) is { Length: > 0 } note ? note : null, cancellationToken))
                        throw HubException.Conflict($"{form["name"]} is in it already.");
                    break;
                case "item":
                    int? place = int.TryParse(form["place"], NumberStyles.None, CultureInfo.InvariantCulture, out var p)
                        ? Math.Max(p, 1) - 1 : null;
                    if (!await store.ChangeItemAsync(collection, item, CollectionText.Note(form["note"]), place, cancellationToken))
                        throw HubException.NotFound("That is not in it any more.");
                    break;
                case "take":
                    await store.TakeAsync(collection, item, cancellationToken);
                    break;
                case "change":
                    await store.ChangeAsync(collection,
                        new(CollectionText.Title(form["title"]), CollectionText.Description(form["description"]),
                            form["visibility"] == "private", null, null), cancellationToken);
                    break;
                case "remove":
                    await store.RemoveAsync(collection, cancellationToken);
                    SignInPages.SeeOther(context, $"/collections?owner={collection.Owner}");
                    return;
                default:
                    throw HubException.BadRequest("This hub has no such form of a collection.");
            }
            SignInPages.SeeOther(context, collection.Path);
        }
        catch (HubException e) when (e.Status is 400 or 404 or 409)
        {
            await ShowAsync(context, e);
        }
    }
}
