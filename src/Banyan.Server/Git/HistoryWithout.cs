using System.Data.Common;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Git;

/// <summary>Writes a repository's history again as if some files had never been in it. Commits before the first of them keep their ids.</summary>
sealed class HistoryWithout(GitObjects objects, DbTransaction transaction, long repo, IReadOnlySet<GitId> blobs)
{
    readonly Dictionary<GitId, GitId?> _trees = [];
    readonly Dictionary<GitId, GitId> _commits = [];

    /// <summary>Moves every ref whose history held one of the files.</summary>
    public async Task RewriteAsync(long now)
    {
        foreach (var (name, oid) in await transaction.QueryAsync<(string Name, byte[] Oid)>("SELECT name, oid FROM refs WHERE repo_id = @repo", new { repo }))
        {
            var id = new GitId(oid);
            var commit = id;
            while (await objects.FindAsync(transaction, repo, commit) is { Kind: GitKind.Tag } tag)
                commit = GitTag.TargetOf(tag.Content);
            var written = await CommitAsync(commit);
            if (written != commit)
                await Refs.SwapAsync(transaction, repo, name, id, written, now);
        }
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
            var commit = GitCommit.Read(await objects.GetAsync(transaction, repo, id, GitKind.Commit));
            if (commit.Parents.Where(p => !_commits.ContainsKey(p)).ToArray() is { Length: > 0 } first)
            {
                foreach (var parent in first)
                    open.Push(parent);
                continue;
            }
            open.Pop();
            var tree = await TreeAsync(commit.Tree) ?? await GitObjects.AddAsync(transaction, repo, GitKind.Tree, []);
            GitId[] parents = [.. commit.Parents.Select(p => _commits[p])];
            _commits[id] = tree == commit.Tree && parents.SequenceEqual(commit.Parents)
                ? id : await GitObjects.AddAsync(transaction, repo, GitKind.Commit, (commit with { Tree = tree, Parents = parents }).Write());
        }
        return _commits[head];
    }

    /// <summary>The folder without the files; null where nothing is left of it.</summary>
    async Task<GitId?> TreeAsync(GitId tree)
    {
        if (_trees.TryGetValue(tree, out var known))
            return known;
        var changed = false;
        var left = new List<GitTreeEntry>();
        foreach (var entry in GitTree.Read(await objects.GetAsync(transaction, repo, tree, GitKind.Tree)))
        {
            GitId? id = entry.IsFolder ? await TreeAsync(entry.Id) : blobs.Contains(entry.Id) ? null : entry.Id;
            changed |= id != entry.Id;
            if (id is { } stays)
                left.Add(entry with { Id = stays });
        }
        return _trees[tree] = !changed ? tree : left.Count == 0 ? null : await GitObjects.AddAsync(transaction, repo, GitKind.Tree, GitTree.Write(left));
    }
}
