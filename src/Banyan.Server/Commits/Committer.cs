using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Content;
using Banyan.Server.Discussions;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Commits;

/// <summary>
/// Makes commits. One is one transaction: all of it is there, and safe from a power cut, or none of it. What takes as long as the request
/// is large happens before it, so that others' commits do not wait:
/// <code>
/// 1  the large files it names: verified, and this caller may put them here
/// 2  the branch: where the client thinks it is, or at this very commit already (the answer was lost and the client tries again)
/// 3  the operations, on the tree; .gitattributes follows
/// 4  where they are many, its objects: nothing leads to them yet
/// 5  commit, branch compared and swapped, what the repository reaches, audit; a pull request's discussion. Where the branch has
///    moved meanwhile, from step 2 on again
/// </code>
/// </summary>
sealed class Committer(HubDatabase database, GitObjects objects, Revisions revisions, LargeFileAccess largeFiles, ContentStore contents,
    DiscussionStore discussions, StorageLimits limits, TimeProvider time)
{
    // Tries before a commit, whose blobs are stored by then, keeps the others waiting for its folders.
    const int RetrySeconds = 600, Tries = 4;

    /// <summary>What a request makes of a branch.</summary>
    /// <param name="Head">Where the branch was, or null.</param>
    /// <param name="Tree">The new root.</param>
    /// <param name="Made">The objects that are new beside the files themselves.</param>
    /// <param name="IsDone">Whether there is nothing to commit: the branch is there already.</param>
    sealed record Plan(GitId? Head, GitId Tree, IReadOnlyList<(GitKind Kind, byte[] Content)> Made, bool IsDone);

    /// <summary>A commit while it is made.</summary>
    sealed record Work(Repo Repo, Caller Caller, string Branch, bool AsPullRequest, CommitRequest Request, Spool Spool,
        Dictionary<Sha256, LargeFileRow> Large)
    {
        /// <summary>The small files' blobs, in the order in which they come.</summary>
        public GitId[] Blobs { get; init; } = [];

        public IEnumerable<(GitKind Kind, byte[] Content)> Files =>
            Request.Operations.OfType<CommitOperation.File>().Select(f => (GitKind.Blob, Spool.Read(f.Offset, f.Length)));
    }

    /// <summary>Commits to a ref.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="caller">Whose commit it is; has been authorised to make it.</param>
    /// <param name="branch">The ref that is built upon, and moved unless the commit goes to a new pull request: whole name.</param>
    /// <param name="asPullRequest">Whether it goes to a new pull request.</param>
    /// <param name="request">What to commit.</param>
    /// <param name="spool">Where its small files lie.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The commit, and the number of the new pull request.</returns>
    /// <exception cref="HubException">400, 404, 412.</exception>
    public async Task<(GitId Commit, int? PullRequest)> CommitAsync(
        Repo repo, Caller caller, string branch, bool asPullRequest, CommitRequest request, Spool spool,
        CancellationToken cancellationToken)
    {
        // Who proposes reads what it is built upon.
        if (asPullRequest && request.ParentCommit is { Length: > 0 } parent)
            request = request with { ParentCommit = (await revisions.GetAsync(repo, parent, cancellationToken)).Id.ToString() };
        // :: Step 1
        var large = await AllowedAsync(repo, caller, request, cancellationToken);
        var work = new Work(repo, caller, branch, asPullRequest, request, spool, large);
        work = work with { Blobs = [.. work.Files.Select(f => GitId.Of(f.Kind, f.Content))] };
        using var room = await limits.ReserveAsync(repo.Id,
            spool.Length + large.Values.Where(l => !l.IsHeld).Sum(l => l.Size), cancellationToken);
        // From here on whoever may read the repository may read these.
        foreach (var some in large.Values.Select(l => l.Content).Distinct().Chunk(GitObjects.BatchObjects))
            await contents.GrantAsync(repo.Id, some, cancellationToken);

        var stored = false;
        for (var attempt = 1; attempt < Tries; attempt++)
        {
            var plan =
                await database.ReadAsync(c => PlanAsync(work,
                    new Reader(c, null, (id, kind) => objects.GetAsync(repo.Id, id, kind, cancellationToken))), cancellationToken);
            if (plan.IsDone)
                return (plan.Head!.Value, null);
            // :: Step 4
            var few = plan.Made.Count + work.Blobs.Length <= GitObjects.BatchObjects
                && plan.Made.Sum(m => (long)m.Content.Length) + spool.Length <= GitObjects.BatchBytes;
            if (!few && !await objects.StoreAsync(repo.Id, plan.Head, (stored ? [] : work.Files).Concat(plan.Made), cancellationToken))
                continue;
            stored |= !few;
            // :: Step 5
            if (await database.WriteAsync(async t => await IsStillAsync(t, work, plan.Head)
                ? await RecordAsync(t, work, plan, withObjects: few) : ((GitId, int?)?)null, cancellationToken) is { } done)
                return done;
        }
        if (!stored)
            await objects.StoreAsync(repo.Id, null, work.Files, cancellationToken);
        return await database.WriteAsync(async t =>
        {
            var plan = await PlanAsync(work, new Reader(t.Connection!, t, (id, kind) => objects.GetAsync(t, repo.Id, id, kind)));
            return plan.IsDone ? (plan.Head!.Value, null) : await RecordAsync(t, work, plan, withObjects: true);
        }, cancellationToken);
    }

    async Task<Dictionary<Sha256, LargeFileRow>> AllowedAsync(Repo repo, Caller caller, CommitRequest request,
        CancellationToken cancellationToken)
    {
        var large = await largeFiles.AllowedAsync(repo, caller,
            request.Operations.OfType<CommitOperation.Large>().Select(l => l.Sha256), cancellationToken);
        foreach (var file in request.Operations.OfType<CommitOperation.Large>())
        {
            if (!large.TryGetValue(file.Sha256, out var row))
                throw HubException.BadRequest(
                    $"{file.Path}: the file {file.Sha256} has not been uploaded to {repo.FullName}: upload it by LFS or Xet, then commit.");
            if (file.Size is { } size && size != row.Size)
                throw HubException.BadRequest($"{file.Path}: the file {file.Sha256} has {row.Size} bytes, not {size}.");
        }
        return large;
    }

    /// <summary>Reads a repository, in a transaction or outside of one.</summary>
    sealed record Reader(DbConnection Connection, DbTransaction? Transaction, Func<GitId, GitKind, ValueTask<byte[]>> ReadAsync);

    async Task<Plan> PlanAsync(Work work, Reader reader)
    {
        // :: Step 2
        var (repo, request) = (work.Repo, work.Request);
        var head = work.AsPullRequest ? await BaseAsync(reader, repo, work.Branch, request.ParentCommit)
            : await Refs.FindAsync(reader.Connection, reader.Transaction, repo.Id, work.Branch);
        if (head is null && work.Branch != GitRef.Heads + repo.DefaultBranch)
            throw HubException.RevisionNotFound(work.Branch);
        var commit = head is { } id ? GitCommit.Read(await reader.ReadAsync(id, GitKind.Commit)) : null;
        if (!work.AsPullRequest && commit is not null && await IsRetryAsync(work, reader, commit))
            return new Plan(head, commit.Tree, [], true);
        if (!work.AsPullRequest && request.ParentCommit is { Length: > 0 } parent
            && (parent.Length < 7 || head is null || !head.ToString()!.StartsWith(parent, StringComparison.OrdinalIgnoreCase)))
            throw HubException.Stale();

        // :: Step 3
        var edit = new TreeEdit(folder => reader.ReadAsync(folder, GitKind.Tree), commit?.Tree);
        var tree = await ApplyAsync(work, reader, edit);
        // Nothing changed: no empty commit.
        return new Plan(head, tree, edit.Made, commit is not null && tree == commit.Tree && !work.AsPullRequest);
    }

    /// <summary>Whether what a plan builds upon is still so.</summary>
    static async Task<bool> IsStillAsync(DbTransaction t, Work work, GitId? head) =>
        work.AsPullRequest ? head is not { } id || await GitObjects.IsCommitAsync(t, work.Repo.Id, id)
        : await Refs.FindAsync(t.Connection!, t, work.Repo.Id, work.Branch) == head;

    async Task<(GitId Commit, int? PullRequest)> RecordAsync(DbTransaction t, Work work, Plan plan, bool withObjects)
    {
        var (repo, caller, request) = (work.Repo, work.Caller, work.Request);
        if (withObjects)
            foreach (var (kind, content) in work.Files.Concat(plan.Made))
                await GitObjects.AddAsync(t, repo.Id, kind, content);
        var signature = Signature(caller);
        var made = await GitObjects.AddAsync(t, repo.Id, GitKind.Commit,
            new GitCommit(plan.Tree, plan.Head is { } h ? [h] : [], signature, signature, request.Message).Write());
        int? number = work.AsPullRequest ? await DiscussionStore.NextNumberAsync(t, repo.Id) : null;
        var to = number is { } n ? Discussion.RefOf(n) : work.Branch;
        if (!await Refs.SwapAsync(t, repo.Id, to, work.AsPullRequest ? null : plan.Head, made, time.GetUtcNow().ToUnixTimeMilliseconds()))
            throw HubException.Stale();
        if (number is { } opened)
            await discussions.BeginAsync(
                t, repo.Id, caller,
                new Discussion
                {
                    Num = opened,
                    Title = DiscussionText.TitleFrom(request.Summary),
                    Status = Discussion.Open,
                    IsPullRequest = true,
                    BaseRef = work.Branch
                }, request.Description);
        if (Discussion.NumberOf(to) is { } pull)
            await discussions.CommittedAsync(t, repo.Id, pull, caller, made, DiscussionText.TitleFrom(request.Summary));
        await Audit.RecordAsync(t, "repo.commit", $"{repo.Path}@{made}", to);
        return (made, number);
    }

    /// <summary>What a new pull request is built upon: the parent that is named, or where the branch is.</summary>
    static async Task<GitId?> BaseAsync(Reader reader, Repo repo, string branch, string? parent)
    {
        if (parent is not { Length: > 0 })
            return await Refs.FindAsync(reader.Connection, reader.Transaction, repo.Id, branch);
        return GitId.TryParse(parent, out var id) && await GitObjects.IsCommitAsync(reader.Connection, reader.Transaction, repo.Id, id) ? id
            : throw HubException.RevisionNotFound(parent);
    }

    /// <summary>Puts the first commit into a repository that is being made.</summary>
    public async Task BeginAsync(DbTransaction t, Repo repo, Caller caller, IReadOnlyDictionary<string, byte[]> files)
    {
        var tree = new TreeEdit(_ => throw new InvalidOperationException("A new repository has no folders."), null);
        foreach (var (path, bytes) in files)
            await tree.PutAsync(path, tree.Make(GitKind.Blob, bytes));
        var root = await tree.WriteAsync();
        foreach (var (kind, content) in tree.Made)
            await GitObjects.AddAsync(t, repo.Id, kind, content);
        var signature = Signature(caller);
        var commit = await GitObjects.AddAsync(t, repo.Id, GitKind.Commit,
            new GitCommit(root, [], signature, signature, "initial commit").Write());
        await Refs.SwapAsync(t, repo.Id, GitRef.Heads + repo.DefaultBranch, null, commit, time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <summary>Whose changes the hub makes. Users' addresses are not shown.</summary>
    public GitSignature Signature(Caller caller) =>
        new(caller.Name, $"{caller.Name}@users.noreply.banyan", time.GetUtcNow().ToUnixTimeSeconds());

    /// <summary>Whether the branch is already at what this request makes of the commit before.</summary>
    async Task<bool> IsRetryAsync(Work work, Reader reader, GitCommit head)
    {
        var (request, age) = (work.Request, time.GetUtcNow().ToUnixTimeSeconds() - head.Committer.UnixSeconds);
        if (age > RetrySeconds || head.Author.Name != work.Caller.Name
            || head.Message.TrimEnd('\n') != request.Message.ReplaceLineEndings("\n").TrimEnd('\n') || head.Parents is not [var parent])
            return false;
        if (request.ParentCommit is { Length: > 0 } expected && !parent.ToString().StartsWith(expected, StringComparison.OrdinalIgnoreCase))
            return false;
        try
        {
            var before = GitCommit.Read(await reader.ReadAsync(parent, GitKind.Commit));
            return await ApplyAsync(work, reader, new TreeEdit(folder => reader.ReadAsync(folder, GitKind.Tree), before.Tree)) == head.Tree;
        }
        catch (HubException)
        {
            return false;   // it does not even apply there
        }
    }

    async Task<GitId> ApplyAsync(Work work, Reader reader, TreeEdit tree)
    {
        var blob = 0;
        foreach (var operation in work.Request.Operations)
        {
            switch (operation)
            {
                case CommitOperation.File file:
                    await tree.PutAsync(file.Path, work.Blobs[blob++]);
                    break;
                case CommitOperation.Large file:
                    await tree.PutAsync(file.Path, tree.Make(GitKind.Blob, LfsPointer.Write(file.Sha256, work.Large[file.Sha256].Size)));
                    break;
                case CommitOperation.DeleteFile or CommitOperation.DeleteFolder:
                    if (!await tree.RemoveAsync(operation.Path, operation is CommitOperation.DeleteFolder))
                        throw new HubException(404, "EntryNotFound",
                            $"A {(operation is CommitOperation.DeleteFolder ? (ErrorText)"folder" : "file")} with this name doesn't exist: {operation.Path}");
                    break;
            }
        }
        await FollowAttributesAsync(work, reader, tree);
        return await tree.WriteAsync();
    }

    /// <summary>git-lfs needs to know that these files are large: a line for each that no line covers.</summary>
    static async Task FollowAttributesAsync(Work work, Reader reader, TreeEdit tree)
    {
        string[] paths = [.. work.Request.Operations.OfType<CommitOperation.Large>().Select(l => l.Path).Distinct()];
        if (paths.Length == 0)
            return;
        byte[]? file = null;
        if (await tree.FindAsync(Attributes.FileName) is { } id)
            file = tree.MadeOf(id)
                ?? (Array.IndexOf(work.Blobs, id) is >= 0 and var own ? work.Files.ElementAt(own).Content
                    : await reader.ReadAsync(id, GitKind.Blob));
        var attributes = new Attributes(file);
        string[] missing = [.. paths.Where(p => !attributes.IsLfs(p))];
        if (missing.Length == 0)
            return;
        var written = Attributes.With(file, missing);
        if (written.Length > CommitReader.MaxFileBytes)
            throw HubException.BadRequest(
                $"{Attributes.FileName} would be longer than {CommitReader.MaxFileBytes} bytes: commit a pattern that covers these files, like \"*.dat{Attributes.Lfs}\".");
        await tree.PutAsync(Attributes.FileName, tree.Make(GitKind.Blob, written));
    }
}
