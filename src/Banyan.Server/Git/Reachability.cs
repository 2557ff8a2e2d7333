using System.Collections.Concurrent;
using System.Security.Cryptography;
using Banyan.Server.Hub;
using Banyan.Server.Maintenance.Collection;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git;

/// <summary>What the refs of a repository reach. Nothing else can be read by its id, over the API or git: what was force-pushed away,
/// squashed or on a deleted branch is gone at once, not only when it is collected. Cached as long as the refs stay the same.</summary>
sealed class Reachability(Refs refs, GitObjects objects, CommitGraphs graphs, HubDatabase database)
{
    const int BytesEach = 48;

    readonly StateCache<(long Repo, GitId Commit), bool> _commits = new(database);
    readonly GenerationCache<(long Repo, string Refs), HashSet<GitId>> _objects = new(128 << 20);

    // A walk of a large repository is made once, however many ask meanwhile.
    readonly ConcurrentDictionary<(long Repo, string Refs), Lazy<Task<HashSet<GitId>>>> _walks = new();

    /// <summary>Whether a ref leads to a commit.</summary>
    public ValueTask<bool> LeadsToAsync(long repo, GitId commit, CancellationToken cancellationToken) =>
        _commits.GetAsync((repo, commit), FindAsync, cancellationToken);

    async Task<bool> FindAsync((long Repo, GitId Commit) key, CancellationToken cancellationToken)
    {
        // Most ask for the commit that a branch is at.
        var parameters = new { repo = key.Repo, oid = key.Commit.ToArray() };
        if (await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT 1 FROM refs WHERE repo_id = @repo AND oid = @oid LIMIT 1",
            parameters), cancellationToken) is not null)
            return true;
        var all = await refs.ListAsync(key.Repo, cancellationToken);
        var (_, tips) = await TipsAsync(key.Repo, all, cancellationToken);
        return (await graphs.OfAsync(key.Repo, tips, cancellationToken)).Reachable(tips).Contains(key.Commit);
    }

    /// <summary>Those of the objects that the refs lead to: walks all of them once for each state of the refs.</summary>
    public async Task<IReadOnlyCollection<GitId>> OfAsync(long repo, IReadOnlyCollection<GitId> ids, CancellationToken cancellationToken)
    {
        var all = await refs.ListAsync(repo, cancellationToken);
        var state = Convert.ToHexString(SHA256.HashData(all.Select(r => r.Id).Distinct().SelectMany(id => id.ToArray()).ToArray()));
        if (!_objects.TryGet((repo, state), out var reached))
        {
            // Whoever asked first may leave: the walk is for all who ask.
            var walking = _walks.GetOrAdd((repo, state), key => new(() => Task.Run(async () =>
            {
                try
                {
                    var found =
                        await database.SnapshotAsync(t => GitReach.WalkAsync(database, t, repo, all.Select(r => r.Id)),
                            CancellationToken.None);
                    _objects.Add(key, found, 100 + (long)found.Count * BytesEach);
                    return found;
                }
                finally
                {
                    _walks.TryRemove(key, out _);
                }
            })));
            reached = await walking.Value.WaitAsync(cancellationToken);
        }
        return [.. ids.Where(reached.Contains)];
    }

    /// <summary>The targets of refs, with annotated tags peeled; and the peeled objects alone, which are commits except for unusual
    /// refs.</summary>
    public async Task<(HashSet<GitId> Named, HashSet<GitId> Commits)> TipsAsync(long repo, IEnumerable<GitRef> all,
        CancellationToken cancellationToken)
    {
        var (named, commits) = (new HashSet<GitId>(), new HashSet<GitId>());
        foreach (var one in all)
        {
            named.Add(one.Id);
            commits.Add(await PeeledAsync(repo, one, cancellationToken) ?? one.Id);
        }
        named.UnionWith(commits);
        return (named, commits);
    }

    /// <summary>The target of an annotated tag, peeled; null if it is not a tag.</summary>
    public async Task<GitId?> PeeledAsync(long repo, GitRef one, CancellationToken cancellationToken)
    {
        GitId? target = null;
        if (one.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal))
            for (var id = one.Id; await objects.FindAsync(repo, id, cancellationToken) is { Kind: GitKind.Tag } tag; id = target.Value)
                target = GitTag.TargetOf(tag.Content);
        return target;
    }
}
