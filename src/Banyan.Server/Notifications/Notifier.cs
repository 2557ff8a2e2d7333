using System.Globalization;
using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Notifications;

/// <summary>Delivers events to users as notifications, soon after they happened, a few hundred at a time. The user who caused an event is
/// not notified, nor users who muted the repository or may not see it.</summary>
sealed class Notifier(HubDatabase database) : Job
{
    const int Batch = 500, Taken = 20, MaxParticipants = 1000;

    static readonly string s_mayKnow = NotificationStore.MayKnow("@reason");

    sealed record Happening
    {
        public long Id { get; init; }
        public string Kind { get; init; } = "";
        public long RepoId { get; init; }
        public long? DiscussionId { get; init; }
        public long? ActorId { get; init; }
        public long? UserId { get; init; }
        public string? Mentions { get; init; }
        public long At { get; init; }

        /// <summary>What it is about: of each a user has one notification.</summary>
        public string Subject =>
            string.Create(CultureInfo.InvariantCulture, $"{Kind}:{(DiscussionId is { } discussion ? discussion : RepoId)}");
    }

    readonly SemaphoreSlim _turn = new(1);

    /// <inheritdoc/>
    public override string Name => "notifications";

    /// <inheritdoc/>
    public override string Purpose => "Tells users of what happens in what they follow and take part in";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public override Task<bool> IsWaitingAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM happenings)"), cancellationToken);

    /// <inheritdoc/>
    public override Task RunAsync(JobRun run, CancellationToken cancellationToken) => TellAsync(cancellationToken);

    /// <summary>
    /// Delivers all events so far. An event that was delivered but not yet recorded as delivered is delivered again, which changes nothing.
    /// </summary>
    public async Task TellAsync(CancellationToken cancellationToken)
    {
        if (!await IsWaitingAsync(cancellationToken))
            return;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            while (await TakeAsync(cancellationToken) is { Count: > 0 } happened)
                foreach (var happening in happened)
                {
                    await TellAsync(happening, cancellationToken);
                    await database.WriteAsync(t => t.ExecuteAsync("DELETE FROM happenings WHERE id = @Id", new { happening.Id }),
                        cancellationToken);
                }
        }
        finally
        {
            _turn.Release();
        }
    }

    Task<IReadOnlyList<Happening>> TakeAsync(CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<Happening>>(
        async c =>
            (await c.QueryAsync<Happening>(
                "SELECT id, kind, repo_id, discussion_id, actor_id, user_id, mentions, at FROM happenings ORDER BY id LIMIT @Taken",
                new { Taken })).AsList(), cancellationToken);

    async Task TellAsync(Happening happening, CancellationToken cancellationToken)
    {
        // The weightier reason last: it is the one that is shown.
        switch (happening.Kind)
        {
            case Happenings.Answered:
                await TellAsync(happening, Notification.Answered, "SELECT @UserId AS id", cancellationToken);
                break;
            case Happenings.Access:
                await TellAsync(happening, Notification.Access,
                    "SELECT r.owner_id AS id FROM repos r WHERE r.id = @RepoId UNION SELECT m.user_id FROM repos r JOIN members m ON m.org_id = r.owner_id WHERE r.id = @RepoId", cancellationToken);
                break;
            case Happenings.Repo:
                await TellAsync(happening, Notification.Following,
                    "SELECT f.user_id AS id FROM repos r JOIN follows f ON f.account_id = r.owner_id WHERE r.id = @RepoId",
                    cancellationToken);
                break;
            case Happenings.Commit:
                await TellAsync(happening, Notification.Watching,
                    "SELECT user_id AS id FROM watches WHERE repo_id = @RepoId", cancellationToken);
                break;
            default:
                await TellAsync(happening, Notification.Watching,
                    "SELECT user_id AS id FROM watches WHERE repo_id = @RepoId UNION SELECT owner_id FROM repos WHERE id = @RepoId",
                    cancellationToken);
                await TellAsync(happening, Notification.Participant,
                    $"SELECT author_id AS id FROM discussions WHERE id = @DiscussionId UNION SELECT author_id FROM (SELECT DISTINCT author_id FROM discussion_events WHERE discussion_id = @DiscussionId LIMIT {MaxParticipants}) them", cancellationToken);
                if (happening.Mentions is { Length: > 0 } names)
                    await TellAsync(happening, Notification.Mention, $"SELECT id FROM accounts WHERE name_key {database.In("names")}",
                        cancellationToken, names.Split(' '));
                break;
        }
    }

    /// <summary>Tells those whom a query selects, in the order of their rows.</summary>
    async Task TellAsync(Happening happening, string reason, string whom, CancellationToken cancellationToken, string[]? names = null)
    {
        for (var after = 0L; ;)
        {
            var users = await database.ReadAsync(
                async c => (await c.QueryAsync<long>(
                    $"""
                    SELECT u.id FROM accounts u JOIN repos r ON r.id = @RepoId
                    WHERE u.id > @after AND u.id IN (SELECT id FROM ({whom}) them) AND u.kind = 'user' AND u.suspended_at IS NULL AND u.id <> @actor AND {s_mayKnow}
                      AND NOT EXISTS (SELECT 1 FROM watches w WHERE w.repo_id = r.id AND w.user_id = u.id AND w.muted = @yes)
                    ORDER BY u.id LIMIT @Batch
                    """,
                    new
                    {
                        happening.RepoId,
                        happening.DiscussionId,
                        happening.UserId,
                        after,
                        actor = happening.ActorId ?? 0,
                        reason,
                        names,
                        yes = true,
                        no = false,
                        Batch
                    })).AsList(),
                cancellationToken);
            if (users.Count == 0)
                return;
            await database.WriteAsync(
                t => t.ExecuteAsync(
                    """
                    INSERT INTO notifications (user_id, subject, repo_id, discussion_id, actor_id, reason, at, unread) SELECT @user, @Subject, id, @DiscussionId, @ActorId, @reason, @At, @yes FROM repos WHERE id = @RepoId
                    ON CONFLICT (user_id, subject) DO UPDATE SET actor_id = excluded.actor_id, at = excluded.at, unread = CASE WHEN notifications.at < excluded.at THEN @yes ELSE notifications.unread END,
                      reason = CASE WHEN notifications.unread = @yes AND notifications.reason = 'mention' THEN notifications.reason ELSE excluded.reason END
                    WHERE notifications.at <= excluded.at
                    """,
                    users.Select(user => new
                    {
                        user,
                        happening.Subject,
                        happening.RepoId,
                        happening.DiscussionId,
                        happening.ActorId,
                        reason,
                        happening.At,
                        yes = true
                    })),
                cancellationToken);
            after = users[^1];
        }
    }
}
