using Banyan.Server.Access;
using Banyan.Server.Repos;

namespace Banyan.Server.Git;

/// <summary>A commit that a revision names.</summary>
sealed record Revision(GitId Id, GitCommit Commit);

/// <summary>What <c>main</c>, a tag, <c>refs/pr/1</c> or a commit's id, whole or shortened, means in a repository.</summary>
sealed class Revisions(Refs refs, GitObjects objects, Reachability reachability)
{
    /// <summary>The commit of a revision; a commit id counts only if a ref reaches it.</summary>
    /// <exception cref="HubException">404 RevisionNotFound.</exception>
    public async Task<Revision> GetAsync(Repo repo, string revision, CancellationToken cancellationToken) =>
        await GetStoredAsync(repo, revision, cancellationToken) is var found && await IsLeftAsync(repo, found, cancellationToken)
        ? throw HubException.RevisionNotFound(revision) : found;

    /// <summary>As <see cref="GetAsync"/>, including commits that no ref reaches any more and that are not collected yet: for writers, to
    /// restore a branch, and for downloads that began before (<see cref="IsLeftAsync"/>).</summary>
    /// <exception cref="HubException">404 RevisionNotFound.</exception>
    public async Task<Revision> GetStoredAsync(Repo repo, string revision, CancellationToken cancellationToken)
    {
        if (await IdAsync(repo, revision, cancellationToken) is { } id && await PeelAsync(repo, id, cancellationToken) is { } found)
            return found;
        throw HubException.RevisionNotFound(revision);
    }

    /// <summary>Whether no ref leads to it any more.</summary>
    public async Task<bool> IsLeftAsync(Repo repo, Revision revision, CancellationToken cancellationToken) =>
        !await reachability.LeadsToAsync(repo.Id, revision.Id, cancellationToken);

    /// <summary>Whether there is such a revision.</summary>
    public async Task<bool> IsThereAsync(Repo repo, string revision, CancellationToken cancellationToken) =>
        await IdAsync(repo, revision, cancellationToken) is not null;

    /// <summary>The commit of an object: itself, or what an annotated tag names.</summary>
    public async Task<Revision?> PeelAsync(Repo repo, GitId id, CancellationToken cancellationToken)
    {
        for (var depth = 0; depth < 5; depth++)
        {
            switch (await objects.FindAsync(repo.Id, id, cancellationToken))
            {
                case { Kind: GitKind.Commit } commit: return new Revision(id, GitCommit.Read(commit.Content));
                case { Kind: GitKind.Tag } tag: id = GitTag.TargetOf(tag.Content); break;
                default: return null;
            }
        }
        return null;
    }

    async Task<GitId?> IdAsync(Repo repo, string revision, CancellationToken cancellationToken)
    {
        if (GitId.TryParse(revision, out var id))
            return id;
        if (revision is "HEAD" or "")
            return await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, cancellationToken);
        if (revision.StartsWith("refs/", StringComparison.Ordinal))
            return await refs.FindAsync(repo.Id, revision, cancellationToken);
        return await refs.FindAsync(repo.Id, GitRef.Heads + revision, cancellationToken)
            ?? await refs.FindAsync(repo.Id, GitRef.Tags + revision, cancellationToken)
            ?? await objects.FindCommitAsync(repo.Id, revision, cancellationToken);
    }
}
