using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Discussions;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Commits;

/// <summary>
/// Makes commits. One is one transaction: all of it is there, and safe from a power cut, or none of it.
/// <code>
/// 1  the large files it names: verified, and this caller may put them here
/// 2  the branch: where the client thinks it is, or at this very commit already (the answer was lost and the client tries again)
/// 3  the operations, on the tree; .gitattributes follows
/// 4  objects, commit, branch compared and swapped, what the repository reaches, audit; a pull request's discussion
/// </code>
/// </summary>
sealed class Committer(HubDatabase database, GitObjects objects, LargeFileAccess largeFiles, DiscussionStore discussions, TimeProvider time)
{
    const int RetrySeconds = 600;

    /// <summary>Commits to a ref.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="caller">Whose commit it is; has been authorised to make it.</param>
    /// <param name="branch">The ref that is built upon, and moved unless the commit goes to a new pull request: whole name.</param>
    /// <param name="asPullRequest">Whether it goes to a new pull request.</param>
    /// <param name="request">What to commit.</param>
    /// <param name="spool">Where its small files lie.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The commit, and the number of the new pull request.</returns>
    /// <exception cref="HubException">400, 404, 412.</exception>
    public async Task<(GitId Commit, int? PullRequest)> CommitAsync(
        Repo repo, Caller caller, string branch, bool asPullRequest, CommitRequest request, Spool spool, CancellationToken cancellationToken)
    {
        // :: Step 1
        var large = await largeFiles.AllowedAsync(repo, caller, request.Operations.OfType<CommitOperation.Large>().Select(l => l.Sha256), cancellationToken);
        foreach (var file in request.Operations.OfType<CommitOperation.Large>())
        {
            var oid = Convert.ToHexStringLower(file.Sha256);
            if (!large.TryGetValue(oid, out var row))
                throw HubException.BadRequest($"{file.Path}: the file {oid} has not been uploaded to {repo.FullName}: upload it by LFS or Xet, then commit.");
            if (file.Size is { } size && size != row.Size)
                throw HubException.BadRequest($"{file.Path}: the file {oid} has {row.Size} bytes, not {size}.");
        }

        return await database.WriteAsync(async t =>
        {
            // :: Step 2
            var head = asPullRequest ? await BaseAsync(t, repo, branch, request.ParentCommit) : await Refs.FindAsync(t.Connection!, t, repo.Id, branch);
            if (head is null && branch != GitRef.Heads + repo.DefaultBranch)
                throw HubException.RevisionNotFound(branch);
            var commit = head is { } id ? GitCommit.Read(await objects.GetAsync(t, repo.Id, id, GitKind.Commit)) : null;
            if (!asPullRequest && commit is not null && await IsRetryAsync(t, repo, caller, commit, request, spool, large))
                return (head!.Value, (int?)null);
            if (!asPullRequest && request.ParentCommit is { Length: > 0 } parent && (parent.Length < 7 || head is null || !head.ToString()!.StartsWith(parent, StringComparison.OrdinalIgnoreCase)))
                throw HubException.Stale();

            // :: Step 3
            var tree = await ApplyAsync(t, repo, commit?.Tree, request, spool, large);
            if (commit is not null && tree == commit.Tree && !asPullRequest)
                return (head!.Value, null);   // nothing changed: no empty commit

            // :: Step 4
            var signature = Signature(caller);
            var made = await GitObjects.AddAsync(t, repo.Id, GitKind.Commit, new GitCommit(tree, head is { } h ? [h] : [], signature, signature, request.Message).Write());
            int? number = asPullRequest ? await DiscussionStore.NextNumberAsync(t, repo.Id) : null;
            var to = number is { } n ? Discussion.RefOf(n) : branch;
            if (!await Refs.SwapAsync(t, repo.Id, to, asPullRequest ? null : head, made, time.GetUtcNow().ToUnixTimeMilliseconds()))
                throw HubException.Stale();
            await HoldAsync(t, repo, large.Values.Select(l => l.Content));
            if (number is { } opened)
                await discussions.BeginAsync(
                    t, repo.Id, caller,
                    new Discussion { Num = opened, Title = DiscussionText.TitleFrom(request.Summary), Status = Discussion.Open, IsPullRequest = true, BaseRef = branch }, request.Description);
            if (Discussion.NumberOf(to) is { } pull)
                await discussions.CommittedAsync(t, repo.Id, pull, caller, made, request.Summary);
            await Audit.RecordAsync(t, caller.IsAnonymous ? null : caller.UserId, "repo.commit", $"{repo.Path}@{made}", to);
            return (made, number);
        }, cancellationToken);
    }

    /// <summary>What a new pull request is built upon: the parent that is named, or where the branch is.</summary>
    static async Task<GitId?> BaseAsync(DbTransaction t, Repo repo, string branch, string? parent)
    {
        if (parent is not { Length: > 0 })
            return await Refs.FindAsync(t.Connection!, t, repo.Id, branch);
        var id = GitId.TryParse(parent, out var whole) ? whole : await GitObjects.FindCommitAsync(t, repo.Id, parent);
        return id is { } found && await GitObjects.IsCommitAsync(t, repo.Id, found) ? found : throw HubException.RevisionNotFound(parent);
    }

    /// <summary>Puts the first commit into a repository that is being made.</summary>
    public async Task BeginAsync(DbTransaction t, Repo repo, Caller caller, IReadOnlyDictionary<string, byte[]> files)
    {
        var tree = new TreeEdit(objects, t, repo.Id, null);
        foreach (var (path, bytes) in files)
            await tree.PutAsync(path, await GitObjects.AddAsync(t, repo.Id, GitKind.Blob, bytes));
        var signature = Signature(caller);
        var commit = await GitObjects.AddAsync(t, repo.Id, GitKind.Commit, new GitCommit(await tree.WriteAsync(), [], signature, signature, "initial commit").Write());
        await Refs.SwapAsync(t, repo.Id, GitRef.Heads + repo.DefaultBranch, null, commit, time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <summary>Whose changes the hub makes. Addresses of users are not told.</summary>
    public GitSignature Signature(Caller caller) => new(caller.Name, $"{caller.Name}@users.noreply.banyan", time.GetUtcNow().ToUnixTimeSeconds());

    /// <summary>Whether the branch is already at what this request makes of the commit before.</summary>
    async Task<bool> IsRetryAsync(DbTransaction t, Repo repo, Caller caller, GitCommit head, CommitRequest request, Spool spool, Dictionary<string, LargeFileRow> large)
    {
        var age = time.GetUtcNow().ToUnixTimeSeconds() - head.Committer.UnixSeconds;
        if (age > RetrySeconds || head.Author.Name != caller.Name || head.Message.TrimEnd('\n') != request.Message.ReplaceLineEndings("\n").TrimEnd('\n') || head.Parents is not [var parent])
            return false;
        if (request.ParentCommit is { Length: > 0 } expected && !parent.ToString().StartsWith(expected, StringComparison.OrdinalIgnoreCase))
            return false;
        try
        {
            var before = GitCommit.Read(await objects.GetAsync(t, repo.Id, parent, GitKind.Commit));
            return await ApplyAsync(t, repo, before.Tree, request, spool, large) == head.Tree;
        }
        catch (HubException)
        {
            return false;   // it does not even apply there
        }
    }

    async Task<GitId> ApplyAsync(DbTransaction t, Repo repo, GitId? root, CommitRequest request, Spool spool, Dictionary<string, LargeFileRow> large)
    {
        var tree = new TreeEdit(objects, t, repo.Id, root);
        foreach (var operation in request.Operations)
        {
            switch (operation)
            {
                case CommitOperation.File file:
                    await tree.PutAsync(file.Path, await GitObjects.AddAsync(t, repo.Id, GitKind.Blob, spool.Read(file.Offset, file.Length)));
                    break;
                case CommitOperation.Large file:
                    var oid = Convert.ToHexStringLower(file.Sha256);
                    await tree.PutAsync(file.Path, await GitObjects.AddAsync(t, repo.Id, GitKind.Blob, LfsPointer.Write(oid, large[oid].Size)));
                    break;
                case CommitOperation.DeleteFile or CommitOperation.DeleteFolder:
                    if (!await tree.RemoveAsync(operation.Path, operation is CommitOperation.DeleteFolder))
                        throw new HubException(404, "EntryNotFound", $"A {(operation is CommitOperation.DeleteFolder ? "folder" : "file")} with this name doesn't exist: {operation.Path}");
                    break;
            }
        }
        await FollowAttributesAsync(t, repo, tree, request);
        return await tree.WriteAsync();
    }

    /// <summary>git-lfs needs to know that these files are large: a line for each that no line covers.</summary>
    async Task FollowAttributesAsync(DbTransaction t, Repo repo, TreeEdit tree, CommitRequest request)
    {
        string[] paths = [.. request.Operations.OfType<CommitOperation.Large>().Select(l => l.Path).Distinct()];
        if (paths.Length == 0)
            return;
        var file = await tree.FindAsync(Attributes.FileName) is { } id ? await objects.GetAsync(t, repo.Id, id, GitKind.Blob) : null;
        var attributes = new Attributes(file);
        string[] missing = [.. paths.Where(p => !attributes.IsLfs(p))];
        if (missing.Length > 0)
            await tree.PutAsync(Attributes.FileName, await GitObjects.AddAsync(t, repo.Id, GitKind.Blob, Attributes.With(file, missing)));
    }

    /// <summary>From here on whoever may read the repository may read these.</summary>
    async Task HoldAsync(DbTransaction t, Repo repo, IEnumerable<long> contents)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var content in contents.Distinct())
            await t.ExecuteAsync(
                "INSERT INTO repo_contents (repo_id, content_id, uploaded_at) VALUES (@repo, @content, @now) ON CONFLICT DO NOTHING", new { repo = repo.Id, content, now });
    }
}
