using System.Data.Common;
using System.IO.Compression;
using Banyan.Server.Git.Transport;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git.Packs.Kept;

/// <summary>
/// Writes a pack of a repository's objects that takes few bytes: a file or folder is a delta to what stood in its place in the commit
/// before, where that is in the same pack. git looks for likely bases among all objects; here the history names them, so nothing is
/// compared that is not related. Memory is some 40 bytes an object, what was written last (<see cref="RecentBytes"/>), and one object with
/// its base.
/// </summary>
sealed class PackMaker(HubDatabase database)
{
    const int ReadBatch = 200, ReadTogether = 1 << 16;
    const long RecentBytes = 16 << 20;

    /// <summary>So many deltas have to be applied at most for an object: git's own limit.</summary>
    const int Deepest = 50;

    readonly DeltaMaker _deltas = new();

    /// <summary>Writes the objects of a list in its order.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="collected">The list.</param>
    /// <param name="isLeftOut">Objects that are not written.</param>
    /// <param name="to">Receives the pack.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task WriteAsync(long repo, ObjectsToSend collected, IReadOnlySet<GitId> isLeftOut, Stream to,
        CancellationToken cancellationToken)
    {
        var ids = collected.Ids;
        var (places, depths) = (new long[ids.Count], new byte[ids.Count]);
        var recent = new GenerationCache<int, byte[]>(RecentBytes);
        using var writer = new PackWriter(to.Write, CompressionLevel.Optimal);
        writer.Begin((uint)(ids.Count - isLeftOut.Count));
        await using var connection = await database.OpenAsync(cancellationToken);
        foreach (var batch in Enumerable.Range(0, ids.Count).Where(n => !isLeftOut.Contains(ids[n])).Chunk(ReadBatch))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var found = await ReadAsync(connection, repo, [.. batch.Select(n => ids[n])]);
            foreach (var number in batch)
            {
                var (kind, content) = found[ids[number]];
                content ??= await ReadAsync(connection, repo, ids[number]);
                places[number] = writer.Position;
                if (collected.BaseOf(number) is { } other && places[other] > 0 && depths[other] < Deepest)
                {
                    var source = recent.TryGet(other, out var known) ? known : await ReadAsync(connection, repo, ids[other]);
                    // A delta of half the length is hardly shorter once both are compressed.
                    var delta = _deltas.Make(source, content, content.Length / 2);
                    if (delta.Length > 0)
                    {
                        writer.AddDelta(places[number] - places[other], delta);
                        depths[number] = (byte)(depths[other] + 1);
                    }
                }
                if (depths[number] == 0)
                    writer.Add(kind, content);
                if (kind is GitKind.Blob or GitKind.Tree)
                    recent.Add(number, content, content.Length + 100);
            }
        }
        writer.End();
        await to.FlushAsync(cancellationToken);
    }

    /// <summary>Many objects; of long ones only the kind.</summary>
    async Task<Dictionary<GitId, (GitKind Kind, byte[]? Content)>> ReadAsync(DbConnection connection, long repo, GitId[] ids)
    {
        var found = new Dictionary<GitId, (GitKind, byte[]?)>(ids.Length);
        foreach (var (oid, kind, content) in await connection.QueryAsync<(byte[], string, byte[]?)>(
            $"SELECT oid, kind, CASE WHEN size <= @ReadTogether THEN content END FROM git_objects WHERE repo_id = @repo AND oid {database.In("oids")}",
            new { repo, oids = ids.Select(i => i.ToArray()).ToArray(), ReadTogether }))
            found[new GitId(oid)] = (GitKinds.Parse(kind), content);
        return found.Count == ids.Length ? found : throw Missing(ids.Length - found.Count);
    }

    static async Task<byte[]> ReadAsync(DbConnection connection, long repo, GitId id) =>
        await connection.ExecuteScalarAsync<byte[]?>("SELECT content FROM git_objects WHERE repo_id = @repo AND oid = @oid",
            new { repo, oid = id.ToArray() }) ?? throw Missing(1);

    static InvalidDataException Missing(int count) => new($"{count} git objects of a repository are missing: run banyan fsck.");
}
