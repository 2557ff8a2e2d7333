using System.Data.Common;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Webhooks;

/// <summary>Webhooks in the database. Each belongs to a user, who alone sees it.</summary>
sealed class WebhookStore(HubDatabase database, TimeProvider time)
{
    const string Select = "SELECT id, url, watched, repo_events, discussion_events, secret, disabled FROM webhooks WHERE user_id = @user";

    public Task<IReadOnlyList<Webhook>> ListAsync(long user, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<Webhook>>(
        async c => (await c.QueryAsync<Webhook>($"{Select} ORDER BY id", new { user })).AsList(), cancellationToken);

    public Task<Webhook?> FindAsync(long user, long id, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Webhook>($"{Select} AND id = @id", new { user, id }), cancellationToken);

    /// <summary>Adds a webhook.</summary>
    /// <param name="user">Row of its owner.</param>
    /// <param name="webhook">Everything but its id.</param>
    /// <param name="watched">What it watches.</param>
    /// <param name="root">The hub's address, as its owner calls it.</param>
    /// <param name="most">How many a user may have.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>It, or null if the user has that many.</returns>
    public Task<Webhook?> AddAsync(long user, Webhook webhook, IReadOnlyList<WatchedItem> watched, string root, int most,
        CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM webhooks WHERE user_id = @user", new { user }) >= most)
            return null;
        var id = await t.ScalarAsync<long>(
            """
            INSERT INTO webhooks (user_id, url, watched, repo_events, discussion_events, secret, disabled, root, created_at)
            VALUES (@user, @Url, @Watched, @RepoEvents, @DiscussionEvents, @Secret, @Disabled, @root, @now) RETURNING id
            """,
            new
            {
                user,
                webhook.Url,
                webhook.Watched,
                webhook.RepoEvents,
                webhook.DiscussionEvents,
                webhook.Secret,
                webhook.Disabled,
                root,
                now = time.GetUtcNow().ToUnixTimeMilliseconds()
            });
        await WatchAsync(t, id, watched);
        await Audit.RecordAsync(t, "webhook.add", $"webhook {id}");
        return webhook with { Id = id };
    }, cancellationToken);

    /// <summary>Changes a user's webhook; pending events go to the new address.</summary>
    /// <param name="user">Row of its owner.</param>
    /// <param name="webhook">Its new settings.</param>
    /// <param name="watched">What it watches, or null for no change.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>False if there is none.</returns>
    public Task<bool> UpdateAsync(long user, Webhook webhook, IReadOnlyList<WatchedItem>? watched, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var changed = await t.ExecuteAsync(
            """
            UPDATE webhooks SET url = @Url, watched = @Watched, repo_events = @RepoEvents, discussion_events = @DiscussionEvents, secret = @Secret, disabled = @Disabled
            WHERE id = @Id AND user_id = @user
            """,
            new
            {
                user,
                webhook.Id,
                webhook.Url,
                webhook.Watched,
                webhook.RepoEvents,
                webhook.DiscussionEvents,
                webhook.Secret,
                webhook.Disabled
            });
        if (changed == 1 && watched is not null)
        {
            await t.ExecuteAsync("DELETE FROM webhook_watched WHERE webhook_id = @Id", new { webhook.Id });
            await WatchAsync(t, webhook.Id, watched);
        }
        if (changed == 1 && webhook.Disabled)
            await t.ExecuteAsync("DELETE FROM webhook_deliveries WHERE webhook_id = @Id", new { webhook.Id });
        if (changed == 1)
            await Audit.RecordAsync(t, "webhook.change", $"webhook {webhook.Id}", webhook.Disabled ? "disabled" : null);
        return changed == 1;
    }, cancellationToken);

    static Task WatchAsync(DbTransaction t, long webhook, IReadOnlyList<WatchedItem> watched) => t.ExecuteAsync(
        "INSERT INTO webhook_watched (kind, name_key, webhook_id) VALUES (@kind, @key, @webhook) ON CONFLICT DO NOTHING",
        watched.Select(w => new { kind = w.Type, key = Names.Key(w.Name!), webhook }));

    /// <summary>Removes a webhook of the user's; false if there is none.</summary>
    public Task<bool> RemoveAsync(long user, long id, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        if (await t.ExecuteAsync("DELETE FROM webhooks WHERE id = @id AND user_id = @user", new { id, user }) == 0)
            return false;
        await Audit.RecordAsync(t, "webhook.remove", $"webhook {id}");
        return true;
    }, cancellationToken);
}
