using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Listing;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Webhooks;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Repos;

/// <summary>Repositories moved, removed and set. Bodies name the repository, so these ask the authoriser themselves.</summary>
sealed class ChangeRepo(Authoriser authoriser, AccountStore accounts, HubDatabase database, HubAddress address, TimeProvider time)
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
        var repo = await authoriser.RepoAsync(context, TypeOf(body.Type), fullName, Need.Admin, context.RequestAborted);
        await database.WriteAsync(async t =>
        {
            await WebhookEvents.RepoAsync(t, repo.Id, "delete");
            await t.ExecuteAsync("DELETE FROM repos WHERE id = @Id", new { repo.Id });
            await Audit.RecordAsync(t, caller.UserId, "repo.delete", repo.Path);
        }, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /api/repos/move</c>: a new name; the old one goes on leading here.</summary>
    public async Task MoveAsync(HttpContext context)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<MoveBody>());
        if (body.FromRepo is not { } from || body.ToRepo?.Split('/') is not [var ns, var name])
            throw HubException.BadRequest("The body must have fromRepo and toRepo, each namespace/name.");
        if (Names.Problem(name) is { } problem)
            throw HubException.BadRequest(problem);
        var type = TypeOf(body.Type);
        var repo = await authoriser.RepoAsync(context, type, from, Need.Admin, context.RequestAborted);
        var owner = await accounts.FindAsync(ns, context.RequestAborted) ?? throw HubException.NotFound($"There is no user or organization {ns}.");
        if (await authoriser.NamespaceRightAsync(caller, owner, context.RequestAborted) < Right.Write)
            throw HubException.Forbidden($"You don't have the rights to move a {type.Text()} to the namespace \"{ns}\"");
        var fullName = $"{owner.Name}/{name}";
        await database.WriteAsync(async t =>
        {
            if (await RepoStore.FindAsync(t.Connection!, t, type, fullName) is { } there && there.Id != repo.Id)
            {
                // Only another's present name is in the way; one that it gave up in this namespace is free.
                if (Names.Key(there.FullName) == Names.Key(fullName))
                    throw HubException.Conflict($"A {type.Text()} repository called {fullName} already exists");
                await t.ExecuteAsync("DELETE FROM repo_names WHERE type = @type AND full_name_key = @key", new { type = type.Text(), key = Names.Key(fullName) });
            }
            await WebhookEvents.MovedAsync(t, repo.Id, owner.Id, fullName);
            await t.ExecuteAsync(
                "UPDATE repos SET owner_id = @owner, name = @name, name_key = @key, updated_at = @now WHERE id = @id",
                new { owner = owner.Id, name, key = Names.Key(name), now = time.GetUtcNow().ToUnixTimeMilliseconds(), id = repo.Id });
            await t.ExecuteAsync(
                "INSERT INTO repo_names (type, full_name_key, repo_id) VALUES (@type, @key, @id) ON CONFLICT DO NOTHING", new { type = type.Text(), key = Names.Key(fullName), id = repo.Id });
            await ListIndex.MarkAsync(t, repo.Id);
            await Audit.RecordAsync(t, caller.UserId, "repo.move", repo.Path, fullName);
        }, context.RequestAborted);
        await context.JsonAsync(new JsonObject { ["url"] = $"{address.Root(context)}/{type.Prefix()}{fullName}" });
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
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync(
                "UPDATE repos SET private = @isPrivate, gated = @gated, updated_at = @now WHERE id = @id",
                new { isPrivate, gated, now = time.GetUtcNow().ToUnixTimeMilliseconds(), id = repo.Id });
            await WebhookEvents.SetAsync(t, repo.Id, isPrivate);
            await Audit.RecordAsync(t, caller.UserId, "repo.settings", repo.Path, $"private {isPrivate}, gated {gated ?? "no"}");
        }, context.RequestAborted);
        await context.JsonAsync(new JsonObject { ["private"] = isPrivate, ["gated"] = gated is null ? JsonValue.Create(false) : JsonValue.Create(gated) });
    }

    static RepoType TypeOf(string? type) => RepoTypes.Parse(type) ?? throw HubException.BadRequest($"'{type}' is no type of repository: model, dataset or space");
}
