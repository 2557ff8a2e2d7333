using Banyan.Chunks;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Content;

/// <summary>A large file that a repository holds.</summary>
/// <param name="Content">Row in <c>contents</c>.</param>
/// <param name="Sha256">Its SHA-256.</param>
/// <param name="XetHash">Its Xet hash.</param>
/// <param name="Size">Bytes.</param>
sealed record HeldFile(long Content, Sha256 Sha256, XetHash XetHash, long Size);

/// <summary>Which large files each repository contains. Only this decides who may read them: everyone who may read a repository may read
/// its files. Knowing a hash grants nothing.</summary>
sealed class HeldFiles(HubDatabase database, ContentStore contents)
{
    const int Batch = 500;

    readonly StateCache<(long Repo, Sha256 Hash), HeldFile?> _bySha256 = new(database);
    readonly StateCache<(long Repo, XetHash Hash), HeldFile?> _byXetHash = new(database);

    /// <summary>The file of a SHA-256, or null if the repository does not hold it.</summary>
    public ValueTask<HeldFile?> FindAsync(long repo, Sha256 sha256, CancellationToken cancellationToken) =>
        _bySha256.GetAsync((repo, sha256),
            async (key, ct) => (await FindAsync(key.Repo, [key.Hash], ct)).GetValueOrDefault(key.Hash), cancellationToken);

    /// <summary>The file of a Xet hash, or null if the repository does not hold it.</summary>
    public ValueTask<HeldFile?> FindAsync(long repo, XetHash hash, CancellationToken cancellationToken) => _byXetHash.GetAsync(
        (repo, hash),
        async (key, ct) => (await ReadAsync("c.xet_hash = @hash", new { repo = key.Repo, hash = key.Hash.ToArray() }, ct)).FirstOrDefault(),
        cancellationToken);

    /// <summary>Those of these files that the repository holds.</summary>
    public async Task<Dictionary<Sha256, HeldFile>> FindAsync(long repo, IEnumerable<Sha256> sha256s, CancellationToken cancellationToken)
    {
        var found = new Dictionary<Sha256, HeldFile>();
        foreach (var batch in sha256s.Distinct().Chunk(Batch))
        {
            var wanted = batch.Select(h => h.ToArray()).ToArray();
            foreach (var file in await ReadAsync($"c.sha256 {database.In("wanted")}", new { repo, wanted }, cancellationToken))
                found[file.Sha256] = file;
        }
        return found;
    }

    async Task<IEnumerable<HeldFile>> ReadAsync(string condition, object values, CancellationToken cancellationToken) =>
        (await database.ReadAsync(
        c => c.QueryAsync<(long Id, byte[] Sha256, byte[] Xet, long Size)>(
            $"""
            SELECT c.id, c.sha256, c.xet_hash, c.size FROM contents c JOIN repo_contents rc ON rc.content_id = c.id
            WHERE rc.repo_id = @repo AND {condition}
            """,
            values),
        cancellationToken)).Select(r => new HeldFile(r.Id, new Sha256(r.Sha256), new XetHash(r.Xet), r.Size));

    /// <summary>Its chunks, so that its bytes can be read.</summary>
    /// <exception cref="InvalidDataException">The database is damaged.</exception>
    public async Task<LargeFile> OpenAsync(HeldFile file, CancellationToken cancellationToken) =>
        await contents.FindAsync(file.Sha256, cancellationToken)
        ?? throw new InvalidDataException($"The content {file.Sha256} is gone: run banyan fsck.");

    /// <summary>The file of a Xet hash with its chunks, or null if the repository does not hold it.</summary>
    public async Task<LargeFile?> OpenAsync(long repo, XetHash hash, CancellationToken cancellationToken) =>
        await FindAsync(repo, hash, cancellationToken) is { } file ? await OpenAsync(file, cancellationToken) : null;
}
