using Banyan.Chunks;
using Banyan.Server.Content;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Files;

/// <summary>A large file that a repository holds.</summary>
/// <param name="Content">Row in <c>contents</c>.</param>
/// <param name="Sha256">64 hexadecimal digits.</param>
/// <param name="XetHash">Its Xet hash.</param>
/// <param name="Size">Bytes.</param>
sealed record HeldFile(long Content, string Sha256, XetHash XetHash, long Size);

/// <summary>The large files that a repository holds: whoever may read the repository may read them, and nobody by their hash alone.</summary>
sealed class HeldFiles(HubDatabase database, ContentStore contents)
{
    const int Batch = 500;

    readonly StateCache<(long, string), HeldFile?> _known = new(database);

    /// <summary>The file of a SHA-256, if the repository holds it.</summary>
    public ValueTask<HeldFile?> FindAsync(long repo, string sha256, CancellationToken cancellationToken) =>
        _known.GetAsync((repo, sha256), async (key, ct) => (await FindAsync(key.Item1, [key.Item2], ct)).GetValueOrDefault(key.Item2), cancellationToken);

    /// <summary>Those of these files that the repository holds, by SHA-256.</summary>
    public async Task<Dictionary<string, HeldFile>> FindAsync(long repo, IEnumerable<string> sha256s, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, HeldFile>();
        foreach (var batch in sha256s.Distinct().Chunk(Batch))
        {
            var wanted = batch.Select(Convert.FromHexString).ToArray();
            var rows = await database.ReadAsync(
                c => c.QueryAsync<(long Id, byte[] Sha256, byte[] Xet, long Size)>(
                    $"""
                    SELECT c.id, c.sha256, c.xet_hash, c.size FROM contents c JOIN repo_contents rc ON rc.content_id = c.id
                    WHERE rc.repo_id = @repo AND c.sha256 {database.In("wanted")}
                    """,
                    new { repo, wanted }),
                cancellationToken);
            foreach (var (id, sha256, hash, size) in rows)
                found[Convert.ToHexStringLower(sha256)] = new HeldFile(id, Convert.ToHexStringLower(sha256), new XetHash(hash), size);
        }
        return found;
    }

    /// <summary>Where the file's bytes lie.</summary>
    /// <exception cref="InvalidDataException">The database is damaged.</exception>
    public async Task<LargeFile> OpenAsync(HeldFile file, CancellationToken cancellationToken) =>
        await contents.FindAsync(Convert.FromHexString(file.Sha256), cancellationToken) ?? throw new InvalidDataException($"The content {file.Sha256} is gone: run banyan fsck.");
}
