using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Accounts;

/// <summary>
/// <c>/api/users</c>: users added, listed, suspended and removed by an admin of the hub (<c>banyan hub user add --admin</c>), with a token
/// of the role write. An admin may also move and remove any repository (<see cref="ChangeRepo"/>), and reads no more than another user
/// does.
/// </summary>
sealed class UserApi(Authoriser authoriser, AccountStore accounts, RepoChanges changes)
{
    const int MaxText = 200;

    sealed record Body(string? Name, string? Fullname, string? Email);

    /// <summary><c>POST</c>: the answer is the only time that the user's first token is shown.</summary>
    public async Task AddAsync(HttpContext context)
    {
        await CheckAsync(context);
        var body = await context.BodyAsync<Body>();
        if (body.Fullname is { Length: > MaxText } || body.Email is { Length: > MaxText })
            throw HubException.BadRequest($"fullname, email: at most {MaxText} characters");
        try
        {
            var user = await accounts.AddAsync("user", body.Name ?? "", body.Fullname, body.Email, context.RequestAborted);
            var token = await accounts.AddTokenAsync(user.Name, "first", TokenRole.Write, null, null, context.RequestAborted);
            await context.JsonAsync(new JsonObject { ["name"] = user.Name, ["fullname"] = user.FullName ?? user.Name, ["token"] = token });
        }
        catch (AccountException e)
        {
            throw HubException.BadRequest(e.Message);
        }
    }

    /// <summary><c>GET</c></summary>
    public async Task ListAsync(HttpContext context)
    {
        await CheckAsync(context);
        await context.JsonAsync(new JsonArray([.. (await accounts.ListAsync("user", context.RequestAborted)).Select(u => new JsonObject
        {
            ["name"] = u.Name,
            ["fullname"] = u.FullName ?? u.Name,
            ["isAdmin"] = u.IsAdmin,
            ["suspended"] = u.SuspendedAt is not null,
            ["createdAt"] = HubJson.Time(u.CreatedAt),
        }.With("email", u.Email))]));
    }

    /// <summary><c>DELETE …/{name}?moveReposTo=NAMESPACE</c>: a user who owns nothing, or whose repositories are moved elsewhere. The name
    /// stays reserved.</summary>
    public async Task RemoveAsync(HttpContext context)
    {
        var (caller, user) = await OtherAsync(context, "remove");
        try
        {
            if (context.Request.Query["moveReposTo"].ToString() is { Length: > 0 } ns)
            {
                var owner = await accounts.FindAsync(ns, context.RequestAborted)
                    ?? throw HubException.NotFound($"There is no user or organization {ns}.");
                foreach (var repo in await changes.ListAsync(user.Id, context.RequestAborted))
                    if (!await changes.MoveAsync(repo, owner, repo.Name, caller.UserId, context.RequestAborted))
                        throw HubException.Conflict(
                            $"{owner.Name} has a {repo.Type.Text()} repository called {repo.Name} already: move {repo.Path} by itself, then go on.");
            }
            await accounts.RemoveAsync("user", user.Name, context.RequestAborted);
        }
        catch (AccountException e)
        {
            throw HubException.BadRequest(e.Message);
        }
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST …/{name}/suspend</c>, <c>…/resume</c>: none of the user's tokens works while suspended.</summary>
    public async Task SuspendAsync(HttpContext context, bool isSuspended)
    {
        var (_, user) = await OtherAsync(context, isSuspended ? "suspend" : "resume");
        await accounts.SuspendAsync(user.Name, isSuspended, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    async Task<(Caller Caller, Account User)> OtherAsync(HttpContext context, string verb)
    {
        var (caller, name) = (await CheckAsync(context), (string)context.Request.RouteValues["name"]!);
        if (Names.Key(name) == Names.Key(caller.Name))
            throw HubException.BadRequest($"You would {verb} yourself: another admin may.");
        return (caller, await accounts.FindAsync(name, context.RequestAborted) is { IsUser: true } user ? user
            : throw HubException.NotFound($"There is no user {name}."));
    }

    ValueTask<Caller> CheckAsync(HttpContext context) => authoriser.AdminAsync(context);
}
