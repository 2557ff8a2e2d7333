using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Content;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary>The large files that a repository contains, in any revision, and their permanent removal.</summary>
sealed class LfsFiles(HubDatabase database, HeldFiles held, Authoriser authoriser, RepoTree tree, Refs refs, Revisions revisions,
    GitObjects objects, TimeProvider time)
{
    const int MaxFiles = 1000, Tries = 5;

    sealed record Body(Deletions? Deletions);

    sealed record Deletions(IReadOnlyList<string>? Sha, bool? RewriteHistory);

    /// <summary><c>GET /api/{type}/{id}/lfs-files</c></summary>
    public async Task ListAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var (names, seen) = (new Dictionary<Sha256, (string Path, string Ref)>(), new HashSet<GitId>());
        foreach (var found in (await refs.ListAsync(repo.Id, cancellationToken)).OrderBy(r => r.Name != GitRef.Heads + repo.DefaultBranch))
            if (await revisions.PeelAsync(repo, found.Id, cancellationToken) is { } revision && seen.Add(revision.Commit.Tree))
                await foreach (var entry in tree.ListAsync(repo.Id, new RepoEntry("", GitTreeEntry.Folder, revision.Commit.Tree, 0, null),
                    true, cancellationToken))
                    if (entry.Lfs is { } lfs)
                        names.TryAdd(lfs.Sha256, (entry.Path, found.Name));
        var rows = await database.ReadAsync(
            c => c.QueryAsync<(byte[] Sha256, long Size, long UploadedAt)>(
                "SELECT c.sha256, c.size, rc.uploaded_at FROM repo_contents rc JOIN contents c ON c.id = rc.content_id WHERE rc.repo_id = @Id ORDER BY rc.uploaded_at DESC, c.id", new { repo.Id }),
            cancellationToken);
        await context.JsonAsync(new JsonArray([.. rows.Select(row =>
        {
            var sha256 = new Sha256(row.Sha256);
            var oid = sha256.ToString();
            var name = names.TryGetValue(sha256, out var known) ? known : (Path: oid, Ref: null);
            return new JsonObject { ["fileOid"] = oid, ["filename"] = name.Path, ["oid"] = oid, ["pushedAt"] = HubJson.Time(row.UploadedAt),
                ["ref"] = name.Ref, ["size"] = row.Size };
        })]));
    }

    /// <summary><c>POST /api/{type}/{id}/lfs-files/batch</c>: permanently removes these files from the repository, and their names from its
    /// history if requested.</summary>
    public async Task DeleteAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<Body>());
        if (body.Deletions?.Sha is not { Count: > 0 and <= MaxFiles } oids)
            throw HubException.BadRequest($"The body must name 1 to {MaxFiles} files in deletions.sha.");
        if (oids.FirstOrDefault(o => !Sha256.TryParse(o, out _)) is { } wrong)
            throw HubException.BadRequest($"'{wrong}' is no oid of a large file.");
        // The history is written again before the transaction, in which the refs must still be where they were.
        for (var attempt = 1; !await LetGoAsync(repo, caller, [.. oids.Select(Sha256.Parse)], body.Deletions.RewriteHistory == true,
            context.RequestAborted); attempt++)
            if (attempt == Tries)
                throw HubException.Stale();
        await context.JsonAsync(new { });
    }

    async Task<bool> LetGoAsync(Repo repo, Caller caller, IReadOnlyList<Sha256> sha256s, bool rewrite, CancellationToken cancellationToken)
    {
        var files = (await held.FindAsync(repo.Id, sha256s, cancellationToken)).Values;
        var pointers = files.Select(f => GitId.Of(GitKind.Blob, LfsPointer.Write(f.Sha256, f.Size))).ToHashSet();
        var before = rewrite ? await refs.ListAsync(repo.Id, cancellationToken) : [];
        var moved = rewrite ? await new HistoryWithout(objects, repo.Id, pointers, cancellationToken).RewriteAsync(before) : [];
        return await database.WriteAsync(async t =>
        {
            if (rewrite && !(await Refs.ListAsync(t.Connection!, t, repo.Id)).SequenceEqual(before))
                return false;
            foreach (var (from, to) in moved)
                if (!await Refs.SwapAsync(t, repo.Id, from.Name, from.Id, to, time.GetUtcNow().ToUnixTimeMilliseconds()))
                    throw HubException.Stale();
            await t.ExecuteAsync("DELETE FROM repo_contents WHERE repo_id = @repo AND content_id = @Content",
                files.Select(f => new { repo = repo.Id, f.Content }));
            await Audit.RecordAsync(t, "lfs.delete", repo.Path, $"{pointers.Count} files{(rewrite ? ", history rewritten" : "")}");
            return true;
        }, cancellationToken);
    }
}
