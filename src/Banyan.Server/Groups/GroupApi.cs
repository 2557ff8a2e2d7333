using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Groups;

/// <summary>Resource groups over the API, at the addresses of huggingface.co.</summary>
sealed class GroupApi(Authoriser authoriser, GroupAccess access, GroupStore groups)
{
    const int MaxTogether = 1000;

    sealed record GroupBody(string? Name, string? Description, IReadOnlyList<UserBody>? Users);

    sealed record UserBody(string? User, string? Role);

    sealed record UsersBody(IReadOnlyList<UserBody>? Users);

    sealed record PutBody(string? ResourceGroupId);

    /// <summary><c>GET /api/organizations/{name}/resource-groups</c>: those that the caller is in; all for admins.</summary>
    public async Task ListAsync(HttpContext context)
    {
        var (caller, org) = (await authoriser.UserAsync(context), await OrganizationAsync(context));
        if (await authoriser.NamespaceRightAsync(caller, org, context.RequestAborted) < Right.Read)
            throw HubException.Forbidden($"Only members of {org.Name} may list what it keeps.");
        await context.JsonAsync(new JsonArray(
            [.. (await access.ListAsync(caller, org, context.RequestAborted)).Select(g => Json(g.Group))]));
    }

    /// <summary><c>POST /api/organizations/{name}/resource-groups</c></summary>
    public async Task CreateAsync(HttpContext context)
    {
        var (caller, body) = (await CallerAsync(context), await context.BodyAsync<GroupBody>());
        var org = await access.AdministeredAsync(caller, Name(context), context.RequestAborted);
        var users = Users(body.Users);
        var made = await groups.CreateAsync(org, body.Name?.Trim() ?? "", body.Description, context.RequestAborted);
        await groups.SetMembersAsync(org, made, users, context.RequestAborted);
        await TellAsync(context, org, made.Id);
    }

    /// <summary><c>GET /api/organizations/{name}/resource-groups/{id}</c></summary>
    public async Task ShowAsync(HttpContext context)
    {
        var (caller, org) = (await authoriser.UserAsync(context), await OrganizationAsync(context));
        await TellAsync(context, org, (await access.FindAsync(caller, org, Id(context), Right.Read, context.RequestAborted)).Id);
    }

    /// <summary><c>DELETE /api/organizations/{name}/resource-groups/{id}</c>: one that holds nothing.</summary>
    public async Task RemoveAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        var org = await access.AdministeredAsync(caller, Name(context), context.RequestAborted);
        await groups.RemoveAsync(org, await access.FindAsync(caller, org, Id(context), Right.Admin, context.RequestAborted),
            context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /api/organizations/{name}/resource-groups/{id}/users</c></summary>
    public async Task AddUsersAsync(HttpContext context)
    {
        var (org, group) = await AdministeredAsync(context);
        await groups.SetMembersAsync(org, group, Users((await context.BodyAsync<UsersBody>()).Users), context.RequestAborted);
        await TellAsync(context, org, group.Id);
    }

    /// <summary><c>PATCH /api/organizations/{name}/resource-groups/{id}/users/{user}</c></summary>
    public async Task SetUserAsync(HttpContext context)
    {
        var (org, group) = await AdministeredAsync(context);
        var user = (string)context.Request.RouteValues["user"]!;
        await groups.SetMembersAsync(org, group, Users([(await context.BodyAsync<UserBody>()) with { User = user }]),
            context.RequestAborted);
        await TellAsync(context, org, group.Id);
    }

    /// <summary><c>DELETE /api/organizations/{name}/resource-groups/{id}/users/{user}</c></summary>
    public async Task RemoveUserAsync(HttpContext context)
    {
        var (org, group) = await AdministeredAsync(context);
        await groups.RemoveMemberAsync(org, group, (string)context.Request.RouteValues["user"]!, context.RequestAborted);
        await TellAsync(context, org, group.Id);
    }

    /// <summary><c>GET /api/{type}/{repo}/resource-group</c>: null where it is in none.</summary>
    public async Task OfRepoAsync(HttpContext context, Repo repo)
    {
        var all = repo.GroupId is null ? [] : await groups.ListAsync(repo.OwnerId, context.RequestAborted);
        var group = all.FirstOrDefault(g => g.Id == repo.GroupId);
        await context.JsonAsync<JsonNode?>(group is null ? null
            : new JsonObject { ["id"] = WhoAmI.Id(group.Id), ["name"] = group.Name, ["numUsers"] = group.Users.Count });
    }

    /// <summary><c>POST /api/{type}/{repo}/resource-group</c>: puts it into a group of its organization, or out of all.</summary>
    public async Task PutRepoAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<PutBody>());
        await groups.PutAsync(repo, body.ResourceGroupId is { Length: > 0 } id
            ? await access.FindAsync(caller, new Account { Id = repo.OwnerId, Name = repo.Owner }, id, Right.Write, context.RequestAborted)
            : null, context.RequestAborted);
        await OfRepoAsync(context, await authoriser.RepoAsync(context, repo.Type, repo.FullName, Need.See, context.RequestAborted));
    }

    async Task TellAsync(HttpContext context, Account org, long id) =>
        await context.JsonAsync(Json((await groups.ListAsync(org.Id, context.RequestAborted)).First(g => g.Id == id)));

    static JsonObject Json(ResourceGroup group) => new()
    {
        ["id"] = WhoAmI.Id(group.Id),
        ["name"] = group.Name,
        ["description"] = group.Description ?? "",
        ["users"] = new JsonArray([.. group.Users.Select(u => new JsonObject
        {
            ["name"] = u.User,
            ["type"] = "user",
            ["fullname"] = u.FullName ?? u.User,
            ["avatarUrl"] = "/assets/banyan.svg",
            ["role"] = u.Role.ToString().ToLowerInvariant(),
        })]),
        ["repos"] = new JsonArray([.. group.Repos.Select(r => new JsonObject
        {
            ["type"] = r.Type.Text(),
            ["name"] = r.FullName,
            ["private"] = r.Private,
        })]),
    };

    /// <summary>Users and what each may do. A contributor, who changes only what is their own, is not known here.</summary>
    static IReadOnlyList<(string, Right)> Users(IReadOnlyList<UserBody>? users) =>
        users is { Count: > MaxTogether } ? throw HubException.BadRequest($"A resource group has at most {MaxTogether} members.")
        : [.. (users ?? []).Select(u => (u.User ?? throw HubException.BadRequest("A user has no name."), RoleOf(u.Role)))];

    internal static Right RoleOf(string? role) => role switch
    {
        "read" => Right.Read,
        "write" => Right.Write,
        "admin" => Right.Admin,
        _ => throw HubException.BadRequest($"role '{role}': read, write or admin"),
    };

    static string Name(HttpContext context) => (string)context.Request.RouteValues["name"]!;

    static string Id(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    Task<Account> OrganizationAsync(HttpContext context) => access.OrganizationAsync(Name(context), context.RequestAborted);

    async Task<(Account Org, ResourceGroup Group)> AdministeredAsync(HttpContext context)
    {
        var (caller, org) = (await CallerAsync(context), await OrganizationAsync(context));
        return (org, await access.FindAsync(caller, org, Id(context), Right.Admin, context.RequestAborted));
    }

    async ValueTask<Caller> CallerAsync(HttpContext context) => await authoriser.UserAsync(context) is { Role: TokenRole.Write } caller
        ? caller : throw HubException.Forbidden("Tokens and organizations are managed by a token with the role write.");
}
