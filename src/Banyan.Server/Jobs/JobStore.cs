using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Jobs;

/// <summary>
/// The jobs that the nodes of a hub share, by name. The node that runs a job holds a lease of one minute on it and renews it. If the node
/// dies, the lease expires, and another node, or the same one after a restart, continues.
/// </summary>
public sealed class JobStore(HubDatabase database, TimeProvider time)
{
    /// <summary>How long a lease holds without being renewed.</summary>
    internal static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    const int MaxError = 1000;

    const string Columns = "name, node, held_until, due_at, began_at, ended_at, progress, error, failures, \"cursor\"";

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>
    /// Makes rows for jobs that are new: the first run of one that is daily comes after a day, of one that is frequent at once.
    /// </summary>
    internal async Task AddAsync(IReadOnlyList<Job> jobs, CancellationToken cancellationToken)
    {
        var known = (await ListAsync(cancellationToken)).Select(j => j.Name).ToHashSet();
        var added = jobs.Where(j => !known.Contains(j.Name))
            .Select(j => new { j.Name, due = j.Every < TimeSpan.FromHours(1) ? 0 : Now + (long)j.Every.TotalMilliseconds }).ToList();
        if (added.Count > 0)
            await database.WriteAsync(t =>
                t.ExecuteAsync(
                    "INSERT INTO jobs (name, held_until, due_at, failures) VALUES (@Name, 0, @due, 0) ON CONFLICT (name) DO NOTHING",
                    added), cancellationToken);
    }

    /// <summary>All of them by name.</summary>
    public Task<IReadOnlyList<JobState>> ListAsync(CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<JobState>>(async c =>
            (await c.QueryAsync<JobState>($"SELECT {Columns} FROM jobs ORDER BY name")).AsList(), cancellationToken);

    /// <summary>Whether a job is due and nobody runs it.</summary>
    internal Task<bool> IsDueAsync(string name, CancellationToken cancellationToken) =>
        database.ReadAsync(c =>
            c.ExecuteScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM jobs WHERE name = @name AND due_at <= @Now AND held_until <= @Now)",
                new { name, Now }), cancellationToken);

    /// <summary>Takes a job that is due and that nobody runs.</summary>
    /// <returns>How it stood, or null: another was faster.</returns>
    internal Task<JobState?> TakeAsync(string name, string node, CancellationToken cancellationToken) => database.WriteAsync(
        async t => await t.ExecuteAsync(
            "UPDATE jobs SET node = @node, held_until = @until, began_at = @Now, progress = NULL WHERE name = @name AND due_at <= @Now AND held_until <= @Now", new { name, node, until = Until, Now }) == 1
            ? await t.FirstAsync<JobState>($"SELECT {Columns} FROM jobs WHERE name = @name", new { name }) : null,
        cancellationToken);

    /// <summary>Holds a job for longer, and tells how far it is.</summary>
    /// <returns>Whether it was still held: after a pause of the whole machine another may have taken it.</returns>
    internal Task<bool> RenewAsync(JobState taken, JobRun run, CancellationToken cancellationToken) => database.WriteAsync(
        async t => await t.ExecuteAsync(
            "UPDATE jobs SET held_until = @until, progress = @Progress, \"cursor\" = @Cursor WHERE name = @Name AND node = @Node AND began_at = @BeganAt",
            new { until = Until, run.Progress, run.Cursor, taken.Name, taken.Node, taken.BeganAt }) == 1,
        cancellationToken);

    /// <summary>Notes that a run ended, and when the next is due; nothing if another has taken the job meanwhile.</summary>
    /// <param name="taken">As it was taken.</param>
    /// <param name="run">The run.</param>
    /// <param name="error">Why it failed, or null.</param>
    /// <param name="pause">From now to the next.</param>
    internal Task EndAsync(JobState taken, JobRun run, string? error, TimeSpan pause) => database.WriteAsync(
        t => t.ExecuteAsync(
            """
            UPDATE jobs SET node = NULL, held_until = 0, progress = NULL, ended_at = @Now, due_at = @due, error = @error, failures = @failures, "cursor" = @Cursor
            WHERE name = @Name AND node = @Node AND began_at = @BeganAt
            """,
            new
            {
                Now,
                due = Now + (long)pause.TotalMilliseconds,
                error = error is { Length: > MaxError } ? error[..MaxError] : error,
                failures = error is null ? 0 : taken.Failures + 1,
                run.Cursor,
                taken.Name,
                taken.Node,
                taken.BeganAt
            }),
        CancellationToken.None);

    /// <summary>Gives a job back that the server's end interrupted: due at once.</summary>
    internal Task GiveBackAsync(JobState taken, JobRun run) => database.WriteAsync(
        t => t.ExecuteAsync(
            "UPDATE jobs SET node = NULL, held_until = 0, progress = NULL, due_at = 0, \"cursor\" = @Cursor WHERE name = @Name AND node = @Node AND began_at = @BeganAt",
            new { run.Cursor, taken.Name, taken.Node, taken.BeganAt }),
        CancellationToken.None);

    /// <summary>Makes a job due at once.</summary>
    /// <returns>Whether there is one of this name.</returns>
    public Task<bool> DemandAsync(string name, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var isThere = await t.ExecuteAsync("UPDATE jobs SET due_at = 0 WHERE name = @name", new { name }) == 1;
        if (isThere)
            await Audit.RecordAsync(t, "job.run", name, null);
        return isThere;
    }, cancellationToken);

    long Until => Now + (long)Lease.TotalMilliseconds;
}
