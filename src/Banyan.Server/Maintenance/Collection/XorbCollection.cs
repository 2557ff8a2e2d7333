using System.Data.Common;
using Banyan.Chunks;
using Banyan.Server.Content;
using Banyan.Server.Maintenance.Backups;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>
/// Xorbs and their objects. An object and its row cannot go at once, and the same bytes may be coming in again, so it takes two steps:
/// <code>
/// condemn   the row stays, its chunks go: nobody finds it, nobody may refer to it, who stores the same xorb waits
/// remove    in one transaction that holds the row: the object, then the row
/// </code>
/// A row that is gone therefore means an object that is gone; a crash in between leaves a condemned row, which is removed again.
/// An object without a row gets a condemned one first. See <see cref="XorbIndex.StoreAsync"/> for the other side.
/// </summary>
sealed class XorbCollection(HubDatabase database, IObjectStore objects, CollectionOptions options, CollectionReport report)
{
    const int Batch = 100, Passes = 5;
    const string Prefix = "xorbs/";

    const string Due =
        "SELECT x.id, x.stored_length FROM xorbs x WHERE x.keep_until < @now AND x.keep_until <> @Condemned AND NOT EXISTS (SELECT 1 FROM content_xorbs WHERE xorb_id = x.id)";

    const long Condemned = XorbIndex.Condemned;

    /// <summary>Removes what is condemned.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        for (var pass = 0; pass < Passes; pass++)
        {
            var condemned = (await database.ReadAsync(
                c => c.QueryAsync<(long Id, byte[] Hash)>("SELECT id, hash FROM xorbs WHERE keep_until = @Condemned", new { Condemned }),
                cancellationToken)).AsList();
            if (condemned.Count == 0)
                return;
            foreach (var (id, hash) in condemned)
            {
                try
                {
                    await RemoveAsync(id, new XetHash(hash), cancellationToken);
                }
                catch (DbException e) when (e.IsTransient)
                {
                    // Others were in the way all the time: in the next pass, or the next collection.
                }
            }
        }
    }

    Task RemoveAsync(long id, XetHash hash, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        if (await t.ExecuteAsync("DELETE FROM xorbs WHERE id = @id AND keep_until = @Condemned", new { id, Condemned }) == 1)
            await objects.DeleteAsync(XorbIndex.ObjectKey(hash), cancellationToken);
    }, cancellationToken);

    /// <summary>Xorbs that nothing needs.</summary>
    public async Task RunAsync(long now, CancellationToken cancellationToken)
    {
        if (options.DryRun)
        {
            var (count, bytes) = await database.ReadAsync(
                c => c.QuerySingleAsync<(long, long)>($"SELECT COUNT(*), COALESCE(SUM(stored_length), 0) FROM ({Due}) due",
                    new { now, Condemned }), cancellationToken);
            report.Objects += count;
            report.Bytes += bytes;
            return;
        }
        while (true)
        {
            var condemned = await database.WriteAsync(async t =>
            {
                if (await BackupPause.HoldsAsync(t, now))
                    return null;
                var due = await t.QueryAsync<(long Id, long Bytes)>($"{Due} LIMIT {Batch}", new { now, Condemned });
                var ids = due.Select(d => d.Id).ToArray();
                if (ids.Length > 0)
                {
                    await t.ExecuteAsync($"UPDATE xorbs SET keep_until = @Condemned WHERE id {database.In("ids")}", new { ids, Condemned });
                    await t.ExecuteAsync($"DELETE FROM chunks WHERE xorb_id {database.In("ids")}", new { ids });
                }
                return due;
            }, cancellationToken);
            report.Paused |= condemned is null;
            if (condemned is not { Count: > 0 })
                return;
            await FinishAsync(cancellationToken);
            report.Objects += condemned.Count;
            report.Bytes += condemned.Sum(c => c.Bytes);
        }
    }

    /// <summary>Objects that uploads left which died before they were recorded.</summary>
    public async Task RunOrphansAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var page = new List<(byte[] Hash, long Length)>(Batch);
        await foreach (var stored in objects.ListAsync(Prefix, cancellationToken))
        {
            if (now - stored.Modified < options.Grace || !XetHash.TryParse(stored.Key[(stored.Key.LastIndexOf('/') + 1)..], out var hash)
                || XorbIndex.ObjectKey(hash) != stored.Key)
                continue;
            page.Add((hash.ToArray(), stored.Length));
            if (page.Count == Batch)
                await RemoveAsync(page, now.ToUnixTimeMilliseconds(), cancellationToken);
        }
        await RemoveAsync(page, now.ToUnixTimeMilliseconds(), cancellationToken);
    }

    async Task RemoveAsync(List<(byte[] Hash, long Length)> page, long now, CancellationToken cancellationToken)
    {
        var hashes = page.Select(p => p.Hash).ToArray();
        var known = hashes.Length == 0 ? [] : (await database.ReadAsync(
            c => c.QueryAsync<byte[]>($"SELECT hash FROM xorbs WHERE hash {database.In("hashes")}", new { hashes }),
            cancellationToken)).Select(Convert.ToHexStringLower).ToHashSet();
        var orphans = page.Where(p => !known.Contains(Convert.ToHexStringLower(p.Hash))).ToArray();
        page.Clear();
        if (orphans.Length == 0)
            return;
        if (!options.DryRun)
        {
            var paused = await database.WriteAsync(async t =>
            {
                if (await BackupPause.HoldsAsync(t, now))
                    return true;
                await t.ExecuteAsync(
                    "INSERT INTO xorbs (hash, stored_length, raw_length, layout, created_at, keep_until) VALUES (@Hash, 0, 0, @layout, @now, @Condemned) ON CONFLICT DO NOTHING",
                    orphans.Select(o => new { o.Hash, layout = Array.Empty<byte>(), now, Condemned }));
                return false;
            }, cancellationToken);
            report.Paused |= paused;
            if (paused)
                return;
            await FinishAsync(cancellationToken);
        }
        report.Objects += orphans.Length;
        report.Bytes += orphans.Sum(o => o.Length);
    }
}
