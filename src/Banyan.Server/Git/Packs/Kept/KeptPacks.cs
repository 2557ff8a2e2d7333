using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git.Packs.Kept;

/// <summary>Packs of a repository's history that are sent as they are, so that a clone costs no more than its bytes. Each contains exactly
/// what its tips reach and the packs before it do not, so that a client that may have the tips may have all of it. They are copies that may
/// be dropped at any time; the objects are the authority.</summary>
sealed class KeptPacks(HubDatabase database, TimeProvider time)
{
    /// <summary>A part is as long as a packet of the sideband, and short enough to be no large object of the runtime's heap.</summary>
    public const int PartBytes = 64_000;

    const int IdsInPart = 4000, PartsAtOnce = 64;

    /// <summary>How long a dropped pack remains for transfers in progress.</summary>
    static readonly TimeSpan s_grace = TimeSpan.FromHours(6);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Those of a repository, in their order.</summary>
    public Task<IReadOnlyList<KeptPack>> ListAsync(long repo, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<KeptPack>>(
        async c =>
            [.. (await c.QueryAsync<(long Id, byte[] Tips, long Objects)>(
                "SELECT id, tips, objects FROM git_packs WHERE repo_id = @repo AND place IS NOT NULL ORDER BY place", new { repo }))
            .Select(r => new KeptPack(r.Id, [.. r.Tips.Chunk(GitId.Size).Select(t => new GitId(t))], r.Objects))],
        cancellationToken);

    /// <summary>
    /// The entries of a pack, part by part: each is valid until the next. A clone reads thousands of them, and leaves nothing on the heap.
    /// </summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> PartsAsync(DbConnection connection, KeptPack pack,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {database.RowFirst}content FROM git_pack_parts WHERE pack_id = @id AND number = @number";
        var (id, number) = (command.CreateParameter(), command.CreateParameter());
        (id.ParameterName, id.Value, number.ParameterName) = ("@id", pack.Id, "@number");
        command.Parameters.Add(id);
        command.Parameters.Add(number);
        var buffer = new byte[PartBytes];
        for (var at = 0L; ; at++)
        {
            number.Value = at;
            int length;
            await using (var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken))
            {
                if (!await reader.ReadAsync(cancellationToken))
                    yield break;
                length = (int)reader.GetBytes(reader.FieldCount - 1, 0, buffer, 0, buffer.Length);
            }
            yield return buffer.AsMemory(0, length);
        }
    }

    /// <summary>Those of some ids that packs have.</summary>
    public async Task<HashSet<GitId>> InAsync(IEnumerable<KeptPack> packs, IReadOnlyCollection<GitId> ids,
        CancellationToken cancellationToken)
    {
        var (found, sorted) = (new HashSet<GitId>(), ids.ToArray());
        if (sorted.Length == 0)
            return found;
        Array.Sort(sorted);
        await using var connection = await database.OpenAsync(cancellationToken);
        foreach (var pack in packs)
            for (var i = 0; i < sorted.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var part = await connection.ExecuteScalarAsync<byte[]?>(
                    "SELECT ids FROM git_pack_ids WHERE pack_id = @Id AND first <= @from ORDER BY first DESC LIMIT 1",
                    new { pack.Id, from = sorted[i].ToArray() });
                if (part is null)
                {
                    i++;   // before its first
                    continue;
                }
                // All that lie between the part's first and its last.
                var last = new GitId(part.AsSpan(part.Length - GitId.Size));
                var at = 0;
                do
                {
                    while (at < part.Length && new GitId(part.AsSpan(at)).CompareTo(sorted[i]) < 0)
                        at += GitId.Size;
                    if (at < part.Length && new GitId(part.AsSpan(at)) == sorted[i])
                        found.Add(sorted[i]);
                    i++;
                }
                while (i < sorted.Length && sorted[i].CompareTo(last) <= 0);
            }
        return found;
    }

    /// <summary>Keeps a pack after those that are there.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="before">How many packs come before it.</param>
    /// <param name="pack">The pack; what it builds upon is in those before it, and nothing of it is.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>False if others came between.</returns>
    public async Task<bool> AddAsync(long repo, int before, PackToKeep pack, CancellationToken cancellationToken)
    {
        var tips = pack.Tips.SelectMany(t => t.ToArray()).ToArray();
        var id = await database.WriteAsync(
            t => t.ScalarAsync<long?>(
                "INSERT INTO git_packs (repo_id, tips, objects, changed_at) SELECT id, @tips, @objects, @Now FROM repos WHERE id = @repo RETURNING id",
                new { repo, tips, objects = (long)pack.Ids.Length, Now }), cancellationToken);
        if (id is null)
            return false;
        var (rows, number) = (new List<(string Sql, object Parameters)>(), 0L);
        pack.Pack.Position = PackFormat.HeaderBytes;
        for (var left = pack.Pack.Length - PackFormat.HeaderBytes - PackFormat.TrailerBytes; left > 0;)
        {
            var content = new byte[Math.Min(left, PartBytes)];
            await pack.Pack.ReadExactlyAsync(content, cancellationToken);
            left -= content.Length;
            rows.Add(("INSERT INTO git_pack_parts (pack_id, number, content) VALUES (@id, @number, @content)",
                new { id, number = number++, content }));
            await WriteAsync(rows, PartsAtOnce, cancellationToken);
        }
        foreach (var some in pack.Ids.Chunk(IdsInPart))
        {
            var ids = new byte[some.Length * GitId.Size];
            for (var i = 0; i < some.Length; i++)
                some[i].CopyTo(ids.AsSpan(i * GitId.Size));
            rows.Add(("INSERT INTO git_pack_ids (pack_id, first, ids) VALUES (@id, @first, @ids)",
                new { id, first = some[0].ToArray(), ids }));
            await WriteAsync(rows, PartsAtOnce, cancellationToken);
        }
        await WriteAsync(rows, 1, cancellationToken);
        return await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("UPDATE repos SET updated_at = updated_at WHERE id = @repo", new { repo });   // one after the other
            return await t.ScalarAsync<long>("SELECT COUNT(*) FROM git_packs WHERE repo_id = @repo AND place IS NOT NULL", new { repo })
                == before
                && await t.ExecuteAsync("UPDATE git_packs SET place = @place, changed_at = @Now WHERE id = @id",
                    new { id, place = before + 1L, Now }) == 1;
        }, cancellationToken);
    }

    async Task WriteAsync(List<(string Sql, object Parameters)> rows, int least, CancellationToken cancellationToken)
    {
        if (rows.Count < least)
            return;
        await database.WriteAsync(async t =>
        {
            foreach (var (sql, parameters) in rows)
                await t.ExecuteAsync(sql, parameters);
        }, cancellationToken);
        rows.Clear();
    }

    /// <summary>Keeps only the first packs; transfers of the others are completed.</summary>
    public Task DropAsync(long repo, int keep, CancellationToken cancellationToken) => database.WriteAsync(
        t => t.ExecuteAsync("UPDATE git_packs SET place = NULL, changed_at = @Now WHERE repo_id = @repo AND place > @keep",
            new { repo, keep, Now }), cancellationToken);

    /// <summary>Drops what leads to objects that are about to be removed.</summary>
    public async Task DropAsync(long repo, IReadOnlyCollection<GitId> removed, CancellationToken cancellationToken)
    {
        if (removed.Count == 0)
            return;
        var (packs, gone) = (await ListAsync(repo, cancellationToken), removed.ToHashSet());
        var left = packs.TakeWhile(p => !p.Tips.Any(gone.Contains)).Count();
        if (left < packs.Count)
            await DropAsync(repo, left, cancellationToken);
    }

    /// <summary>Removes all packs of a repository that is going.</summary>
    public async Task RemoveAsync(long repo, CancellationToken cancellationToken)
    {
        foreach (var id in await database.ReadAsync(c => c.QueryAsync<long>("SELECT id FROM git_packs WHERE repo_id = @repo", new { repo }),
            cancellationToken))
            await RemovePackAsync(id, cancellationToken);
    }

    /// <summary>Removes packs of a repository that were dropped, or never written to their end.</summary>
    public async Task SweepAsync(long repo, CancellationToken cancellationToken)
    {
        var before = Now - (long)s_grace.TotalMilliseconds;
        foreach (var id in await database.ReadAsync(
            c => c.QueryAsync<long>("SELECT id FROM git_packs WHERE repo_id = @repo AND place IS NULL AND changed_at < @before",
                new { repo, before }), cancellationToken))
            await RemovePackAsync(id, cancellationToken);
    }

    async Task RemovePackAsync(long id, CancellationToken cancellationToken)
    {
        foreach (var table in (string[])["git_pack_parts", "git_pack_ids"])
        {
            var column = table == "git_pack_parts" ? "number" : "first";
            while (await database.WriteAsync(
                t => t.ExecuteAsync(
                    $"DELETE FROM {table} WHERE pack_id = @id AND {column} IN (SELECT {column} FROM {table} WHERE pack_id = @id LIMIT 500)",
                    new { id }), cancellationToken) > 0)
            {
            }
        }
        await database.WriteAsync(t => t.ExecuteAsync("DELETE FROM git_packs WHERE id = @id", new { id }), cancellationToken);
    }
}
