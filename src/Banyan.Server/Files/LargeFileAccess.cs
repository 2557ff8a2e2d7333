using Banyan.Server.Access;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Files;

/// <summary>A large file's row and length, and whether the repository holds it already.</summary>
readonly record struct LargeFileRow(long Content, long Size, bool IsHeld);

/// <summary>
/// Which large files somebody may put into a repository. To know a hash is not enough: the bytes came to this repository (whoever sent
/// them had them), or another repository that the caller may read holds them.
/// </summary>
sealed class LargeFileAccess(HubDatabase database, Authoriser authoriser)
{
    const int Batch = 500, Holders = 200;

    /// <summary>Those of these SHA-256 that the caller may put into the repository; others are left out, whether they are here or not.</summary>
    public async Task<Dictionary<string, LargeFileRow>> AllowedAsync(Repo repo, Caller caller, IEnumerable<byte[]> sha256s, CancellationToken cancellationToken)
    {
        var allowed = new Dictionary<string, LargeFileRow>();
        var decided = new Dictionary<long, bool>();
        foreach (var batch in sha256s.DistinctBy(Convert.ToHexStringLower).Chunk(Batch))
        {
            var rows = await database.ReadAsync(
                c => c.QueryAsync<(long Id, byte[] Sha256, long Size, long? Own)>(
                    $"""
                    SELECT c.id, c.sha256, c.size, rc.content_id FROM contents c LEFT JOIN repo_contents rc ON rc.content_id = c.id AND rc.repo_id = @repo
                    WHERE c.sha256 {database.In("batch")}
                    """,
                    new { repo = repo.Id, batch }),
                cancellationToken);
            foreach (var (id, sha256, size, own) in rows)
                if (own is not null || await HeldElsewhereAsync(caller, id, decided, cancellationToken))
                    allowed[Convert.ToHexStringLower(sha256)] = new LargeFileRow(id, size, own is not null);
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
