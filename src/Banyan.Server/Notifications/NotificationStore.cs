using Banyan.Server.Groups;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Notifications;

/// <summary>Notifications in the database. A user has one per subject; a new event makes it unread again.</summary>
sealed class NotificationStore(HubDatabase database)
{
    /// <summary>The most that is counted for the head of pages.</summary>
    public const int MostCounted = 100;

    readonly StateCache<long, object> _unread = new(database);

    /// <summary>
    /// The condition that a user, <c>u.id</c>, may be told of what is after a reason in a repository, <c>r</c>: asked when somebody is
    /// told, and again whenever that is shown or counted.
    /// </summary>
    /// <param name="reason">The reason, in SQL.</param>
    public static string MayKnow(string reason) =>
        $"""
        (r.disabled = @no AND (r.owner_id = u.id
          OR EXISTS (SELECT 1 FROM members m WHERE m.org_id = r.owner_id AND m.user_id = u.id AND ({reason} <> 'access' OR {GroupStore.RoleOfMember} <> 'read') AND {GroupStore.RoleOfMember} IS NOT NULL)
          OR ({reason} <> 'access' AND r.private = @no AND (r.gated IS NULL OR {reason} = 'answered'
            OR EXISTS (SELECT 1 FROM access_requests q WHERE q.repo_id = r.id AND q.user_id = u.id AND q.status = 'accepted')))))
        """;

    static readonly string s_from =
        $"FROM notifications n JOIN repos r ON r.id = n.repo_id JOIN accounts u ON u.id = n.user_id WHERE n.user_id = @user AND {MayKnow("n.reason")}";

    /// <summary>How many are unread, up to a bound.</summary>
    public async ValueTask<int> UnreadAsync(long user, CancellationToken cancellationToken) => (int)await _unread.GetAsync(
        user,
        async (key, ct) => (object)await database.ReadAsync(
            c => c.ExecuteScalarAsync<int>($"SELECT COUNT(*) FROM (SELECT 1 {s_from} AND n.unread = @yes LIMIT @MostCounted) found",
                new { user = key, yes = true, no = false, MostCounted }), ct),
        cancellationToken);

    /// <summary>A user's, the latest first.</summary>
    public Task<IReadOnlyList<Notification>> ListAsync(long user, bool onlyUnread, (long At, long Id)? after, int limit,
        CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<Notification>>(
        async c => (await c.QueryAsync<Notification>(
            $"""
            SELECT n.id, n.repo_id, n.reason, n.at, n.unread, (SELECT name FROM accounts a WHERE a.id = n.actor_id AND a.kind = 'user') AS actor,
              (SELECT num FROM discussions d WHERE d.id = n.discussion_id) AS num, (SELECT title FROM discussions d WHERE d.id = n.discussion_id) AS title,
              (SELECT status FROM access_requests s WHERE s.repo_id = n.repo_id AND s.user_id = n.user_id) AS standing
            {s_from}{(onlyUnread ? " AND n.unread = @yes" : "")} AND (n.at < @at OR (n.at = @at AND n.id < @id)) ORDER BY n.at DESC, n.id DESC LIMIT @limit
            """,
            new { user, yes = true, no = false, at = after?.At ?? long.MaxValue, id = after?.Id ?? long.MaxValue, limit })).AsList(),
        cancellationToken);

    /// <summary>Marks one as read, or all that were there at a time.</summary>
    public Task ReadAsync(long user, long? id, long until, CancellationToken cancellationToken) => database.WriteAsync(
        t => t.ExecuteAsync(
            id is null ? "UPDATE notifications SET unread = @no WHERE user_id = @user AND unread = @yes AND at <= @until"
                : "UPDATE notifications SET unread = @no WHERE user_id = @user AND id = @id",
            new { user, id, until, no = false, yes = true }),
        cancellationToken);

    /// <summary>One of a user's, or null.</summary>
    public Task<Notification?> FindAsync(long user, long id, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Notification>(
            $"SELECT n.id, n.repo_id, n.reason, n.at, n.unread, (SELECT num FROM discussions d WHERE d.id = n.discussion_id) AS num {s_from} AND n.id = @id", new { user, id, no = false }),
        cancellationToken);
}
