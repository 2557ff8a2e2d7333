using Banyan.Chunks;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>What a backup did.</summary>
/// <param name="Name">Of the snapshot.</param>
/// <param name="Objects">Objects that the snapshot needs.</param>
/// <param name="Copied">Of them, those that were not in the folder yet.</param>
/// <param name="CopiedBytes">Their bytes.</param>
public sealed record BackupReport(string Name, long Objects, long Copied, long CopiedBytes);

/// <summary>
/// Copies a hub, live or not, into a folder of backups.
/// <code>
/// 1  no object is removed from here on (renewed while it lasts)
/// 2  the database as of one moment
/// 3  the objects that it names and the folder lacks: every chunk hashed on the way
/// 4  the snapshot gets its name
/// </code>
/// Objects never change and are stored before anything names them, so the second and third step need not be one.
/// </summary>
public sealed class Backup(HubDatabase database, IObjectStore objects, TimeProvider time)
{
    /// <summary>Makes a snapshot.</summary>
    /// <param name="path">The folder of backups; created if missing.</param>
    /// <param name="progress">Receives the phase, the bytes done and the total.</param>
    /// <param name="cancellationToken">Cancels it; what was copied makes the next one shorter.</param>
    /// <exception cref="BackupException">An object of the hub is missing or damaged: no snapshot is made.</exception>
    public async Task<BackupReport> RunAsync(string path, Action<string, long, long>? progress, CancellationToken cancellationToken)
    {
        var folder = new BackupFolder(path);
        using var hold = folder.Hold();
        // :: Step 1
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await PauseAsync(BackupPause.Length, cancellationToken);
        var pausing = RenewAsync(stop.Token);
        try
        {
            // :: Step 2
            progress?.Invoke("database", 0, 0);
            var made = time.GetUtcNow();
            var incoming = folder.Begin();
            var (schema, xorbs, sha256) = await database.SnapshotAsync(async t =>
            {
                var schema = await HubDatabase.VersionAsync(t);
                var sha256 = await BackupFolder.WriteDumpAsync(incoming,
                    to => DatabaseDump.WriteAsync(database, t, to, cancellationToken), cancellationToken);
                var xorbs =
                    await t.QueryAsync<(byte[] Hash, long Bytes)>("SELECT hash, stored_length FROM xorbs WHERE keep_until <> @Condemned",
                        new { XorbIndex.Condemned });
                return (schema, xorbs, sha256);
            }, cancellationToken);

            // :: Step 3
            var (copied, copiedBytes, done, total) = (0L, 0L, 0L, xorbs.Sum(x => x.Bytes));
            foreach (var (hash, bytes) in xorbs)
            {
                progress?.Invoke("objects", done, total);
                if (await XorbCopy.RunAsync(objects, folder.Objects, new XetHash(hash), bytes, cancellationToken))
                    (copied, copiedBytes) = (copied + 1, copiedBytes + bytes);
                done += bytes;
            }

            // :: Step 4
            var name = folder.Finish(incoming, new Snapshot(made, schema, sha256, xorbs.Count, total));
            return new BackupReport(name, xorbs.Count, copied, copiedBytes);
        }
        finally
        {
            await stop.CancelAsync();
            await pausing;
            await PauseAsync(TimeSpan.Zero, CancellationToken.None);
        }
    }

    Task PauseAsync(TimeSpan length, CancellationToken cancellationToken) =>
        database.WriteAsync(t => BackupPause.SetAsync(t, (time.GetUtcNow() + length).ToUnixTimeMilliseconds()), cancellationToken);

    async Task RenewAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var timer = new PeriodicTimer(BackupPause.Length / 5, time);
            while (await timer.WaitForNextTickAsync(cancellationToken))
                await PauseAsync(BackupPause.Length, cancellationToken);
        }
        catch (OperationCanceledException)
        {
        }
    }
}
