using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Notifications;

/// <summary>Deletes old notifications: read ones after a month, all after half a year, and of each user all but the latest
/// thousand.</summary>
sealed class NotificationSweep(HubDatabase database, TimeProvider time) : Job
{
    const int MaxOfUser = 1000, Step = 1000;

    static readonly TimeSpan s_read = TimeSpan.FromDays(30), s_all = TimeSpan.FromDays(180);

    /// <inheritdoc/>
    public override string Name => "inboxes";

    /// <inheritdoc/>
    public override string Purpose => "Forgets notifications that were read a month ago, and all of half a year ago";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromDays(1);

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var gone = await database.ReadAsync(
            async c => (await c.QueryAsync<long>(
                """
                SELECT id FROM (SELECT id, at, unread, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY at DESC, id DESC) AS place FROM notifications) ranked
                WHERE at < @all OR (at < @read AND unread = @no) OR place > @MaxOfUser
                """,
                new
                {
                    all = (now - s_all).ToUnixTimeMilliseconds(),
                    read = (now - s_read).ToUnixTimeMilliseconds(),
                    no = false,
                    MaxOfUser
                })).AsList(),
            cancellationToken);
        foreach (var (step, number) in gone.Chunk(Step).Select((s, i) => (s, i)))
        {
            run.Progress = $"{number * Step} of {gone.Count}";
            await database.WriteAsync(t => t.ExecuteAsync($"DELETE FROM notifications WHERE id {database.In("step")}", new { step }),
                cancellationToken);
        }
    }
}
