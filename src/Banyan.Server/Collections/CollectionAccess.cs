using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Collections;

/// <summary>Permissions on collections: everyone sees a public one, users with read access to its owner's namespace a private one, and
/// users with write access there change it. Readers are shown only the items that they may see.</summary>
sealed class CollectionAccess(Authoriser authoriser, AccountStore accounts, RepoStore repos, CollectionStore store)
{
    /// <summary>The collection of an address, for who asks.</summary>
    /// <exception cref="HubException">404: it is not there, or not to be seen.</exception>
    public async Task<(Caller Caller, Collection Collection)> SeenAsync(HttpContext context)
    {
        var (ns, slug) = ((string)context.Request.RouteValues["owner"]!, (string)context.Request.RouteValues["slug"]!);
        return await FindAsync(await authoriser.CallerAsync(context), $"{ns}/{slug}", context.RequestAborted) is { } found
            ? (await authoriser.CallerAsync(context), found) : throw NotFound($"{ns}/{slug}");
    }

    /// <summary>As <see cref="SeenAsync"/>, to change it.</summary>
    /// <exception cref="HubException">403 where it may only be seen.</exception>
    public async Task<(Caller Caller, Collection Collection)> WrittenAsync(HttpContext context)
    {
        var (caller, collection) = await SeenAsync(context);
        return await MayWriteAsync(caller, collection, context.RequestAborted) ? (caller, collection)
            : throw HubException.Forbidden(
                $"{caller.Name} may not change {collection.Slug} with this token: users with write access to {collection.Owner} can.");
    }

    static HubException NotFound(string slug) => HubException.NotFound($"There is no collection {slug}.");

    /// <summary>The collection that a slug names, if the caller may see it.</summary>
    public async Task<Collection?> FindAsync(Caller caller, string slug, CancellationToken cancellationToken) =>
        slug.Split('/') is [var owner, var name] && Collection.IdOf(name) is { } id
        && await store.FindAsync(id, cancellationToken) is { } found
        && Names.Key(found.Owner) == Names.Key(owner) && await MaySeeAsync(caller, found, cancellationToken) ? found : null;

    public async Task<bool> MayWriteAsync(Caller caller, Collection collection, CancellationToken cancellationToken) =>
        await RightAsync(caller, collection, cancellationToken) >= Right.Write;

    public async Task<bool> MaySeeAsync(Caller caller, Collection collection, CancellationToken cancellationToken) =>
        !collection.Private || await RightAsync(caller, collection, cancellationToken) >= Right.Read;

    async Task<Right> RightAsync(Caller caller, Collection collection, CancellationToken cancellationToken) =>
        caller.IsAnonymous ? Right.None
        : await authoriser.NamespaceRightAsync(caller, new Account { Id = collection.OwnerId, Name = collection.Owner }, cancellationToken);

    /// <summary>Who may own a new collection of the caller's.</summary>
    public async Task<Account> OwnerAsync(Caller caller, string? name, CancellationToken cancellationToken)
    {
        var owner = await accounts.FindAsync(name ?? caller.Name, cancellationToken)
            ?? throw HubException.NotFound($"There is no user or organization {name}.");
        return await authoriser.NamespaceRightAsync(caller, owner, cancellationToken) >= Right.Write ? owner
            : throw HubException.Forbidden($"{caller.Name} may not make a collection of {owner.Name} with this token.");
    }

    /// <summary>Collections that the caller may see, the last changed first, and where they go on.</summary>
    public async Task<(IReadOnlyList<Collection> Page, CollectionStore.Place? Next)> ListAsync(
        Caller caller, long[]? owners, long[]? containing, string text, CollectionStore.Place? after, int limit,
        CancellationToken cancellationToken)
    {
        long[] own = caller.IsAnonymous ? [] : [caller.UserId, .. await accounts.OrganizationsAsync(caller.UserId, cancellationToken)];
        var page = new List<Collection>();
        while (await store.ListAsync(new(owners, containing, text, own), after, limit + 1 - page.Count,
            cancellationToken) is { Count: > 0 } found)
            foreach (var collection in found)
            {
                if (page.Count == limit)
                    return (page, new(page[^1].UpdatedAt, page[^1].Id));
                after = new(collection.UpdatedAt, collection.Id);
                if (await MaySeeAsync(caller, collection, cancellationToken))
                    page.Add(collection);
            }
        return (page, null);
    }

    /// <summary>What of a collection the caller may see, in order.</summary>
    public async Task<IReadOnlyList<CollectionItem>> ItemsAsync(Caller caller, Collection collection, int limit,
        CancellationToken cancellationToken)
    {
        var seen = new List<CollectionItem>();
        foreach (var row in await store.ItemsAsync(collection.Id, Math.Min(CollectionStore.MaxItems, 4 * limit), cancellationToken))
        {
            if (seen.Count == limit)
                break;
            var repo = row.RepoId is { } id && await repos.FindAsync(id, cancellationToken) is { } r
                && await authoriser.MayAsync(caller, r, Need.See, cancellationToken) ? r : null;
            var linked = row.LinkedId is { } other && await store.FindAsync(other, cancellationToken) is { } c
                && await MaySeeAsync(caller, c, cancellationToken) ? c : null;
            if (repo is not null || linked is not null)
                seen.Add(new(row.Id, row.Position, row.Note, repo, linked));
        }
        return seen;
    }

    /// <summary>What is meant by the type and the name of an item.</summary>
    /// <exception cref="HubException">404: it is not there, or not to be seen; 400: a hub has no such things.</exception>
    public async Task<(long? Repo, long? Linked)> MeantAsync(Caller caller, string? type, string? name, CancellationToken cancellationToken)
    {
        name ??= "";
        if (type == "collection")
            return (null, (await FindAsync(caller, name, cancellationToken) ?? throw NotFound(name)).Id);
        if (type is null || RepoTypes.Parse(type) is not { } kind)
            throw HubException.BadRequest($"An item's type is model, dataset, space or collection, not '{type}'.");
        return await repos.FindAsync(kind, name, cancellationToken) is { } repo
            && await authoriser.MayAsync(caller, repo, Need.See, cancellationToken) ? (repo.Id, null)
            : throw HubException.RepoNotFound(name);
    }
}
