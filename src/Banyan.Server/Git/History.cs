using Banyan.Server.Hub;

namespace Banyan.Server.Git;

/// <summary>The commits that a commit follows, newest first, as <c>git log</c> tells them. Only their ids: the commits themselves may be
/// long and are read for those that are shown. What a commit follows never changes, so it is cached.</summary>
sealed class History(GitObjects objects)
{
    const int MaxCommits = 100_000;

    readonly GenerationCache<(long, GitId), IReadOnlyList<GitId>> _known = new(32 << 20);

    /// <summary>All of them, the commit itself first.</summary>
    public async Task<IReadOnlyList<GitId>> OfAsync(long repo, Revision head, CancellationToken cancellationToken)
    {
        if (_known.TryGet((repo, head.Id), out var known))
            return known;
        var commits = new List<GitId>();
        var seen = new HashSet<GitId> { head.Id };
        var next = new PriorityQueue<(GitId Id, IReadOnlyList<GitId> Parents), (long, int)>();
        next.Enqueue((head.Id, head.Commit.Parents), (0, 0));
        while (next.TryDequeue(out var commit, out _) && commits.Count < MaxCommits)
        {
            commits.Add(commit.Id);
            foreach (var parent in commit.Parents)
                if (seen.Add(parent) && await FindAsync(repo, parent, cancellationToken) is { } found)
                    next.Enqueue((parent, found.Parents), (-found.Committer.UnixSeconds, seen.Count));
        }
        _known.Add((repo, head.Id), commits, GitId.Size * commits.Count + 100);
        return commits;
    }

    /// <summary>What some of them say.</summary>
    public async Task<IReadOnlyList<Revision>> ReadAsync(long repo, IEnumerable<GitId> ids, CancellationToken cancellationToken)
    {
        var read = new List<Revision>();
        foreach (var id in ids)
            if (await FindAsync(repo, id, cancellationToken) is { } commit)
                read.Add(new Revision(id, commit));
        return read;
    }

    async Task<GitCommit?> FindAsync(long repo, GitId id, CancellationToken cancellationToken) =>
        await objects.FindAsync(repo, id, cancellationToken) is { Kind: GitKind.Commit } found ? GitCommit.Read(found.Content) : null;
}
