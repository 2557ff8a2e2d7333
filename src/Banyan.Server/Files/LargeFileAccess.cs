using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Files;

/// <summary>A large file's row and length, and whether the repository holds it already.</summary>
readonly record struct LargeFileRow(long Content, long Size, bool IsHeld);

/// <summary>Which large files a caller may put into a repository. Knowing a hash is not enough: the bytes were uploaded to this repository
/// (so the sender had them), or another repository that the caller may read contains them.</summary>
sealed class LargeFileAccess(HubDatabase database, HeldFiles held, Authoriser authoriser)
{
    const int Batch = 500, Holders = 200;

    /// <summary>
    /// Those of these SHA-256 that the caller may put into the repository; others are left out, whether they are here or not.
    /// </summary>
    public async Task<Dictionary<Sha256, LargeFileRow>> AllowedAsync(Repo repo, Caller caller, IEnumerable<Sha256> sha256s,
        CancellationToken cancellationToken)
    {
        var wanted = sha256s.ToHashSet();
        var allowed = (await held.FindAsync(repo.Id, wanted, cancellationToken)).ToDictionary(f => f.Key,
            f => new LargeFileRow(f.Value.Content, f.Value.Size, true));
        var decided = new Dictionary<long, bool>();
        foreach (var batch in wanted.Where(h => !allowed.ContainsKey(h)).Select(h => h.ToArray()).Chunk(Batch))
        {
            var rows = await database.ReadAsync(
                c => c.QueryAsync<(long Id, byte[] Sha256, long Size)>(
                    $"SELECT id, sha256, size FROM contents WHERE sha256 {database.In("batch")}", new { batch }), cancellationToken);
            foreach (var (id, sha256, size) in rows)
                if (await HeldElsewhereAsync(caller, id, decided, cancellationToken))
                    allowed[new Sha256(sha256)] = new LargeFileRow(id, size, false);
        }
        return allowed;
    }

    async Task<bool> HeldElsewhereAsync(Caller caller, long content, Dictionary<long, bool> decided, CancellationToken cancellationToken)
    {
        var holders = await database.ReadAsync(
            c => c.QueryAsync<Repo>(
                $"""
                SELECT {RepoStore.Columns} FROM repo_contents rc JOIN repos r ON r.id = rc.repo_id JOIN accounts a ON a.id = r.owner_id
                WHERE rc.content_id = @content ORDER BY r.private, r.id LIMIT {Holders}
                """,
                new { content }),
            cancellationToken);
        foreach (var holder in holders)
        {
            if (!decided.TryGetValue(holder.Id, out var may))
                decided[holder.Id] = may = await authoriser.MayAsync(caller, holder, Need.Read, cancellationToken);
            if (may)
                return true;
        }
        return false;
    }
}
