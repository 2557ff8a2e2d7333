using System.Collections.Concurrent;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git;

/// <summary>A commit as walks need it.</summary>
readonly record struct CommitNode(GitId Tree, GitId[] Parents, long UnixSeconds);

/// <summary>
/// Which commit follows which in a repository. What a commit says never changes, so what was read once is remembered; a commit that was
/// collected stays known and is reached by no ref.
/// </summary>
sealed class CommitGraph
{
    const int BytesEach = 200;

    readonly ConcurrentDictionary<GitId, CommitNode> _nodes = new();

    public int Bytes => _nodes.Count * BytesEach;

    public bool TryGet(GitId id, out CommitNode node) => _nodes.TryGetValue(id, out node);

    public CommitNode this[GitId id] => _nodes[id];

    public void Add(IEnumerable<KeyValuePair<GitId, CommitNode>> nodes)
    {
        foreach (var (id, node) in nodes)
            _nodes[id] = node;
    }

    /// <summary>All commits that these lead to, themselves included.</summary>
    /// <param name="tips">Commits; others are passed over.</param>
    /// <param name="parents">The parents to follow, or null for all.</param>
    public HashSet<GitId> Closure(IEnumerable<GitId> tips, Func<GitId, IReadOnlyList<GitId>>? parents = null)
    {
        var reached = new HashSet<GitId>();
        var next = new Stack<GitId>(tips);
        while (next.TryPop(out var id))
            if (_nodes.TryGetValue(id, out var node) && reached.Add(id))
                foreach (var parent in parents?.Invoke(id) ?? node.Parents)
                    next.Push(parent);
        return reached;
    }
}

/// <summary>The graphs of repositories, read as far as they are asked for.</summary>
sealed class CommitGraphs(HubDatabase database)
{
    const int Batch = 256, FewBatches = 40;

    readonly GenerationCache<long, CommitGraph> _known = new(256 << 20);

    /// <summary>The graph with all that these commits follow.</summary>
    public async Task<CommitGraph> OfAsync(long repo, IEnumerable<GitId> tips, CancellationToken cancellationToken)
    {
        var graph = _known.TryGet(repo, out var known) ? known : new CommitGraph();
        // Added at the end, all of it: a commit that the graph has is one whose whole history it has.
        var read = new Dictionary<GitId, CommitNode>();
        var (next, seen, batches) = (new Queue<GitId>(tips), new HashSet<GitId>(), 0);
        while (next.Count > 0)
        {
            var unknown = new List<byte[]>();
            while (unknown.Count < Batch && next.TryDequeue(out var id))
                if (!graph.TryGet(id, out _) && seen.Add(id))
                    unknown.Add(id.ToArray());
            if (unknown.Count == 0)
                break;
            // A long line has one commit a batch: then all at once is sooner.
            var all = ++batches > FewBatches;
            await foreach (var (id, node) in ReadAsync(repo, all ? null : [.. unknown], cancellationToken))
            {
                read[id] = node;
                foreach (var parent in all ? [] : node.Parents)
                    next.Enqueue(parent);
            }
            if (all)
                break;
        }
        graph.Add(read);
        _known.Add(repo, graph, graph.Bytes + 100);
        return graph;
    }

    async IAsyncEnumerable<(GitId Id, CommitNode Node)> ReadAsync(
        long repo, byte[][]? oids, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = connection.QueryUnbufferedAsync<(byte[] Oid, byte[] Content)>(
            $"SELECT oid, content FROM git_objects WHERE repo_id = @repo AND kind = 'commit'{(oids is null ? "" : $" AND oid {database.In("oids")}")}", new { repo, oids });
        await foreach (var (oid, content) in rows.WithCancellation(cancellationToken))
        {
            var commit = GitCommit.Read(content);
            yield return (new GitId(oid), new CommitNode(commit.Tree, [.. commit.Parents], commit.Committer.UnixSeconds));
        }
    }
}
