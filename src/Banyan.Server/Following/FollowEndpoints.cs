using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Following;

/// <summary>Following people and organizations, watching repositories: over the API and by the forms of their pages.</summary>
sealed class FollowEndpoints(Authoriser authoriser, AccountStore accounts, RepoStore repos, FollowStore store, HubAddress address)
{
    const int PageLength = 500, MaxChanged = 100;

    /// <summary>
    /// <c>GET /api/users/{name}/followers</c>, <c>/api/organizations/{name}/followers</c>, <c>/api/users/{name}/following</c>
    /// </summary>
    public async Task ListAsync(HttpContext context, bool ofUser, bool followers)
    {
        var account = await FindAsync(context, ofUser);
        var skip = long.TryParse(context.Request.Query["skip"], NumberStyles.None, CultureInfo.InvariantCulture, out var s) ? s : 0;
        var found = await store.ListAsync(account.Id, followers, skip, PageLength + 1, context.RequestAborted);
        if (found.Count > PageLength)
            context.Response.Headers.Link = string.Create(CultureInfo.InvariantCulture,
                $"<{address.Root(context)}{context.Request.Path.ToUriComponent()}?skip={skip + PageLength}>; rel=\"next\"");
        await context.JsonAsync(new JsonArray([.. found.Take(PageLength).Select(a => new JsonObject
        {
            ["_id"] = WhoAmI.Id(a.Id),
            [a.IsUser ? "user" : "name"] = a.Name,
            ["fullname"] = a.FullName ?? a.Name,
            ["type"] = a.Kind,
            ["avatarUrl"] = "/assets/banyan.svg",
        })]));
    }

    async Task<Account> FindAsync(HttpContext context, bool ofUser)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        return await accounts.FindAsync(name, context.RequestAborted) is { } account && account.IsUser == ofUser ? account
            : throw HubException.NotFound($"There is no {(ofUser ? (ErrorText)"user" : "organization")} {name}.");
    }

    /// <summary>
    /// <c>POST</c>, <c>DELETE /api/users/{name}/follow</c>, <c>/api/organizations/{name}/follow</c>: done twice it is done once.
    /// </summary>
    public async Task SetAsync(HttpContext context, bool ofUser, bool follows)
    {
        var caller = await WriterAsync(context);
        await store.FollowAsync(caller, await FindAsync(context, ofUser), follows, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    async ValueTask<Caller> WriterAsync(HttpContext context) =>
        await authoriser.UserAsync(context) is { Role: TokenRole.Write } caller ? caller
        : throw HubException.Forbidden("Whom you follow is changed by a token of the role write.");

    /// <summary><c>POST /settings/following</c>: the form of a profile.</summary>
    public async Task SetByFormAsync(HttpContext context)
    {
        var (caller, form) = (await WriterAsync(context), await context.FormAsync());
        var account = await accounts.FindAsync(form["name"].ToString(), context.RequestAborted)
            ?? throw HubException.NotFound($"There is no user or organization {form["name"]}.");
        await store.FollowAsync(caller, account, form["follows"] != "false", context.RequestAborted);
        SignInPages.SeeOther(context, $"/{account.Name}");
    }

    /// <summary>What a user wants to be notified of.</summary>
    /// <param name="Type"><c>model</c>, <c>dataset</c>, <c>space</c>; or <c>user</c>, <c>org</c>, which are followed.</param>
    /// <param name="Name">Its name, with the owner.</param>
    sealed record WatchedItem(string? Type, string? Name);

    sealed record WatchChange(IReadOnlyList<WatchedItem>? Add, IReadOnlyList<WatchedItem>? Delete);

    /// <summary><c>GET /api/settings/watch</c>: the repositories that the caller watches.</summary>
    public async Task WatchedAsync(HttpContext context)
    {
        var caller = await authoriser.UserAsync(context);
        var shown = new JsonArray();
        foreach (var (type, name) in await store.WatchedAsync(caller.UserId, context.RequestAborted))
            if (await repos.FindAsync(type, name, context.RequestAborted) is { } repo
                && await authoriser.MayAsync(caller, repo, Need.See, context.RequestAborted))
                shown.Add(new JsonObject { ["type"] = type.Text(), ["name"] = repo.FullName });
        await context.JsonAsync(shown);
    }

    /// <summary><c>PATCH /api/settings/watch</c> <c>{"add": [{"type", "name"}], "delete": […]}</c></summary>
    public async Task SetWatchedAsync(HttpContext context)
    {
        var (caller, change) = (await WriterAsync(context), await context.BodyAsync<WatchChange>());
        if ((change.Add?.Count ?? 0) + (change.Delete?.Count ?? 0) > MaxChanged)
            throw HubException.BadRequest($"At most {MaxChanged} are changed at once.");
        foreach (var (item, isAdded) in (change.Add ?? []).Select(a => (a, true)).Concat((change.Delete ?? []).Select(d => (d, false))))
            if (item.Type is "user" or "org")
                await store.FollowAsync(caller, await accounts.FindAsync(item.Name ?? "", context.RequestAborted) is { } account
                    && account.IsUser == (item.Type == "user") ? account
                    : throw HubException.NotFound($"There is no user or organization {item.Name}."), isAdded, context.RequestAborted);
            else if (RepoTypes.All.Any(t => t.Text() == item.Type))
                await store.WatchAsync(caller, await authoriser.RepoAsync(context, RepoTypes.All.First(t => t.Text() == item.Type),
                    item.Name ?? "", Need.See, context.RequestAborted), isAdded ? Watch.All : Watch.Usual, context.RequestAborted);
            else
                throw HubException.BadRequest($"type '{item.Type}': model, dataset, space, user or org");
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /{id}/watch</c>: the form of a repository's page.</summary>
    public async Task WatchAsync(HttpContext context, Repo repo)
    {
        var (caller, form) = (await authoriser.UserAsync(context), await context.FormAsync());
        await store.WatchAsync(
            caller, repo, form["watch"].ToString() switch
            {
                "all" => Watch.All,
                "nothing" => Watch.Nothing,
                "usual" => Watch.Usual,
                _ => throw HubException.BadRequest($"watch '{form["watch"]}': usual, all or nothing")
            }, context.RequestAborted);
        SignInPages.SeeOther(context, $"/{repo.Path}");
    }
}
