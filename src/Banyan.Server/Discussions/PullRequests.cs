using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Commits;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discussions;

/// <summary>What pull requests change, and merging them: the changes become one commit on the branch, as on the Hub.</summary>
sealed class PullRequests(
    Authoriser authoriser, DiscussionStore discussions, Refs refs, Revisions revisions, History history, GitObjects objects,
    Committer committer, HubDatabase database, TimeProvider time)
{
    const int ShortId = 7, MaxListed = 100;

    sealed record Body(string? Comment);

    /// <summary>Where a pull request stands.</summary>
    /// <param name="Base">The branch, or null if it is gone.</param>
    /// <param name="Head">The pull request's last commit.</param>
    /// <param name="From">What both grew from, or null.</param>
    /// <param name="Commits">Its own commits, the newest first.</param>
    sealed record Standing(Revision? Base, Revision Head, Revision? From, IReadOnlyList<GitId> Commits);

    async Task<Standing?> StandingAsync(Repo repo, Discussion discussion, CancellationToken cancellationToken)
    {
        if (await refs.FindAsync(repo.Id, discussion.Ref, cancellationToken) is not { } id
            || await revisions.PeelAsync(repo, id, cancellationToken) is not { } head)
            return null;
        var branch = await refs.FindAsync(repo.Id, discussion.BaseRef!, cancellationToken) is { } at
            ? await revisions.PeelAsync(repo, at, cancellationToken) : null;
        var theirs = branch is null ? [] : (await history.OfAsync(repo.Id, branch, cancellationToken)).ToHashSet();
        var commits = await history.OfAsync(repo.Id, head, cancellationToken);
        var from = await history.ReadAsync(repo.Id, commits.Where(theirs.Contains).Take(1), cancellationToken);
        return new Standing(branch, head, from.FirstOrDefault(), [.. commits.TakeWhile(c => !theirs.Contains(c))]);
    }

    /// <summary>Files that changed both in the pull request and on the branch since.</summary>
    public async Task<IReadOnlyList<string>> ConflictsAsync(Repo repo, Discussion discussion, CancellationToken cancellationToken)
    {
        if (await StandingAsync(repo, discussion, cancellationToken) is not { Base: { } branch } standing)
            return [];
        var merge = new TreeMerge((id, kind) => objects.GetAsync(repo.Id, id, kind, cancellationToken));
        await merge.MergeAsync(standing.From?.Commit.Tree, branch.Commit.Tree, standing.Head.Commit.Tree);
        return merge.Conflicts;
    }

    /// <summary>What a pull request changes; null if nothing is known of it any more.</summary>
    public async Task<PullChanges?> ChangesAsync(Repo repo, Discussion discussion, CancellationToken cancellationToken) =>
        await StandingAsync(repo, discussion, cancellationToken) is { } standing
            ? new(await new TreeDiff((id, kind) => objects.GetAsync(repo.Id, id, kind, cancellationToken)).WriteAsync(
                standing.From?.Commit.Tree, standing.Head.Commit.Tree), standing.From?.Commit.Tree, standing.Head.Commit.Tree,
                    standing.Head.Id) : null;

    /// <summary><c>POST …/discussions/{num}/merge</c></summary>
    public async Task MergeAsync(HttpContext context, Repo repo)
    {
        await MergeAsync(context, repo, context.HasBody() ? (await context.BodyAsync<Body>()).Comment : null);
        await context.JsonAsync(new { });
    }

    /// <summary>Merges the pull request of the address.</summary>
    public async Task MergeAsync(HttpContext context, Repo repo, string? comment)
    {
        var (caller, number, cancellationToken) =
            (await authoriser.UserAsync(context), DiscussionEndpoints.NumberOf(context), context.RequestAborted);
        var discussion = await discussions.FindAsync(repo.Id, number, cancellationToken)
            ?? throw DiscussionEndpoints.NotFound(repo, number);
        if (!discussion.IsPullRequest)
            throw HubException.BadRequest($"Discussion {number} is no pull request.");
        if (discussion.Status != Discussion.Open)
            throw HubException.BadRequest($"Pull request {number} is not open: only an open one is merged.");
        if (await StandingAsync(repo, discussion, cancellationToken) is not { Base: { } branch } standing)
            throw HubException.BadRequest($"The branch {discussion.BaseRef} is gone.");

        var merge = new TreeMerge((id, kind) => objects.GetAsync(repo.Id, id, kind, cancellationToken));
        var tree = await merge.MergeAsync(standing.From?.Commit.Tree, branch.Commit.Tree, standing.Head.Commit.Tree);
        if (merge.Conflicts.Count > 0)
            throw HubException.Conflict(
                $"Merge conflicts in {string.Join(", ", merge.Conflicts.Take(20))}: commit to {discussion.Ref} what should be there.");
        if (tree == branch.Commit.Tree)
            throw HubException.BadRequest($"Pull request {number} changes nothing on {discussion.BaseRef}.");
        if (!await objects.StoreAsync(repo.Id, branch.Id, merge.Made, cancellationToken))
            throw HubException.Stale();
        // Its author is who made the first; the latest are told of.
        var commits = await history.ReadAsync(repo.Id,
            standing.Commits.Take(MaxListed).Union(standing.Commits.TakeLast(1)), cancellationToken);
        await database.WriteAsync(t => RecordAsync(t, repo, caller, discussion, standing, commits, branch, tree, comment),
            cancellationToken);
    }

    async Task RecordAsync(
        DbTransaction t, Repo repo, Caller caller, Discussion discussion, Standing standing, IReadOnlyList<Revision> commits,
        Revision branch, GitId tree, string? comment)
    {
        // What was looked at before the transaction must still be so in it.
        if (await DiscussionStore.FindAsync(t, repo.Id, discussion.Num) is not { Status: Discussion.Open }
            || await Refs.FindAsync(t.Connection!, t, repo.Id, discussion.Ref) != standing.Head.Id)
            throw HubException.Stale();
        var signature = committer.Signature(caller);
        var author = commits is [.., var first] ? first.Commit.Author : signature;
        var list =
            string.Concat(commits.Take(MaxListed).Reverse()
                .Select(c => $"- {DiscussionText.TitleFrom(c.Commit.Title)} ({c.Id.ToString()[..ShortId]})\n"));
        var commit = await GitObjects.AddAsync(
            t, repo.Id, GitKind.Commit,
            new GitCommit(tree, [branch.Id], author with { UnixSeconds = signature.UnixSeconds }, signature,
                $"{discussion.Title} (#{discussion.Num})\n\n{list}").Write());
        if (!await Refs.SwapAsync(t, repo.Id, discussion.BaseRef!, branch.Id, commit, time.GetUtcNow().ToUnixTimeMilliseconds()))
            throw HubException.Stale();
        await t.ExecuteAsync("UPDATE discussions SET status = 'merged', merge_commit = @oid WHERE id = @Id",
            new { oid = commit.ToArray(), discussion.Id });
        if (comment is { } text && text.Trim().Length > 0)
            await discussions.AddEventAsync(t, discussion.Id, caller, DiscussionEvent.Comment,
                new EventData { Text = DiscussionText.Comment(text) });
        await discussions.AddEventAsync(t, discussion.Id, caller, DiscussionEvent.StatusChange,
            new EventData { Status = Discussion.Merged });
        await Audit.RecordAsync(t, "pr.merge", $"{repo.Path}#{discussion.Num}", commit.ToString());
    }
}
