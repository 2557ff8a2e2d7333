using Banyan.Server.Auditing;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Maintenance.Checking;

/// <summary>
/// Verifies a hub again from its bytes, live or not. Nothing that is recorded is trusted: ids and hashes are recomputed.
/// <code>
/// 1  git objects   every id; what each names is there; every ref leads to a commit; the packs that clones are sent
/// 2  xorbs         every object: there, as long as its row says, every chunk's hash, the hash of all; the chunk index
/// 3  large files   put together from their chunks: SHA-256, Xet hash, length; what keeps their xorbs
/// 4  objects       that no row knows
/// 5  audit         its chain
/// </code>
/// Every finding is checked again, since a live hub changes meanwhile.
/// </summary>
public sealed class HubCheck(HubDatabase database, IObjectStore objects, TimeProvider time)
{
    /// <summary>Checks.</summary>
    /// <param name="options">What and how fast.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public async Task<CheckReport> RunAsync(CheckOptions options, Action<CheckProgress>? progress, CancellationToken cancellationToken)
    {
        var report = new CheckReport();
        var pace = new Pace(report, options.MaxBytesPerSecond, time) { Progress = progress };
        pace.Total = (long)(options.Sample * await database.ReadAsync(
            c => c.ExecuteScalarAsync<double>(
                """
                SELECT (SELECT COALESCE(SUM(size), 0) FROM git_objects) + (SELECT COALESCE(SUM(LENGTH(content)), 0) FROM git_pack_parts) + (SELECT COALESCE(SUM(stored_length), 0) FROM xorbs) + (SELECT COALESCE(SUM(size), 0) FROM contents)
                """),
            cancellationToken));
        var content = new ContentStore(database, objects, new ContentOptions(), time);

        pace.Phase = "git objects";
        var (git, packs) = (new GitCheck(database, report, pace), new PackCheck(database, report, pace, time));
        await foreach (var repo in Pages.ReposAsync(database, cancellationToken))
            if (Chosen(options, 1, repo))
            {
                await git.RunAsync(repo, cancellationToken);
                await packs.RunAsync(repo, cancellationToken);
            }

        pace.Phase = "xorbs";
        var xorbs = new XorbCheck(database, objects, report, pace);
        await foreach (var xorb in Pages.WalkAsync<XorbRow>(database, XorbRow.Page, x => x.Id, cancellationToken))
            if (Chosen(options, 2, xorb.Id))
                await xorbs.RunAsync(xorb, cancellationToken);

        pace.Phase = "large files";
        var files = new ContentCheck(database, content, report, pace);
        await foreach (var id in Pages.WalkAsync<long>(database, "SELECT id FROM contents WHERE id > @after ORDER BY id LIMIT @Size",
            id => id, cancellationToken))
            if (Chosen(options, 3, id))
                await files.RunAsync(id, cancellationToken);

        pace.Phase = "stored objects";
        if (options.Unrecorded)
            await xorbs.RunOrphansAsync(cancellationToken);

        pace.Phase = "audit";
        try
        {
            await new AuditLog(database).VerifyAsync([], cancellationToken);
        }
        catch (AuditException e)
        {
            report.Findings.Add(new(true, "The audit", $"is not what was written: {e.Message}",
                "compare it with that of a backup, and find out who could write into the database"));
        }
        return report;
    }

    /// <summary>The same seed chooses the same rows.</summary>
    static bool Chosen(CheckOptions options, int kind, long id) =>
        options.Sample >= 1 || (uint)HashCode.Combine(options.Seed, kind, id) < options.Sample * uint.MaxValue;
}
