using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Accounts;

/// <summary>
/// <c>/api/users</c>: users added, listed and removed by an admin of the hub (<c>banyan hub user add --admin</c>), with a token of the
/// role write. An admin reads and changes no more than another user does.
/// </summary>
sealed class UserApi(Authoriser authoriser, AccountStore accounts)
{
    const int MaxText = 200;

    sealed record Body(string? Name, string? Fullname, string? Email);

    /// <summary><c>POST</c>: the answer is the only time that the user's first token is told.</summary>
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
            ["createdAt"] = HubJson.Time(u.CreatedAt),
        }.With("email", u.Email))]));
    }

    /// <summary><c>DELETE …/{name}</c>: one who owns nothing. The name stays taken.</summary>
    public async Task RemoveAsync(HttpContext context)
    {
        var caller = await CheckAsync(context);
        var name = (string)context.Request.RouteValues["name"]!;
        if (Names.Key(name) == Names.Key(caller.Name))
            throw HubException.BadRequest("You would remove yourself: another admin may.");
        if (await accounts.FindAsync(name, context.RequestAborted) is not { IsUser: true })
            throw HubException.NotFound($"There is no user {name}.");
        try
        {
            await accounts.RemoveAsync("user", name, context.RequestAborted);
        }
        catch (AccountException e)
        {
            throw HubException.BadRequest(e.Message);
        }
        await context.JsonAsync(new { });
    }

    async Task<Caller> CheckAsync(HttpContext context) =>
        await authoriser.UserAsync(context) is { Role: TokenRole.Write } caller && await accounts.FindAsync(caller.UserId, context.RequestAborted) is { IsAdmin: true }
            ? caller : throw HubException.Forbidden("Users are managed by an admin of the hub, with a token of the role write.");
}
