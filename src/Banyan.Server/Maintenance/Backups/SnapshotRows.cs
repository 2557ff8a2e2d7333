using System.Data.Common;
using System.Text.Json;
using Banyan.Server.Listing;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>Brings a snapshot's rows into a database that is empty.</summary>
static class SnapshotRows
{
    /// <summary>The schema as it was then, and nothing in it.</summary>
    /// <exception cref="BackupException">It is not empty, or has another schema.</exception>
    public static Task PrepareAsync(HubDatabase database, Snapshot facts, CancellationToken cancellationToken)
    {
        if (facts.Schema > HubDatabase.NewestVersion)
            throw new BackupException(
                $"the snapshot was made by a newer Banyan (schema {facts.Schema}, here {HubDatabase.NewestVersion}): use that one");
        database.Migrate(facts.Schema);
        return database.SnapshotAsync(async t =>
        {
            await CheckEmptyAsync(t);
            var version = await HubDatabase.VersionAsync(t);
            return version == facts.Schema ? true
                : throw new BackupException($"the database has schema {version}, the snapshot {facts.Schema}: name a new database");
        }, cancellationToken);
    }

    /// <summary>All rows in one transaction: before it the database is empty, after it whole.</summary>
    /// <exception cref="BackupException">The dump is not one, or the database is not empty any more.</exception>
    public static Task LoadAsync(HubDatabase database, string snapshot, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        await CheckEmptyAsync(t);
        foreach (var table in (await database.TablesAsync(t)).Reverse())
            await t.ExecuteAsync($"DELETE FROM \"{table}\"");
        try
        {
            await using var dump = BackupFolder.OpenDump(snapshot);
            await DatabaseDump.LoadAsync(database, t, dump, cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            throw new BackupException($"the database in {snapshot} cannot be read: {e.Message}");
        }
        await ListIndex.MarkAllAsync(t);
    }, cancellationToken);

    static async Task CheckEmptyAsync(DbTransaction t)
    {
        foreach (var table in (string[])["accounts", "repos", "contents", "xorbs"])
            if (await t.ScalarAsync<long>($"SELECT COUNT(*) FROM {table}") > 0)
                throw new BackupException("the hub there is not empty: restore into a new folder (--data) or a new database (--database)");
    }
}
