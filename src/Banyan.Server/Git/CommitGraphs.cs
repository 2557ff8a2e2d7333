using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git;

/// <summary>The commit graphs of repositories, read as far as needed.</summary>
sealed class CommitGraphs(HubDatabase database)
{
    const int Batch = 256, FewBatches = 40, Turns = 64, MuchGarbage = 30_000;

    readonly GenerationCache<long, CommitGraph> _known = new(256 << 20);

    // A large graph is read once, however many ask meanwhile.
    readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, Turns).Select(_ => new SemaphoreSlim(1))];

    /// <summary>The graph with everything that these reach; ids that are not commits are skipped.</summary>
    public async Task<CommitGraph> OfAsync(long repo, IReadOnlyCollection<GitId> tips, CancellationToken cancellationToken)
    {
        if (_known.TryGet(repo, out var graph) && tips.All(graph.Contains))
            return graph;
        var turn = _turns[repo % Turns];
        await turn.WaitAsync(cancellationToken);
        try
        {
            return await ReadAsync(repo, tips, cancellationToken);
        }
        finally
        {
            turn.Release();
        }
    }

    async Task<CommitGraph> ReadAsync(long repo, IReadOnlyCollection<GitId> tips, CancellationToken cancellationToken)
    {
        var graph = _known.TryGet(repo, out var known) ? known : new CommitGraph();
        // Added at the end, all of it: a commit that the graph has is one whose whole history it has.
        var read = new Dictionary<GitId, CommitFacts>();
        var (next, seen, batches) = (new Queue<GitId>(tips), new HashSet<GitId>(), 0);
        while (next.Count > 0)
        {
            var unknown = new List<byte[]>();
            while (unknown.Count < Batch && next.TryDequeue(out var id))
                if (!graph.Contains(id) && seen.Add(id))
                    unknown.Add(id.ToArray());
            if (unknown.Count == 0)
                break;
            // A long line has one commit a batch: then all at once is sooner.
            var all = ++batches > FewBatches;
            if (all)
                read.EnsureCapacity(await CountAsync(repo, cancellationToken));
            await ReadAsync(repo, all ? null : [.. unknown], (id, commit) =>
            {
                read[id] = commit;
                foreach (var parent in all ? [] : commit.Parents)
                    next.Enqueue(parent);
            }, cancellationToken);
            if (all)
                break;
        }
        var count = read.Count;
        if (count > 0)
            graph.Add(read);
        if (count > 0 || known is null)
            _known.Add(repo, graph, graph.Bytes + 100);
        // What a long history was read with is as large as the graph, and nothing else would soon make the collector look at it.
        read = null!;
        if (count > MuchGarbage)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return graph;
    }

    Task<int> CountAsync(long repo, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<int>("SELECT COUNT(*) FROM git_objects WHERE repo_id = @repo AND kind = 'commit'",
            new { repo }), cancellationToken);

    async Task ReadAsync(long repo, byte[][]? oids, Action<GitId, CommitFacts> each, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenToStreamAsync(cancellationToken);
        // A long history is a million rows: nothing is made of each that is not needed.
        await using var rows = await connection.ExecuteReaderAsync(
            $"SELECT oid, content FROM git_objects WHERE repo_id = @repo AND kind = 'commit'{(oids is null ? "" : $" AND oid {database.In("oids")}")}", new { repo, oids });
        while (await rows.ReadAsync(cancellationToken))
            each(new GitId(database.Bytes(rows, 0)), CommitFacts.Read(database.Bytes(rows, 1)));
    }
}
