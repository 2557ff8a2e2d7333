using System.Data.Common;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git;

/// <summary>A git object.</summary>
sealed record GitObject(GitKind Kind, byte[] Content);

/// <summary>A git object that is to be stored.</summary>
/// <param name="Length">Bytes of its content.</param>
/// <param name="Read">Gives the content, as often as it is asked.</param>
/// <param name="IsHeld">Whether the content is in memory all the time.</param>
readonly record struct NewGitObject(GitId Id, GitKind Kind, int Length, Func<byte[]> Read, bool IsHeld = false)
{
    public NewGitObject(GitId id, GitKind kind, byte[] content)
        : this(id, kind, content.Length, () => content, IsHeld: true)
    {
    }

    public byte[] Content => Read();
}

/// <summary>
/// What is known of a blob without reading it: its length, and its bytes where it is as short as a pointer to a large file.
/// </summary>
sealed record BlobFacts(long Size, byte[]? Short);

/// <summary>The git objects of repositories; each repository has its own, so that a private one's are not found from another. Objects never
/// change, so those that were read are cached.</summary>
sealed class GitObjects(HubDatabase database)
{
    /// <summary>Longer blobs are no pointers to large files.</summary>
    public const int ShortBlob = 1024;

    const int Batch = 500, ShortestId = 7;

    readonly GenerationCache<(long, GitId), GitObject> _cache = new(64 << 20);

    /// <summary>An object, or null.</summary>
    public async ValueTask<GitObject?> FindAsync(long repo, GitId id, CancellationToken cancellationToken)
    {
        if (_cache.TryGet((repo, id), out var known))
            return known;
        var found = await database.ReadAsync(c => FindAsync(c, null, repo, id), cancellationToken);
        if (found is { Content.Length: < 1 << 20 })
            _cache.Add((repo, id), found, found.Content.Length + 100);
        return found;
    }

    /// <summary>The one commit whose id begins so, or null if there is none or more than one.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="start">Seven hexadecimal digits or more, fewer than an id has.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<GitId?> FindCommitAsync(long repo, string start, CancellationToken cancellationToken)
    {
        if (start.Length is < ShortestId or >= 2 * GitId.Size || !start.All(char.IsAsciiHexDigit))
            return null;
        var (first, last) = (Convert.FromHexString(start.PadRight(2 * GitId.Size, '0')),
            Convert.FromHexString(start.PadRight(2 * GitId.Size, 'f')));
        var found = await database.ReadAsync(
            c => c.QueryAsync<byte[]>(
                "SELECT oid FROM git_objects WHERE repo_id = @repo AND oid BETWEEN @first AND @last AND kind = 'commit' LIMIT 2",
                new { repo, first, last }), cancellationToken);
        return found.AsList() is [var oid] ? new GitId(oid) : null;
    }

    /// <summary>As <see cref="FindAsync(long, GitId, CancellationToken)"/>, inside of a transaction.</summary>
    public async ValueTask<GitObject?> FindAsync(DbTransaction transaction, long repo, GitId id) =>
        _cache.TryGet((repo, id), out var known) ? known : await FindAsync(transaction.Connection!, transaction, repo, id);

    static async Task<GitObject?> FindAsync(DbConnection connection, DbTransaction? transaction, long repo, GitId id)
    {
        var row = await connection.QueryFirstOrDefaultAsync<(string? Kind, byte[] Content)>(
            "SELECT kind, content FROM git_objects WHERE repo_id = @repo AND oid = @oid", new { repo, oid = id.ToArray() }, transaction);
        return row.Kind is null ? null : new GitObject(GitKinds.Parse(row.Kind), row.Content);
    }

    /// <summary>
    /// Whether a commit is there, as the transaction sees it: what is remembered may have been collected since. Then all that it leads
    /// to is there as well.
    /// </summary>
    public static Task<bool> IsCommitAsync(DbTransaction transaction, long repo, GitId id) =>
        IsCommitAsync(transaction.Connection!, transaction, repo, id);

    /// <summary>As <see cref="IsCommitAsync(DbTransaction, long, GitId)"/>, on a connection.</summary>
    public static async Task<bool> IsCommitAsync(DbConnection connection, DbTransaction? transaction, long repo, GitId id) =>
        await connection.ExecuteScalarAsync<long?>("SELECT 1 FROM git_objects WHERE repo_id = @repo AND oid = @oid AND kind = 'commit'",
            new { repo, oid = id.ToArray() }, transaction) is not null;

    /// <summary>An object that must be there.</summary>
    /// <exception cref="InvalidDataException">It is not, or of another kind: the database is damaged.</exception>
    public async ValueTask<byte[]> GetAsync(long repo, GitId id, GitKind kind, CancellationToken cancellationToken) =>
        Checked(await FindAsync(repo, id, cancellationToken), id, kind);

    /// <summary>As <see cref="GetAsync(long, GitId, GitKind, CancellationToken)"/>, inside of a transaction.</summary>
    public async ValueTask<byte[]> GetAsync(DbTransaction transaction, long repo, GitId id, GitKind kind) =>
        Checked(await FindAsync(transaction, repo, id), id, kind);

    static byte[] Checked(GitObject? found, GitId id, GitKind kind) =>
        found?.Kind == kind ? found.Content
        : throw new InvalidDataException($"The git object {id} is {(found is null ? "missing" : $"no {kind.Text()}")}: run banyan fsck.");

    /// <summary>Facts about many blobs at once; those that are missing are left out.</summary>
    public async Task<Dictionary<GitId, BlobFacts>> FactsAsync(long repo, IEnumerable<GitId> ids, CancellationToken cancellationToken)
    {
        var facts = new Dictionary<GitId, BlobFacts>();
        foreach (var batch in ids.Distinct().Chunk(Batch))
        {
            var oids = batch.Select(i => i.ToArray()).ToArray();
            var rows = await database.ReadAsync(
                c => c.QueryAsync<(byte[] Oid, long Size, byte[]? Short)>(
                    $"SELECT oid, size, CASE WHEN size <= @ShortBlob THEN content END FROM git_objects WHERE repo_id = @repo AND oid {database.In("oids")}",
                    new { repo, oids, ShortBlob }),
                cancellationToken);
            foreach (var (oid, size, content) in rows)
                facts[new GitId(oid)] = new BlobFacts(size, content);
        }
        return facts;
    }

    /// <summary>What is stored in one transaction, of objects that are in memory meanwhile.</summary>
    public const int BatchObjects = 4096, BatchBytes = 8 << 20;

    // The same of objects that are read as they are stored: each transaction writes most pages of a large repository's index again, and
    // waits for the disk.
    const int SpooledObjects = 16_384, SpooledBytes = 32 << 20;

    /// <summary>Stores objects before anything refers to them, in transactions of their own, so that nobody waits for all of them. Their
    /// grace time as unreachable objects starts now.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="basis">The commit that they build upon: kept as well.</param>
    /// <param name="objects">Each after those it names.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>False if the basis is not there any more.</returns>
    public async Task<bool> StoreAsync(long repo, GitId? basis, IEnumerable<NewGitObject> objects, CancellationToken cancellationToken)
    {
        var (batch, bytes) = (new List<NewGitObject>(), 0L);
        foreach (var made in objects)
        {
            batch.Add(made);
            var (most, mostBytes) = batch[0].IsHeld ? (BatchObjects, BatchBytes) : (SpooledObjects, SpooledBytes);
            if (batch.Count < most && (bytes += made.Length) < mostBytes)
                continue;
            if (!await StoreAsync(repo, basis, batch, cancellationToken))
                return false;
            (batch, bytes) = ([], 0);
        }
        return batch.Count == 0 || await StoreAsync(repo, basis, batch, cancellationToken);
    }

    /// <summary>As the other, for objects whose ids are not known yet.</summary>
    public Task<bool> StoreAsync(long repo, GitId? basis, IEnumerable<(GitKind Kind, byte[] Content)> objects,
        CancellationToken cancellationToken) =>
        StoreAsync(repo, basis, objects.Select(o => new NewGitObject(GitId.Of(o.Kind, o.Content), o.Kind, o.Content)), cancellationToken);

    Task<bool> StoreAsync(long repo, GitId? basis, List<NewGitObject> batch, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        if (basis is { } commit && !await IsCommitAsync(t, repo, commit))
            return false;
        batch.Sort(static (a, b) => a.Id.CompareTo(b.Id));   // neighbours in the index are written together
        await database.InsertGitObjectsAsync(t, repo, batch);
        if (await t.ScalarAsync<long?>("SELECT 1 FROM unreached_git_objects WHERE repo_id = @repo LIMIT 1", new { repo }) is null)
            return true;
        byte[][] oids = [.. batch.Select(o => o.Id.ToArray()), .. basis is { } kept ? [kept.ToArray()] : Array.Empty<byte[]>()];
        await t.ExecuteAsync($"DELETE FROM unreached_git_objects WHERE repo_id = @repo AND oid {database.In("oids")}", new { repo, oids });
        return true;
    }, cancellationToken);

    /// <summary>Stores an object.</summary>
    public static async Task<GitId> AddAsync(DbTransaction transaction, long repo, GitKind kind, byte[] content)
    {
        var id = GitId.Of(kind, content);
        await transaction.ExecuteAsync(
            "INSERT INTO git_objects (repo_id, oid, kind, size, content) VALUES (@repo, @oid, @kind, @size, @content) ON CONFLICT DO NOTHING",
            new { repo, oid = id.ToArray(), kind = kind.Text(), size = (long)content.Length, content });
        return id;
    }
}
