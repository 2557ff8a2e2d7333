using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>Large files that no repository has.</summary>
sealed class ContentCollection(HubDatabase database, CollectionOptions options, CollectionReport report)
{
    const int Batch = 200;

    const string Unreached = "NOT EXISTS (SELECT 1 FROM repo_contents WHERE content_id = c.id)";
    const string Due =
        $"SELECT c.id FROM unreached_contents u JOIN contents c ON c.id = u.content_id WHERE u.since <= @since AND c.created_at <= @since AND {Unreached}";

    public async Task RunAsync(long now, long since, CancellationToken cancellationToken)
    {
        if (options.DryRun)
        {
            report.Contents =
                await database.ReadAsync(c => c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM ({Due}) due", new { since }),
                    cancellationToken);
        }
        else
        {
            // Marked where it is seen first; a mark that no longer holds goes.
            await database.WriteAsync(async t =>
            {
                await t.ExecuteAsync(
                    "DELETE FROM unreached_contents WHERE EXISTS (SELECT 1 FROM repo_contents r WHERE r.content_id = unreached_contents.content_id)");
                await t.ExecuteAsync(
                    $"INSERT INTO unreached_contents (content_id, since) SELECT c.id, @now FROM contents c WHERE {Unreached} ON CONFLICT DO NOTHING", new { now });
            }, cancellationToken);
            int removed;
            do
            {
                removed = await database.WriteAsync(
                    async t => await t.QueryAsync<long>($"{Due} LIMIT {Batch}", new { since }) is { Count: > 0 } ids
                        ? await t.ExecuteAsync($"DELETE FROM contents WHERE id {database.In("ids")}", new { ids })
                        : 0,
                    cancellationToken);
                report.Contents += removed;
            }
            while (removed > 0);
        }
        report.Waiting += await database.ReadAsync(c => c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM contents c WHERE {Unreached}"),
            cancellationToken) - (options.DryRun ? report.Contents : 0);
    }
}
