using Banyan.Chunks;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>What was restored.</summary>
/// <param name="Name">The snapshot.</param>
/// <param name="Made">When it was made.</param>
/// <param name="Objects">Its objects.</param>
/// <param name="Copied">Of them, those that were not in the store yet.</param>
public sealed record RestoreReport(string Name, DateTimeOffset Made, long Objects, long Copied);

/// <summary>
/// Puts a snapshot into a hub that is empty, of the same kind or another (SQLite or PostgreSQL, disk or S3).
/// <code>
/// 1  the dump's SHA-256
/// 2  the schema as it was then; nothing may be in it
/// 3  the objects: every chunk hashed on the way
/// 4  the rows, in one transaction: before it the hub is empty, after it whole
/// 5  the schema as it is now
/// </code>
/// </summary>
public sealed class Restore(HubDatabase database, IObjectStore objects)
{
    /// <summary>Restores.</summary>
    /// <param name="path">The folder of backups.</param>
    /// <param name="name">The snapshot, or null for the newest.</param>
    /// <param name="progress">Receives the phase, the bytes done and the total.</param>
    /// <param name="cancellationToken">Cancels it; the hub stays empty and can be restored again.</param>
    /// <exception cref="BackupException">It cannot be: the hub is unchanged.</exception>
    public async Task<RestoreReport> RunAsync(string path, string? name, Action<string, long, long>? progress,
        CancellationToken cancellationToken)
    {
        if (!Directory.Exists(path))
            throw new BackupException($"there is no folder {path}");
        var folder = new BackupFolder(path);
        // :: Step 1
        var (snapshot, facts) = await folder.FindWholeAsync(name, cancellationToken);

        // :: Step 2
        await SnapshotRows.PrepareAsync(database, facts, cancellationToken);

        // :: Step 3
        var hashes = new List<XetHash>();
        await foreach (var hash in BackupFolder.XorbsAsync(snapshot, cancellationToken))
            hashes.Add(hash);
        var copied = 0L;
        for (var i = 0; i < hashes.Count; i++)
        {
            progress?.Invoke("objects", i, hashes.Count);
            if (await XorbCopy.RunAsync(folder.Objects, objects, hashes[i], 0, cancellationToken))
                copied++;
        }

        // :: Step 4
        progress?.Invoke("database", hashes.Count, hashes.Count);
        await SnapshotRows.LoadAsync(database, snapshot, cancellationToken);

        // :: Step 5
        database.Migrate();
        return new RestoreReport(Path.GetFileName(snapshot), facts.Made, hashes.Count, copied);
    }
}
