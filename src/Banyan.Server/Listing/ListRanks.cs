using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Listing;

/// <summary>Search results are ordered by downloads as of the time a repository was indexed: those with many more downloads since are
/// indexed again.</summary>
sealed class ListRanks(HubDatabase database) : Job
{
    /// <inheritdoc/>
    public override string Name => "ranks";

    /// <inheritdoc/>
    public override string Purpose => "Puts what was downloaded much more by now further up in searches";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        // All are gone through: read apart, so that nobody who writes waits for it.
        var risen = await database.ReadAsync(
            async c =>
                (await c.QueryAsync<long>(
                    "SELECT r.id FROM repos r JOIN listings l ON l.repo_id = r.id WHERE r.downloads > 2 * l.ranked + 10 LIMIT 10000")).AsList(), cancellationToken);
        if (risen.Count > 0)
            await database.WriteAsync(
                t => t.ExecuteAsync("INSERT INTO unlisted (repo_id, mark) SELECT id, -1 FROM repos WHERE id = @id ON CONFLICT DO NOTHING",
                    risen.Select(id => new { id })), cancellationToken);
    }
}
