using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Likes;

/// <summary>Likes given, withdrawn and listed. Users may like every repository they can see; lists contain only repositories that the
/// caller can see.</summary>
sealed class LikeEndpoints(Authoriser authoriser, AccountStore accounts, RepoStore repos, HubDatabase database,
    HubAddress address, TimeProvider time)
{
    const int PageLength = 1000;

    /// <summary><c>POST</c>, <c>DELETE /api/{type}/{id}/like</c>: done twice it is done once.</summary>
    public async Task SetAsync(HttpContext context, Repo repo, bool liked)
    {
        await SetAsync(await authoriser.UserAsync(context), repo, liked, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary>Whether a user likes a repository.</summary>
    public async Task<bool> IsLikedAsync(long user, Repo repo, CancellationToken cancellationToken) => await database.ReadAsync(
        c => c.ExecuteScalarAsync<long?>("SELECT 1 FROM likes WHERE repo_id = @repo AND user_id = @user", new { repo = repo.Id, user }),
        cancellationToken) is not null;

    /// <summary>Gives a like or takes it back.</summary>
    public async Task SetAsync(Caller caller, Repo repo, bool liked, CancellationToken cancellationToken)
    {
        await database.WriteAsync(async t =>
        {
            var row = new { repo = repo.Id, user = caller.UserId, now = time.GetUtcNow().ToUnixTimeMilliseconds() };
            var changed = await t.ExecuteAsync(
                liked ? "INSERT INTO likes (repo_id, user_id, created_at) SELECT id, @user, @now FROM repos WHERE id = @repo ON CONFLICT DO NOTHING"
                    : "DELETE FROM likes WHERE repo_id = @repo AND user_id = @user", row);
            if (changed > 0)
                await t.ExecuteAsync($"UPDATE repos SET likes = likes {(liked ? "+" : "-")} 1 WHERE id = @repo", row);
        }, cancellationToken);
    }

    /// <summary><c>GET /api/{type}/{id}/likers</c>: the latest first.</summary>
    public async Task LikersAsync(HttpContext context, Repo repo)
    {
        var skip = Skip(context);
        var rows = await database.ReadAsync(
            async c => (await c.QueryAsync<(string Name, string? FullName)>(
                """
                SELECT a.name, a.full_name FROM likes l JOIN accounts a ON a.id = l.user_id
                WHERE l.repo_id = @Id AND a.kind = 'user' ORDER BY l.created_at DESC, a.id LIMIT @limit OFFSET @skip
                """,
                new { repo.Id, limit = PageLength + 1, skip })).AsList(),
            context.RequestAborted);
        Next(context, skip, rows.Count);
        await context.JsonAsync(new JsonArray([.. rows.Take(PageLength).Select(r => new JsonObject
        {
            ["user"] = r.Name,
            ["fullname"] = r.FullName ?? r.Name,
            ["type"] = "user",
            ["avatarUrl"] = "/assets/banyan.svg",
        })]));
    }

    /// <summary><c>GET /api/users/{name}/likes</c>: the latest first, of what the caller may see.</summary>
    public async Task OfUserAsync(HttpContext context)
    {
        var (name, skip) = ((string)context.Request.RouteValues["name"]!, Skip(context));
        if (await accounts.FindAsync(name, context.RequestAborted) is not { Kind: "user" } user)
            throw HubException.NotFound($"There is no user {name}.");
        var caller = await authoriser.CallerAsync(context);
        var rows = await database.ReadAsync(
            async c => (await c.QueryAsync<(long Repo, long At)>(
                "SELECT repo_id, created_at FROM likes WHERE user_id = @Id ORDER BY created_at DESC, repo_id LIMIT @limit OFFSET @skip",
                new { user.Id, limit = PageLength + 1, skip })).AsList(),
            context.RequestAborted);
        Next(context, skip, rows.Count);
        var answer = new JsonArray();
        foreach (var (id, at) in rows.Take(PageLength))
            if (await repos.FindAsync(id, context.RequestAborted) is { } repo
                && await authoriser.MayAsync(caller, repo, Need.See, context.RequestAborted))
                answer.Add(new JsonObject
                {
                    ["createdAt"] = HubJson.Time(at),
                    ["repo"] = new JsonObject { ["name"] = repo.FullName, ["type"] = repo.Type.Text() }
                });
        await context.JsonAsync(answer);
    }

    static long Skip(HttpContext context) =>
        long.TryParse(context.Request.Query["skip"], NumberStyles.None, CultureInfo.InvariantCulture, out var skip) ? skip : 0;

    void Next(HttpContext context, long skip, int found)
    {
        if (found > PageLength)
            context.Response.Headers.Link = string.Create(CultureInfo.InvariantCulture,
                $"<{address.Root(context)}{context.Request.Path.ToUriComponent()}?skip={skip + PageLength}>; rel=\"next\"");
    }
}
