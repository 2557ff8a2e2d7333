using System.Data.Common;
using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary><c>/{repo}.git/info/lfs/locks</c>: who works on a file that cannot be merged. git-lfs asks before it pushes and refuses to push
/// over another's lock; the commit API does not know of them. Users with write access may also break a lock, which git-lfs requests with
/// <c>--force</c>.</summary>
sealed class LockEndpoints(Authoriser authoriser, HubDatabase database, TimeProvider time)
{
    const int MaxLocks = 10_000, PageLength = 100;

    const string Select =
        "SELECT l.id, l.path, l.user_id, a.name, l.locked_at FROM lfs_locks l JOIN accounts a ON a.id = l.user_id WHERE l.repo_id = @repo";

    sealed record Row
    {
        public long Id { get; init; }
        public string Path { get; init; } = "";
        public long UserId { get; init; }
        public string Name { get; init; } = "";
        public long LockedAt { get; init; }

        public LfsLock Told => new(Id.ToString(CultureInfo.InvariantCulture), Path, HubJson.Time(LockedAt), new LfsLockOwner(Name));
    }

    /// <summary><c>POST …/locks</c></summary>
    public async Task LockAsync(HttpContext context, Repo repo)
    {
        var caller = await authoriser.UserAsync(context);
        var path = PathRules.Checked((await LfsBody.ReadAsync<LockRequest>(context)).Path);
        var (taken, row) = await database.WriteAsync(async t =>
        {
            if (await FindAsync(t, repo, "l.path = @key", path) is { } there)
                return (true, there);
            if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM lfs_locks WHERE repo_id = @Id", new { repo.Id }) >= MaxLocks)
                throw HubException.Unprocessable($"{repo.FullName} has {MaxLocks} locks: remove some first.");
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            var id = await t.ScalarAsync<long>(
                "INSERT INTO lfs_locks (repo_id, path, user_id, locked_at) VALUES (@Id, @path, @UserId, @now) RETURNING id",
                new { repo.Id, path, caller.UserId, now });
            await Audit.RecordAsync(t, "lfs.lock", repo.Path, path);
            return (false, new Row { Id = id, Path = path, UserId = caller.UserId, Name = caller.Name, LockedAt = now });
        }, context.RequestAborted);
        context.Response.StatusCode = taken ? StatusCodes.Status409Conflict : StatusCodes.Status201Created;
        await LfsBody.WriteAsync(context, new LockAnswer(row.Told, taken ? $"{path} is locked by {row.Name}" : null),
            LfsJson.Default.LockAnswer);
    }

    /// <summary><c>GET …/locks?path&amp;id&amp;cursor&amp;limit</c></summary>
    public async Task ListAsync(HttpContext context, Repo repo)
    {
        var query = context.Request.Query;
        var (locks, next) = await PageAsync(repo, query["cursor"], int.TryParse(query["limit"], out var limit) ? limit : null,
            query["path"], query["id"], context.RequestAborted);
        await LfsBody.WriteAsync(context, new Locks([.. locks.Select(l => l.Told)], next), LfsJson.Default.Locks);
    }

    /// <summary><c>POST …/locks/verify</c>: whose locks are in the way of a push.</summary>
    public async Task VerifyAsync(HttpContext context, Repo repo)
    {
        var (caller, asked) = (await authoriser.UserAsync(context),
            context.HasBody() ? await LfsBody.ReadAsync<VerifyLocks>(context) : new VerifyLocks(null, null));
        var (locks, next) = await PageAsync(repo, asked.Cursor, asked.Limit, null, null, context.RequestAborted);
        var mine = locks.ToLookup(l => l.UserId == caller.UserId, l => l.Told);
        await LfsBody.WriteAsync(context, new LocksToVerify([.. mine[true]], [.. mine[false]], next), LfsJson.Default.LocksToVerify);
    }

    /// <summary><c>POST …/locks/{id}/unlock</c></summary>
    public async Task UnlockAsync(HttpContext context, Repo repo)
    {
        var (caller, force) = (await authoriser.UserAsync(context),
            context.HasBody() && (await LfsBody.ReadAsync<UnlockRequest>(context)).Force);
        var id = Number((string?)context.Request.RouteValues["id"]) ?? 0;
        var gone = await database.WriteAsync(async t =>
        {
            if (await FindAsync(t, repo, "l.id = @key", id) is not { } there)
                throw HubException.NotFound($"{repo.FullName} has no lock {id}.");
            if (there.UserId != caller.UserId && !force)
                throw HubException.Forbidden($"{there.Path} is locked by {there.Name}: git lfs unlock --force breaks the lock.");
            await t.ExecuteAsync("DELETE FROM lfs_locks WHERE id = @id", new { id });
            await Audit.RecordAsync(t, "lfs.unlock", repo.Path, there.Path);
            return there;
        }, context.RequestAborted);
        await LfsBody.WriteAsync(context, new LockAnswer(gone.Told, null), LfsJson.Default.LockAnswer);
    }

    static Task<Row?> FindAsync(DbTransaction t, Repo repo, string condition, object key) =>
        t.FirstAsync<Row>($"{Select} AND {condition}", new { repo = repo.Id, key });

    async Task<(IReadOnlyList<Row> Page, string? Next)> PageAsync(Repo repo, string? cursor, int? limit, string? path, string? id,
        CancellationToken cancellationToken)
    {
        var most = limit is > 0 and < PageLength ? limit.Value : PageLength;
        var condition = $"{(path is { Length: > 0 } ? " AND l.path = @path" : "")}{(id is { Length: > 0 } ? " AND l.id = @row" : "")}";
        var rows = await database.ReadAsync(
            async c => (await c.QueryAsync<Row>(
                $"{Select} AND l.id > @after{condition} ORDER BY l.id LIMIT @limit",
                new { repo = repo.Id, after = Number(cursor) ?? 0, path, row = Number(id) ?? 0, limit = most + 1 })).AsList(),
            cancellationToken);
        return rows.Count > most ? (rows[..most], rows[most - 1].Id.ToString(CultureInfo.InvariantCulture)) : (rows, null);
    }

    static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
