using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Notifications;
using Banyan.Server.Repos;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Gating;

/// <summary>Requests for access in the database.</summary>
sealed class AccessRequestStore(HubDatabase database, TimeProvider time)
{
    readonly StateCache<(long, long), string?> _known = new(database);

    /// <summary>The status of a user's request, or null if there is none.</summary>
    public ValueTask<string?> StatusAsync(long repo, long user, CancellationToken cancellationToken) => _known.GetAsync(
        (repo, user),
        (key, ct) => database.ReadAsync(
            c => c.ExecuteScalarAsync<string?>("SELECT status FROM access_requests WHERE repo_id = @repo AND user_id = @user",
                new { repo = key.Item1, user = key.Item2 }), ct),
        cancellationToken);

    /// <summary>Requests of a status, the newest first.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="status">Which.</param>
    /// <param name="before">Those after this one in the list, or null for the first.</param>
    /// <param name="limit">How many.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<IReadOnlyList<AccessRequest>> ListAsync(long repo, string status, (long At, long User)? before, int limit,
        CancellationToken cancellationToken)
    {
        var (at, user) = before ?? (long.MaxValue, long.MaxValue);
        return await database.ReadAsync(
            async c => (await c.QueryAsync<AccessRequest>(
                """
                SELECT q.user_id, a.name AS "user", a.full_name, CASE WHEN q.asked THEN a.email END AS email, q.status, q.asked, q.fields, q.at
                FROM access_requests q JOIN accounts a ON a.id = q.user_id
                WHERE q.repo_id = @repo AND q.status = @status AND (q.at < @at OR (q.at = @at AND q.user_id < @user)) ORDER BY q.at DESC, q.user_id DESC LIMIT @limit
                """,
                new { repo, status, at, user, limit })).AsList(),
            cancellationToken);
    }

    /// <summary>Adds a user's request. A request that was answered keeps its answer.</summary>
    /// <returns>The request's status.</returns>
    public Task<string> AskAsync(Repo repo, Caller caller, string? fields, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var status = repo.Gated == "auto" ? AccessRequest.Accepted : AccessRequest.Pending;
        if (await t.ExecuteAsync(
            "INSERT INTO access_requests (repo_id, user_id, status, asked, fields, at) VALUES (@repo, @user, @status, @yes, @fields, @now) ON CONFLICT DO NOTHING",
            new { repo = repo.Id, user = caller.UserId, status, yes = true, fields, now = Now }) == 1)
        {
            await Audit.RecordAsync(t, "access.ask", repo.Path, status);
            if (status == AccessRequest.Pending)
                await Happenings.AskedAsync(t, repo.Id, caller.UserId, Now);
        }
        return (await t.ScalarAsync<string>("SELECT status FROM access_requests WHERE repo_id = @repo AND user_id = @user",
            new { repo = repo.Id, user = caller.UserId }))!;
    }, cancellationToken);

    /// <summary>Grants access to a user who did not ask or was rejected.</summary>
    /// <returns>False if the user has it already.</returns>
    public Task<bool> GrantAsync(Repo repo, Caller caller, long user, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var changed = await t.ExecuteAsync(
            """
            INSERT INTO access_requests (repo_id, user_id, status, asked, at) VALUES (@repo, @user, 'accepted', @no, @now)
            ON CONFLICT (repo_id, user_id) DO UPDATE SET status = 'accepted', reason = NULL WHERE access_requests.status <> 'accepted'
            """,
            new { repo = repo.Id, user, no = false, now = Now }) == 1;
        if (changed)
        {
            await Audit.RecordAsync(t, "access.grant", repo.Path, $"user {user}");
            await Happenings.AnsweredAsync(t, repo.Id, user, Now);
        }
        return changed;
    }, cancellationToken);

    /// <summary>Sets or changes the owner's answer to a request.</summary>
    /// <returns>False if there is no request, or it has that status already.</returns>
    public Task<bool> AnswerAsync(Repo repo, Caller caller, long user, string status, string? reason,
        CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var changed = await t.ExecuteAsync(
            "UPDATE access_requests SET status = @status, reason = @reason WHERE repo_id = @repo AND user_id = @user AND status <> @status",
            new { repo = repo.Id, user, status, reason }) == 1;
        if (changed)
        {
            await Audit.RecordAsync(t, $"access.{status}", repo.Path, $"user {user}");
            await Happenings.AnsweredAsync(t, repo.Id, user, Now);
        }
        return changed;
    }, cancellationToken);

    /// <summary>Withdraws a user's request, and the access that it gave. A rejected one stays.</summary>
    /// <returns>False if there was none.</returns>
    public Task<bool> CancelAsync(Repo repo, Caller caller, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var gone = await t.ExecuteAsync(
            "DELETE FROM access_requests WHERE repo_id = @repo AND user_id = @user AND status <> 'rejected'",
            new { repo = repo.Id, user = caller.UserId }) == 1;
        if (gone)
            await Audit.RecordAsync(t, "access.cancel", repo.Path);
        return gone;
    }, cancellationToken);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();
}
