using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Quotas;

/// <summary><c>/api/users/{name}/storage</c>, <c>/api/organizations/{name}/storage</c>: a namespace's storage and limits, readable by its
/// members, set by an admin of the hub. <c>/api/settings/storage</c>: the default quota and repository limit, and the free-space
/// floor.</summary>
sealed class QuotaApi(Authoriser authoriser, AccountStore accounts, StorageLimits limits)
{
    /// <summary><c>GET …/{name}/storage</c></summary>
    public async Task ShowAsync(HttpContext context, bool user)
    {
        var (caller, account) = (await authoriser.UserAsync(context), await FindAsync(context, user));
        if (await authoriser.NamespaceRightAsync(caller, account, context.RequestAborted) < Right.Read
            && !await accounts.IsAdminAsync(caller, context.RequestAborted))
            throw HubException.Forbidden($"What {account.Name} keeps is told to its members.");
        await AnswerAsync(context, account);
    }

    /// <summary>
    /// <c>PUT …/{name}/storage</c>: <c>{"quota": BYTES, "repoLimit": COUNT}</c>, null for the hub's default; what the body leaves out
    /// stays.
    /// </summary>
    public async Task SetAsync(HttpContext context, bool user)
    {
        await CheckAsync(context);
        var account = await FindAsync(context, user);
        var body = await BodyAsync(context, "quota", "repoLimit");
        if (body.TryGetValue("quota", out var quota))
            await limits.SetQuotaAsync(account.Id, quota, context.RequestAborted);
        if (body.TryGetValue("repoLimit", out var repos))
            await limits.SetRepoLimitAsync(account.Id, repos, context.RequestAborted);
        await AnswerAsync(context, account);
    }

    /// <summary><c>GET /api/settings/storage</c></summary>
    public async Task ShowHubAsync(HttpContext context)
    {
        await CheckAsync(context);
        await AnswerAsync(context);
    }

    /// <summary><c>PUT /api/settings/storage</c>: what the body leaves out stays; null for the default.</summary>
    public async Task SetHubAsync(HttpContext context)
    {
        await CheckAsync(context);
        var body = await BodyAsync(context, "defaultQuota", "freeSpaceFloor", "defaultRepoLimit");
        if (body.TryGetValue("defaultQuota", out var quota))
            await limits.SetDefaultQuotaAsync(quota, context.RequestAborted);
        if (body.TryGetValue("freeSpaceFloor", out var floor))
            await limits.SetFloorAsync(floor, context.RequestAborted);
        if (body.TryGetValue("defaultRepoLimit", out var repos))
            await limits.SetRepoLimitAsync(repos, context.RequestAborted);
        await AnswerAsync(context);
    }

    /// <summary>A member that is null counts, one that is left out does not: a record cannot tell them apart.</summary>
    static async Task<Dictionary<string, long?>> BodyAsync(HttpContext context, params string[] names)
    {
        var body = await context.BodyAsync<Dictionary<string, JsonElement>>();
        return body.Count > 0 && body.Keys.All(names.Contains)
            ? body.ToDictionary(m => m.Key, m => Number(m.Key, m.Value))
            : throw HubException.BadRequest($"The body has some of {string.Join(", ", names)}: numbers, or null for the default.");
    }

    static long? Number(string name, JsonElement value) => value switch
    {
        { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt64(out var bytes) && bytes >= 0 => bytes,
        _ => throw HubException.BadRequest($"{name}: a whole number of 0 or more, or null for the default"),
    };

    async Task AnswerAsync(HttpContext context, Account account)
    {
        var use = await limits.UseAsync(account.Id, context.RequestAborted);
        await context.JsonAsync(new JsonObject
        {
            ["namespace"] = use.Name,
            ["used"] = use.Used,
            ["quota"] = use.Quota,
            ["isDefault"] = use.Own is null,
            ["repos"] = use.Repos,
            ["repoLimit"] = use.RepoLimit
        });
    }

    async Task AnswerAsync(HttpContext context) => await context.JsonAsync(new JsonObject
    {
        ["defaultQuota"] = await limits.DefaultQuotaAsync(context.RequestAborted),
        ["defaultRepoLimit"] = await limits.RepoLimitAsync(context.RequestAborted),
        ["freeSpaceFloor"] = await limits.FloorAsync(context.RequestAborted),
        ["freeSpace"] = limits.FreeSpace,
    });

    async Task<Account> FindAsync(HttpContext context, bool user)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        return await accounts.FindAsync(name, context.RequestAborted) is { } account && account.IsUser == user
            ? account : throw HubException.NotFound($"There is no {(user ? "user" : "organization")} {name}.");
    }

    ValueTask<Caller> CheckAsync(HttpContext context) => authoriser.AdminAsync(context);
}
