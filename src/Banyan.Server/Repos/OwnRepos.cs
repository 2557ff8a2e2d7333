using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Groups;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Repos;

/// <summary><c>GET /api/settings/repositories</c>, <c>/api/organizations/{name}/settings/repositories</c>: a namespace's repositories with
/// the bytes of their large files, the largest first. A file in several repositories counts in each.</summary>
sealed class OwnRepos(Authoriser authoriser, AccountStore accounts, HubDatabase database)
{
    sealed record Row
    {
        public RepoType Type { get; init; }
        public string Name { get; init; } = "";
        public bool Private { get; init; }
        public long UpdatedAt { get; init; }
        public long Storage { get; init; }
    }

    public async Task HandleAsync(HttpContext context)
    {
        var caller = await authoriser.UserAsync(context);
        var name = (string?)context.Request.RouteValues["name"] ?? caller.Name;
        if (await accounts.FindAsync(name, context.RequestAborted) is not { } owner)
            throw HubException.NotFound($"There is no user or organization {name}.");
        // who has no right is an administrator of the hub, or is refused
        var right = await authoriser.NamespaceRightAsync(caller, owner, context.RequestAborted);
        if (right < Right.Read && !await accounts.IsAdminAsync(caller, context.RequestAborted))
            throw HubException.Forbidden($"Only members of {owner.Name} may list what it keeps.");
        var rows = await database.ReadAsync(
            async c => (await c.QueryAsync<Row>(
                $"""
                SELECT r.type, r.name, r.private, r.updated_at,
                  CAST((SELECT COALESCE(SUM(c.size), 0) FROM repo_contents rc JOIN contents c ON c.id = rc.content_id WHERE rc.repo_id = r.id) AS BIGINT) AS storage
                FROM repos r WHERE r.owner_id = @Id AND r.removed_at IS NULL AND {GroupStore.SeenByMember} ORDER BY storage DESC, r.id
                """,
                new { owner.Id, all = right is Right.Admin or Right.None, user = caller.UserId })).AsList(),
            context.RequestAborted);
        var all = rows.Sum(r => (double)r.Storage);
        await context.JsonAsync(new JsonArray([.. rows.Select(r => new JsonObject
        {
            ["id"] = $"{owner.Name}/{r.Name}",
            ["type"] = r.Type.Text(),
            ["updatedAt"] = HubJson.Time(r.UpdatedAt),
            ["visibility"] = r.Private ? "private" : "public",
            ["storage"] = r.Storage,
            ["storagePercent"] = all > 0 ? r.Storage / all * 100 : 0,
        })]));
    }
}
