using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>
/// Verifies a snapshot without a hub, as a hub is verified: what it would restore is checked.
/// <code>
/// 1  the dump's SHA-256
/// 2  its rows in a database of their own, in a temporary folder
/// 3  all of it as banyan fsck does, against the objects of the folder
/// </code>
/// </summary>
public sealed class BackupCheck(string path, TimeProvider time)
{
    /// <summary>Checks; writes nothing into the folder.</summary>
    /// <param name="name">The snapshot, or null for the newest.</param>
    /// <param name="options">What and how fast.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The snapshot's name, and what was found.</returns>
    /// <exception cref="BackupException">There is no such snapshot, or its database is damaged.</exception>
    public async Task<(string Name, CheckReport Report)> RunAsync(string? name, CheckOptions options, Action<CheckProgress>? progress,
        CancellationToken cancellationToken)
    {
        if (!Directory.Exists(path))
            throw new BackupException($"there is no folder {path}");
        var folder = new BackupFolder(path);
        // :: Step 1
        var (snapshot, facts) = await folder.FindWholeAsync(name, cancellationToken);

        // :: Step 2
        // It holds the hub's secrets: nobody else may read the folder.
        var temporary = Directory.CreateTempSubdirectory("banyan-verify-");
        try
        {
            await using var database = HubDatabase.Open(Path.Combine(temporary.FullName, "hub.db"));
            await SnapshotRows.PrepareAsync(database, facts, cancellationToken);
            await SnapshotRows.LoadAsync(database, snapshot, cancellationToken);
            database.Migrate();

            // :: Step 3
            // Other snapshots have objects of their own.
            return (Path.GetFileName(snapshot),
                await new HubCheck(database, folder.Objects, time).RunAsync(options with { Unrecorded = false },
                    progress, cancellationToken));
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }
}
