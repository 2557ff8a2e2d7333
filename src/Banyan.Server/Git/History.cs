namespace Banyan.Server.Git;

/// <summary>The commits that a commit follows, newest first, as <c>git log</c> tells them.</summary>
sealed class History(GitObjects objects)
{
    const int MaxCommits = 100_000;

    /// <summary>All of them, the commit itself first.</summary>
    public async Task<IReadOnlyList<Revision>> OfAsync(long repo, Revision head, CancellationToken cancellationToken)
    {
        var commits = new List<Revision>();
        var seen = new HashSet<GitId> { head.Id };
        var next = new PriorityQueue<Revision, (long, int)>();
        next.Enqueue(head, (0, 0));
        while (next.TryDequeue(out var commit, out _) && commits.Count < MaxCommits)
        {
            commits.Add(commit);
            foreach (var parent in commit.Commit.Parents)
                if (seen.Add(parent) && await objects.FindAsync(repo, parent, cancellationToken) is { Kind: GitKind.Commit } found)
                {
                    var read = new Revision(parent, GitCommit.Read(found.Content));
                    next.Enqueue(read, (-read.Commit.Committer.UnixSeconds, seen.Count));
                }
        }
        return commits;
    }
}
