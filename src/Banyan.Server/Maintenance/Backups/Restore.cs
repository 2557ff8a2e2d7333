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
    /// <param name="progress">Is told what is done, bytes so far and of how many.</param>
    /// <param name="cancellationToken">Ends it; the hub stays empty and can be restored again.</param>
    /// <exception cref="BackupException">It cannot be: the hub is unchanged.</exception>
    public async Task<RestoreReport> RunAsync(string path, string? name, Action<string, long, long>? progress, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(path))
            throw new BackupException($"there is no folder {path}");
        var folder = new BackupFolder(path);
        // :: Step 1
        var (snapshot, facts) = folder.Find(name);
        if (await BackupFolder.DumpSha256Async(snapshot, cancellationToken) != facts.DatabaseSha256)
            throw new BackupException($"the database in {snapshot} is damaged (its SHA-256 is another): choose an older one with --snapshot");
        if (facts.Schema > HubDatabase.NewestVersion)
            throw new BackupException($"the snapshot was made by a newer Banyan (schema {facts.Schema}, here {HubDatabase.NewestVersion}): restore it with that one");

        // :: Step 2
        database.Migrate(facts.Schema);
        await database.SnapshotAsync(async t =>
        {
            await CheckEmptyAsync(t);
            var version = await HubDatabase.VersionAsync(t);
            return version == facts.Schema ? true : throw new BackupException($"the database has schema {version}, the snapshot {facts.Schema}: name a new database");
        }, cancellationToken);

        // :: Step 3
        var hashes = new List<byte[]>();
        await using (var dump = BackupFolder.OpenDump(snapshot))
            await foreach (var hash in DatabaseDump.ColumnAsync(dump, "xorbs", "hash", cancellationToken))
                hashes.Add(hash[0].GetBytesFromBase64());
        var copied = 0L;
        for (var i = 0; i < hashes.Count; i++)
        {
            progress?.Invoke("objects", i, hashes.Count);
            if (await XorbCopy.RunAsync(folder.Objects, objects, new XetHash(hashes[i]), 0, cancellationToken))
                copied++;
        }

        // :: Step 4
        progress?.Invoke("database", hashes.Count, hashes.Count);
        await database.WriteAsync(async t =>
        {
            await CheckEmptyAsync(t);
            foreach (var table in (await database.TablesAsync(t)).Reverse())
                await t.ExecuteAsync($"DELETE FROM \"{table}\"");
            await using var dump = BackupFolder.OpenDump(snapshot);
            await DatabaseDump.LoadAsync(database, t, dump, cancellationToken);
        }, cancellationToken);

        // :: Step 5
        database.Migrate();
        return new RestoreReport(Path.GetFileName(snapshot), facts.Made, hashes.Count, copied);
    }

    static async Task CheckEmptyAsync(System.Data.Common.DbTransaction t)
    {
        foreach (var table in (string[])["accounts", "repos", "contents", "xorbs"])
            if (await t.ScalarAsync<long>($"SELECT COUNT(*) FROM {table}") > 0)
                throw new BackupException("the hub there is not empty: restore into a new folder (--data) or a new database (--database)");
    }
}
