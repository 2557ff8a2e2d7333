using System.Buffers.Binary;
using System.Security.Cryptography;
using Banyan.Server.Git;
using Banyan.Server.Git.Packs;
using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Maintenance.Checking;

/// <summary>
/// The packs that a repository's clones are sent, unpacked again: every object's id, and that it is one of the repository's. They are
/// copies, so that one which is damaged is dropped, with those that build upon it; the next clone is sent objects, and a pack is made
/// again.
/// </summary>
sealed class PackCheck(HubDatabase database, CheckReport report, Pace pace, TimeProvider time)
{
    readonly KeptPacks _kept = new(database, time);

    public async Task RunAsync(long repo, CancellationToken cancellationToken)
    {
        var packs = await _kept.ListAsync(repo, cancellationToken);
        for (var i = 0; i < packs.Count; i++)
        {
            string? problem;
            try
            {
                problem = await ProblemAsync(repo, packs[i], cancellationToken);
            }
            catch (Exception e) when (e is InvalidDataException or PackException)
            {
                problem = e.Message;
            }
            if (problem is null || !(await _kept.ListAsync(repo, cancellationToken)).Any(p => p.Id == packs[i].Id))
                continue;       // or it went meanwhile
            await _kept.DropAsync(repo, i, cancellationToken);
            report.Findings.Add(new(true, $"A pack of repository {repo} that clones were sent", problem,
                "it was dropped and is made anew; nothing is lost, but look after the disk of the database"));
            return;
        }
    }

    /// <summary>What is wrong with a pack, or null.</summary>
    async Task<string?> ProblemAsync(long repo, KeptPack pack, CancellationToken cancellationToken)
    {
        // Only the account that checks may read it: the repository may be private.
        var folder = Directory.CreateTempSubdirectory("banyan-fsck-").FullName;
        try
        {
            return await ProblemAsync(repo, pack, folder, cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    async Task<string?> ProblemAsync(long repo, KeptPack pack, string folder, CancellationToken cancellationToken)
    {
        var ids = new List<GitId>();
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var file = Private.CreateTemporary(folder, "pack");
        using (var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1))
        {
            var header = new byte[PackFormat.HeaderBytes];
            "PACK"u8.CopyTo(header);
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), 2);
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(8), (uint)pack.Objects);
            hash.AppendData(header);
            file.Write(header);
            await foreach (var part in _kept.PartsAsync(connection, pack, cancellationToken))
            {
                hash.AppendData(part.Span);
                file.Write(part.Span);
                await pace.AddAsync(part.Length, cancellationToken);
            }
            file.Write(hash.GetHashAndReset());
        }
        foreach (var row in await connection.QueryAsync<byte[]>("SELECT ids FROM git_pack_ids WHERE pack_id = @Id ORDER BY first",
            new { pack.Id }))
            ids.AddRange(row.Chunk(GitId.Size).Select(b => new GitId(b)));
        file.Position = 0;
        var objects = new GitObjects(database);
        using var read = await IncomingPack.ReadAsync(file, folder, new PackLimits { Objects = int.MaxValue, Unpacked = long.MaxValue },
            async id => await objects.FindAsync(repo, id, cancellationToken), cancellationToken);
        if (!read.Objects.Select(o => o.Id).Order().SequenceEqual(ids))
            return $"has other objects than its list of {ids.Count}";
        foreach (var some in ids.Chunk(1000))
        {
            var oids = some.Select(i => i.ToArray()).ToArray();
            var there =
                await connection.ExecuteScalarAsync<long>(
                    $"SELECT COUNT(*) FROM git_objects WHERE repo_id = @repo AND oid {database.In("oids")}", new { repo, oids });
            if (there != some.Length)
                return $"has {some.Length - there} objects that the repository does not have";
        }
        return null;
    }
}
