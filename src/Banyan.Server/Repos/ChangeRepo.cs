using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Webhooks;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Repos;

/// <summary>Moving, removing and configuring repositories. The request bodies name the repository, so these routes call the authoriser
/// themselves.</summary>
sealed class ChangeRepo(Authoriser authoriser, AccountStore accounts, RepoChanges changes, HubDatabase database,
    HubAddress address, TimeProvider time)
{
    sealed record DeleteBody(string? Name, string? Organization, string? Type);

    sealed record MoveBody(string? FromRepo, string? ToRepo, string? Type);

    sealed record SettingsBody(bool? Private, string? Visibility, JsonElement? Gated);

    /// <summary><c>DELETE /api/repos/delete</c></summary>
    public async Task DeleteAsync(HttpContext context)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<DeleteBody>());
        var name = body.Name ?? throw HubException.BadRequest("The body has no name.");
        var fullName = name.Contains('/', StringComparison.Ordinal) ? name : $"{body.Organization ?? caller.Name}/{name}";
        var repo = await FindAsync(context, caller, TypeOf(body.Type), fullName);
        await changes.RemoveAsync(repo, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /api/repos/move</c>: a new name; the old one goes on leading here.</summary>
    public async Task MoveAsync(HttpContext context)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<MoveBody>());
        if (body.FromRepo is not { } from || body.ToRepo?.Split('/') is not [var ns, var name])
            throw HubException.BadRequest("The body must have fromRepo and toRepo, each namespace/name.");
        var repo = await FindAsync(context, caller, TypeOf(body.Type), from);
        await context.JsonAsync(new JsonObject { ["url"] = $"{address.Root(context)}/{await MoveAsync(context, caller, repo, ns, name)}" });
    }

    /// <summary>Gives a repository another name, in a namespace where the caller may make one.</summary>
    /// <returns>The path of its page.</returns>
    internal async Task<string> MoveAsync(HttpContext context, Caller caller, Repo repo, string ns, string name)
    {
        if (Names.Problem(name) is { } problem)
            throw HubException.BadRequest(problem);
        var owner = await accounts.FindAsync(ns, context.RequestAborted)
            ?? throw HubException.NotFound($"There is no user or organization {ns}.");
        // Who administers it renames it where it is, also one that only a resource group lets them administer.
        if (owner.Id != repo.OwnerId && await authoriser.NamespaceRightAsync(caller, owner, context.RequestAborted) < Right.Write
            && !await accounts.IsAdminAsync(caller, context.RequestAborted))
            throw HubException.Forbidden($"You don't have the rights to move a {repo.Type.Told()} to the namespace \"{ns}\"");
        var fullName = $"{owner.Name}/{name}";
        if (!await changes.MoveAsync(repo, owner, name, caller.UserId, context.RequestAborted))
            throw HubException.Conflict($"A {repo.Type.Told()} repository called {fullName} already exists");
        return $"{repo.Type.Prefix()}{fullName}";
    }

    /// <summary><c>PUT /api/{type}/{id}/settings</c>: who sees it and who reads its files.</summary>
    public async Task SettingsAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<SettingsBody>());
        var isPrivate = body.Visibility switch
        {
            null => body.Private ?? repo.Private,
            "private" => true,
            "public" => false,
            _ => throw HubException.BadRequest($"visibility '{body.Visibility}': public or private"),
        };
        var gated = body.Gated is not { } given ? repo.Gated : given.ValueKind switch
        {
            JsonValueKind.False or JsonValueKind.Null => null,
            JsonValueKind.String when given.GetString() is "auto" or "manual" => given.GetString(),
            _ => throw HubException.BadRequest("gated: \"auto\", \"manual\" or false"),
        };
        await SetAsync(repo, isPrivate, gated, context.RequestAborted);
        await context.JsonAsync(new JsonObject
        {
            ["private"] = isPrivate,
            ["gated"] = gated is null ? JsonValue.Create(false) : JsonValue.Create(gated)
        });
    }

    /// <summary>
    /// Sets who sees a repository, and who reads its files: null for everyone, or <c>auto</c> or <c>manual</c> after asking.
    /// </summary>
    internal Task SetAsync(Repo repo, bool isPrivate, string? gated, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
        {
            await t.ExecuteAsync(
                "UPDATE repos SET private = @isPrivate, gated = @gated, updated_at = @now WHERE id = @id",
                new { isPrivate, gated, now = time.GetUtcNow().ToUnixTimeMilliseconds(), id = repo.Id });
            await WebhookEvents.SetAsync(t, repo.Id, isPrivate);
            await Audit.RecordAsync(t, "repo.settings", repo.Path, $"private {isPrivate}, gated {gated ?? "no"}");
        }, cancellationToken);

    /// <summary>The repository, for callers who may administer it: an admin of the hub may move and remove any, for example of users who
    /// leave.</summary>
    async Task<Repo> FindAsync(HttpContext context, Caller caller, RepoType type, string fullName) =>
        await accounts.IsAdminAsync(caller, context.RequestAborted)
        && await changes.FindAsync(type, fullName, context.RequestAborted) is { } any
            ? any : await authoriser.RepoAsync(context, type, fullName, Need.Admin, context.RequestAborted);

    static RepoType TypeOf(string? type) => RepoTypes.Parse(type)
        ?? throw HubException.BadRequest($"'{type}' is no type of repository: model, dataset or space");
}
