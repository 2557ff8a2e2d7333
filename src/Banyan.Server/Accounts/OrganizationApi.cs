using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Accounts;

/// <summary>Users and organizations over the API: visible to everyone; any user can create organizations, their admins change
/// them.</summary>
sealed class OrganizationApi(Authoriser authoriser, AccountStore accounts)
{
    sealed record Body(string? Name, string? Fullname);

    sealed record MemberBody(string? Role);

    /// <summary><c>GET /api/users/{name}/overview</c>, <c>/api/organizations/{name}/overview</c></summary>
    public async Task OverviewAsync(HttpContext context, bool user)
    {
        var account = await FindAsync(context, user);
        var members = await accounts.MembersAsync(account.Id, context.RequestAborted);
        var repos = await accounts.PublicReposAsync(account.Id, context.RequestAborted);
        var json = new JsonObject
        {
            ["_id"] = WhoAmI.Id(account.Id),
            [user ? "user" : "name"] = account.Name,
            ["type"] = account.Kind,
            ["fullname"] = account.FullName ?? account.Name,
            ["avatarUrl"] = "/assets/banyan.svg",
            ["createdAt"] = HubJson.Time(account.CreatedAt),
            ["numModels"] = repos.GetValueOrDefault("model"),
            ["numDatasets"] = repos.GetValueOrDefault("dataset"),
            ["numSpaces"] = repos.GetValueOrDefault("space"),
        };
        if (user)
            json["orgs"] =
                new JsonArray(
                    [.. members.Select(m => new JsonObject { ["name"] = m.Org, ["fullname"] = m.OrgFullName ?? m.Org,
                        ["avatarUrl"] = "/assets/banyan.svg" })]);
        else
            json["numUsers"] = members.Count;
        await context.JsonAsync(json);
    }

    /// <summary><c>GET /api/organizations/{name}/members</c></summary>
    public async Task MembersAsync(HttpContext context)
    {
        var members = await accounts.MembersAsync((await FindAsync(context, user: false)).Id, context.RequestAborted);
        await context.JsonAsync(new JsonArray([.. members.Select(m => new JsonObject
        {
            ["user"] = m.User,
            ["type"] = "user",
            ["fullname"] = m.UserFullName ?? m.User,
            ["avatarUrl"] = "/assets/banyan.svg",
            ["role"] = m.Role.ToString().ToLowerInvariant(),
        })]));
    }

    /// <summary><c>POST /api/organizations</c>: the caller becomes its admin.</summary>
    public async Task CreateAsync(HttpContext context)
    {
        var (caller, body) = (await CallerAsync(context), await context.BodyAsync<Body>());
        if (body.Fullname is { Length: > 200 })
            throw HubException.BadRequest("fullname: at most 200 characters");
        var made =
            await OrBadRequestAsync(() => accounts.AddOrganizationAsync(body.Name ?? "", body.Fullname, caller.UserId,
                context.RequestAborted));
        await context.JsonAsync(new { name = made.Name, fullname = made.FullName ?? made.Name });
    }

    /// <summary><c>PUT /api/organizations/{name}/members/{user}</c></summary>
    public async Task SetMemberAsync(HttpContext context)
    {
        var organization = await AdministeredAsync(context);
        var role = (await context.BodyAsync<MemberBody>()).Role switch
        {
            "read" => Right.Read,
            "write" or "contributor" => Right.Write,
            "admin" => Right.Admin,
            var other => throw HubException.BadRequest($"role '{other}': read, write or admin"),
        };
        if (role < Right.Admin)
            await CheckAnotherAdminAsync(context, organization);
        await OrNotFoundAsync(() => accounts.SetMemberAsync(organization.Name, User(context), role, context.RequestAborted));
        await context.JsonAsync(new { });
    }

    /// <summary><c>DELETE /api/organizations/{name}/members/{user}</c></summary>
    public async Task RemoveMemberAsync(HttpContext context)
    {
        var organization = await AdministeredAsync(context);
        await CheckAnotherAdminAsync(context, organization);
        await OrNotFoundAsync(() => accounts.RemoveMemberAsync(organization.Name, User(context), context.RequestAborted));
        await context.JsonAsync(new { });
    }

    /// <summary><c>DELETE /api/organizations/{name}</c>: one that owns nothing. Its name stays taken.</summary>
    public async Task RemoveAsync(HttpContext context)
    {
        var organization = await AdministeredAsync(context);
        await OrBadRequestAsync(async () =>
        {
            await accounts.RemoveAsync("org", organization.Name, context.RequestAborted);
            return true;
        });
        await context.JsonAsync(new { });
    }

    static string User(HttpContext context) => (string)context.Request.RouteValues["user"]!;

    async Task<Account> FindAsync(HttpContext context, bool user)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        return await accounts.FindAsync(name, context.RequestAborted) is { } account && account.IsUser == user
            ? account : throw HubException.NotFound($"There is no {(user ? "user" : "organization")} {name}.");
    }

    async Task<Account> AdministeredAsync(HttpContext context)
    {
        var (caller, organization) = (await CallerAsync(context), await FindAsync(context, user: false));
        return await authoriser.NamespaceRightAsync(caller, organization, context.RequestAborted) == Right.Admin
            ? organization : throw HubException.Forbidden($"{organization.Name} is changed by its admins.");
    }

    /// <summary>An organization without an admin could not be changed any more.</summary>
    async Task CheckAnotherAdminAsync(HttpContext context, Account organization)
    {
        var members = await accounts.MembersAsync(organization.Id, context.RequestAborted);
        if (!members.Any(m => m.Role == Right.Admin && !m.User.Equals(User(context), StringComparison.OrdinalIgnoreCase)))
            throw HubException.BadRequest($"{organization.Name} would have no admin: make another member one first.");
    }

    async ValueTask<Caller> CallerAsync(HttpContext context) => await authoriser.UserAsync(context) is { Role: TokenRole.Write } caller
        ? caller : throw HubException.Forbidden("Tokens and organizations are managed by a token with the role write.");

    static async Task<T> OrBadRequestAsync<T>(Func<Task<T>> change)
    {
        try
        {
            return await change();
        }
        catch (AccountException e)
        {
            throw HubException.BadRequest(e.Message);
        }
    }

    static async Task OrNotFoundAsync(Func<Task> change)
    {
        try
        {
            await change();
        }
        catch (AccountException e)
        {
            throw HubException.NotFound(e.Message);
        }
    }
}
