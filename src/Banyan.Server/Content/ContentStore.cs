using System.Collections.Immutable;
using Banyan.Chunks;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Content;

/// <summary>Stores and serves the bytes of large files. However a file arrives, it ends as verified chunks in xorbs; nothing refers to
/// bytes whose SHA-256 and Xet hash were not computed here.</summary>
sealed class ContentStore(HubDatabase database, IObjectStore objects, ContentOptions options, TimeProvider time,
    StorageLimits? limits = null)
{
    readonly XorbIndex _index = new(database, options, time, limits);

    /// <summary>The xorbs and chunks that are stored.</summary>
    public XorbIndex Xorbs => _index;

    /// <summary>Takes in a file.</summary>
    /// <param name="bytes">Its bytes, to the end.</param>
    /// <param name="size">How many there must be, or null.</param>
    /// <param name="sha256">What their SHA-256 must be, or null.</param>
    /// <param name="cancellationToken">Cancels the work; nothing refers to what was stored.</param>
    /// <param name="repo">Row of the repository for which it comes: if it does not arrive completely, its stored parts count for its
    /// owner.</param>
    /// <exception cref="ContentMismatchException">The bytes are others than announced.</exception>
    public async Task<LargeFile> IngestAsync(Stream bytes, long? size, Sha256? sha256,
        CancellationToken cancellationToken, long? repo = null)
    {
        await using var ingest = new Ingest(_index, objects, repo);
        return await RecordAsync(await ingest.RunAsync(bytes, Check, cancellationToken), cancellationToken);

        void Check(long length, Sha256 hash)
        {
            if (size is { } expected && length != expected)
                throw new ContentMismatchException($"{length} bytes came, {expected} were announced.");
            if (sha256 is { } announced && hash != announced)
                throw new ContentMismatchException($"The bytes have SHA-256 {hash}, {announced} was announced.");
        }
    }

    /// <summary>Makes a file of terms whose chunks, hashes and length were all verified.</summary>
    internal async Task<LargeFile> RecordAsync(Ingested done, CancellationToken cancellationToken)
    {
        var (sha256, xorbs) = (done.Sha256.ToArray(), done.Terms.Select(t => t.Xorb).Distinct().ToArray());
        await database.WriteAsync(async t =>
        {
            // From here on none of them can be collected, and none was.
            await _index.ReferAsync(t, xorbs);
            await StorageLimits.WentAsync(database, t, xorbs.Select(XorbIndex.IncomingName));
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            var id = await t.ScalarAsync<long?>(
                """
                INSERT INTO contents (sha256, xet_hash, size, terms, created_at) VALUES (@sha256, @hash, @Size, @terms, @now)
                ON CONFLICT (sha256) DO NOTHING RETURNING id
                """,
                new { sha256, hash = done.XetHash.ToArray(), done.Size, terms = Term.Pack(done.Terms), now });
            if (id is { } content)
                await t.ExecuteAsync("INSERT INTO content_xorbs (content_id, xorb_id) VALUES (@content, @xorb)",
                    xorbs.Select(xorb => new { content, xorb }));
            else
                // A row that another upload of the same bytes made first is as good: its terms were verified too. Its grace time begins
                // anew.
                await t.ExecuteAsync("UPDATE contents SET created_at = @now WHERE sha256 = @sha256", new { sha256, now });
        }, cancellationToken);
        return await FindAsync(done.Sha256, cancellationToken)
            ?? throw new InvalidOperationException("The row that was just written is gone.");
    }

    /// <summary>The verified file of a SHA-256, or null. Says nothing about who may read it.</summary>
    public Task<LargeFile?> FindAsync(Sha256 sha256, CancellationToken cancellationToken) =>
        FindAsync("sha256 = @value", sha256.ToArray(), cancellationToken);

    /// <summary>The verified file of a Xet hash, or null. Says nothing about who may read it.</summary>
    public Task<LargeFile?> FindAsync(XetHash hash, CancellationToken cancellationToken) =>
        FindAsync("xet_hash = @value", hash.ToArray(), cancellationToken);

    async Task<LargeFile?> FindAsync(string condition, byte[] value, CancellationToken cancellationToken)
    {
        var row = await database.ReadAsync(
            c => c.QueryFirstOrDefaultAsync<(long Id, byte[] Sha256, byte[] XetHash, long Size, byte[] Terms)>(
                $"SELECT id, sha256, xet_hash, size, terms FROM contents WHERE {condition}", new { value }),
            cancellationToken);
        return row.Sha256 is null ? null
            : new LargeFile(row.Id, new Sha256(row.Sha256), new XetHash(row.XetHash), row.Size, Term.Unpack(row.Terms));
    }

    /// <summary>Keeps a file for the grace period because a repository is about to be granted it.</summary>
    /// <returns>False if it was collected meanwhile.</returns>
    public async Task<bool> HoldAsync(long file, CancellationToken cancellationToken) => await database.WriteAsync(
        t => t.ExecuteAsync("UPDATE contents SET created_at = @now WHERE id = @file",
            new { file, now = time.GetUtcNow().ToUnixTimeMilliseconds() }), cancellationToken) == 1;

    /// <summary>Grants files to a repository: those that a writer uploaded to it and thereby proved to have. From then on, everyone who may
    /// read the repository may read them by their hashes, and a commit to it may name them.</summary>
    public Task GrantAsync(long repo, IReadOnlyCollection<long> files, CancellationToken cancellationToken) => database.WriteAsync(
        async t =>
        {
            var rows = files.Select(file => new { repo, file, now = time.GetUtcNow().ToUnixTimeMilliseconds() }).ToArray();
            await t.ExecuteAsync(
                """
                INSERT INTO repo_contents (repo_id, content_id, uploaded_at) VALUES (@repo, @file, @now)
                ON CONFLICT (repo_id, content_id) DO UPDATE SET uploaded_at = excluded.uploaded_at
                """,
                rows);
            // Once no repository has it any more, the grace time begins anew.
            await t.ExecuteAsync("DELETE FROM unreached_contents WHERE content_id = @file", rows);
        },
        cancellationToken);

    /// <summary>Writes a part of a file's bytes.</summary>
    /// <param name="file">The file.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many, within the file.</param>
    /// <param name="destination">Receives them, flushed as they come.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="InvalidDataException">An object is missing or damaged.</exception>
    public async Task WriteToAsync(LargeFile file, long offset, long length, System.IO.Pipelines.PipeWriter destination,
        CancellationToken cancellationToken)
    {
        var reconstruction = new Reconstruction(_index, objects);
        await reconstruction.WriteAsync(file, offset, length, destination, cancellationToken);
    }
}
