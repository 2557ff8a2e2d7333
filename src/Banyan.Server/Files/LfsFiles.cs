using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary>The large files that a repository holds, in whatever revision, and letting go of some for good.</summary>
sealed class LfsFiles(HubDatabase database, Authoriser authoriser, RepoTree tree, Refs refs, Revisions revisions, GitObjects objects, TimeProvider time)
{
    const int MaxFiles = 1000;

    sealed record Body(Deletions? Deletions);

    sealed record Deletions(IReadOnlyList<string>? Sha, bool? RewriteHistory);

    /// <summary><c>GET /api/{type}/{id}/lfs-files</c></summary>
    public async Task ListAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var names = new Dictionary<string, (string Path, string Ref)>();
        foreach (var found in (await refs.ListAsync(repo.Id, cancellationToken)).OrderBy(r => r.Name != GitRef.Heads + repo.DefaultBranch))
            if (await revisions.PeelAsync(repo, found.Id, cancellationToken) is { } revision)
                await foreach (var entry in tree.ListAsync(repo.Id, new RepoEntry("", GitTreeEntry.Folder, revision.Commit.Tree, 0, null), true, cancellationToken))
                    if (entry.Lfs is { } lfs)
                        names.TryAdd(lfs.Sha256, (entry.Path, found.Name));
        var rows = await database.ReadAsync(
            c => c.QueryAsync<(byte[] Sha256, long Size, long UploadedAt)>(
                "SELECT c.sha256, c.size, rc.uploaded_at FROM repo_contents rc JOIN contents c ON c.id = rc.content_id WHERE rc.repo_id = @Id ORDER BY rc.uploaded_at DESC, c.id", new { repo.Id }),
            cancellationToken);
        await context.JsonAsync(new JsonArray([.. rows.Select(row =>
        {
            var oid = Convert.ToHexStringLower(row.Sha256);
            var name = names.TryGetValue(oid, out var known) ? known : (Path: oid, Ref: null);
            return new JsonObject { ["fileOid"] = oid, ["filename"] = name.Path, ["oid"] = oid, ["pushedAt"] = HubJson.Time(row.UploadedAt), ["ref"] = name.Ref, ["size"] = row.Size };
        })]));
    }

    /// <summary><c>POST /api/{type}/{id}/lfs-files/batch</c>: the repository lets go of these, and its history of their names where asked for.</summary>
    public async Task DeleteAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<Body>());
        if (body.Deletions?.Sha is not { Count: > 0 and <= MaxFiles } oids)
            throw HubException.BadRequest($"The body must name 1 to {MaxFiles} files in deletions.sha.");
        if (oids.FirstOrDefault(o => o is not { Length: 64 } || !o.All(char.IsAsciiHexDigitLower)) is { } wrong)
            throw HubException.BadRequest($"'{wrong}' is no oid of a large file.");
        await database.WriteAsync(async t =>
        {
            var pointers = new HashSet<GitId>();
            foreach (var oid in oids)
            {
                var sha256 = Convert.FromHexString(oid);
                if (await t.ScalarAsync<long?>("SELECT c.size FROM contents c JOIN repo_contents rc ON rc.content_id = c.id WHERE rc.repo_id = @Id AND c.sha256 = @sha256", new { repo.Id, sha256 }) is not { } size)
                    continue;
                pointers.Add(GitId.Of(GitKind.Blob, LfsPointer.Write(oid, size)));
                await t.ExecuteAsync("DELETE FROM repo_contents WHERE repo_id = @Id AND content_id IN (SELECT id FROM contents WHERE sha256 = @sha256)", new { repo.Id, sha256 });
            }
            if (body.Deletions.RewriteHistory == true)
                await new HistoryWithout(objects, t, repo.Id, pointers).RewriteAsync(time.GetUtcNow().ToUnixTimeMilliseconds());
            await Audit.RecordAsync(t, caller.UserId, "lfs.delete", repo.Path, $"{pointers.Count} files{(body.Deletions.RewriteHistory == true ? ", history rewritten" : "")}");
        }, context.RequestAborted);
        await context.JsonAsync(new { });
    }
}
