using Banyan.Server.Access;

namespace Banyan.Server.Git;

/// <summary>Writes a repository's history again as if some files had never been in it. Commits before the first of them keep their ids. New
/// objects are stored along the way and are unreachable until the refs are moved, so that a long history blocks nobody.</summary>
sealed class HistoryWithout(GitObjects objects, long repo, IReadOnlySet<GitId> blobs, CancellationToken cancellationToken)
{
    readonly Dictionary<GitId, GitId?> _trees = [];
    readonly Dictionary<GitId, GitId> _commits = [];
    List<(GitKind Kind, byte[] Content)> _made = [];
    long _bytes;

    /// <summary>Where refs have to go whose history held one of the files.</summary>
    public async Task<IReadOnlyList<(GitRef From, GitId To)>> RewriteAsync(IReadOnlyList<GitRef> refs)
    {
        var moved = new List<(GitRef, GitId)>();
        foreach (var found in refs)
        {
            var commit = found.Id;
            while (await objects.FindAsync(repo, commit, cancellationToken) is { Kind: GitKind.Tag } tag)
                commit = GitTag.TargetOf(tag.Content);
            var written = await CommitAsync(commit);
            if (written != commit)
                moved.Add((found, written));
        }
        await StoreAsync();
        return moved;
    }

    /// <summary>Parents before children, without a stack that a long history would overflow.</summary>
    async Task<GitId> CommitAsync(GitId head)
    {
        var open = new Stack<GitId>([head]);
        while (open.TryPeek(out var id))
        {
            if (_commits.ContainsKey(id))
            {
                open.Pop();
                continue;
            }
            var commit = GitCommit.Read(await objects.GetAsync(repo, id, GitKind.Commit, cancellationToken));
            if (commit.Parents.Where(p => !_commits.ContainsKey(p)).ToArray() is { Length: > 0 } first)
            {
                foreach (var parent in first)
                    open.Push(parent);
                continue;
            }
            open.Pop();
            var tree = await TreeAsync(commit.Tree) ?? await MakeAsync(GitKind.Tree, []);
            GitId[] parents = [.. commit.Parents.Select(p => _commits[p])];
            _commits[id] = tree == commit.Tree && parents.SequenceEqual(commit.Parents)
                ? id : await MakeAsync(GitKind.Commit, (commit with { Tree = tree, Parents = parents }).Write());
        }
        return _commits[head];
    }

    /// <summary>The folder without the files; null if nothing is left of it.</summary>
    async Task<GitId?> TreeAsync(GitId tree)
    {
        if (_trees.TryGetValue(tree, out var known))
            return known;
        var changed = false;
        var left = new List<GitTreeEntry>();
        foreach (var entry in GitTree.Read(await objects.GetAsync(repo, tree, GitKind.Tree, cancellationToken)))
        {
            GitId? id = entry.IsFolder ? await TreeAsync(entry.Id) : blobs.Contains(entry.Id) ? null : entry.Id;
            changed |= id != entry.Id;
            if (id is { } stays)
                left.Add(entry with { Id = stays });
        }
        return _trees[tree] = !changed ? tree : left.Count == 0 ? null : await MakeAsync(GitKind.Tree, GitTree.Write(left));
    }

    async ValueTask<GitId> MakeAsync(GitKind kind, byte[] content)
    {
        _made.Add((kind, content));
        if ((_bytes += content.Length) >= GitObjects.BatchBytes || _made.Count >= GitObjects.BatchObjects)
            await StoreAsync();
        return GitId.Of(kind, content);
    }

    async Task StoreAsync()
    {
        if (!await objects.StoreAsync(repo, null, _made, cancellationToken))
            throw HubException.Stale();
        (_made, _bytes) = ([], 0);
    }
}
