using System.Security.Cryptography;
using Banyan.Server.Hub;
using Banyan.Server.Maintenance.Collection;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Git;

/// <summary>
/// What the refs of a repository lead to. Nothing else is read by its id, over the API as with git: what was force-pushed away, squashed or
/// lay on a deleted branch is gone at once, and not when it is collected. Remembered for as long as the refs stay.
/// </summary>
sealed class Reachability(Refs refs, GitObjects objects, CommitGraphs graphs, HubDatabase database)
{
    const int BytesEach = 48;

    readonly StateCache<(long Repo, GitId Commit), bool> _commits = new(database);
    readonly GenerationCache<(long Repo, string Tips), HashSet<GitId>> _histories = new(64 << 20), _objects = new(128 << 20);

    /// <summary>Whether a ref leads to a commit.</summary>
    public ValueTask<bool> LeadsToAsync(long repo, GitId commit, CancellationToken cancellationToken) => _commits.GetAsync((repo, commit), FindAsync, cancellationToken);

    async Task<bool> FindAsync((long Repo, GitId Commit) key, CancellationToken cancellationToken)
    {
        // Most ask for the commit that a branch is at.
        var parameters = new { repo = key.Repo, oid = key.Commit.ToArray() };
        if (await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT 1 FROM refs WHERE repo_id = @repo AND oid = @oid LIMIT 1", parameters), cancellationToken) is not null)
            return true;
        var tips = await TipsAsync(key.Repo, await refs.ListAsync(key.Repo, cancellationToken), cancellationToken);
        var state = StateOf(key.Repo, tips);
        if (!_histories.TryGet(state, out var history))
        {
            history = (await graphs.OfAsync(key.Repo, tips, cancellationToken)).Closure(tips);
            _histories.Add(state, history, (long)history.Count * BytesEach);
        }
        return history.Contains(key.Commit);
    }

    /// <summary>Those of the objects that the refs lead to: walks all of them once for each state of the refs.</summary>
    public async Task<IReadOnlyCollection<GitId>> OfAsync(long repo, IReadOnlyCollection<GitId> ids, CancellationToken cancellationToken)
    {
        GitId[] tips = [.. (await refs.ListAsync(repo, cancellationToken)).Select(r => r.Id).Distinct()];
        var state = StateOf(repo, tips);
        if (!_objects.TryGet(state, out var reached))
        {
            reached = await database.SnapshotAsync(t => GitReach.WalkAsync(database, t, repo, tips), cancellationToken);
            _objects.Add(state, reached, (long)reached.Count * BytesEach);
        }
        return [.. ids.Where(reached.Contains)];
    }

    /// <summary>Where refs are, and what annotated tags among them name.</summary>
    public async Task<HashSet<GitId>> TipsAsync(long repo, IEnumerable<GitRef> all, CancellationToken cancellationToken)
    {
        var tips = new HashSet<GitId>();
        foreach (var one in all)
        {
            tips.Add(one.Id);
            if (await PeeledAsync(repo, one, cancellationToken) is { } peeled)
                tips.Add(peeled);
        }
        return tips;
    }

    /// <summary>What an annotated tag names in the end; null for what is none.</summary>
    public async Task<GitId?> PeeledAsync(long repo, GitRef one, CancellationToken cancellationToken)
    {
        GitId? target = null;
        if (one.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal))
            for (var id = one.Id; await objects.FindAsync(repo, id, cancellationToken) is { Kind: GitKind.Tag } tag; id = target.Value)
                target = GitTag.TargetOf(tag.Content);
        return target;
    }

    static (long, string) StateOf(long repo, IEnumerable<GitId> tips) => (repo, Convert.ToHexString(SHA256.HashData(tips.SelectMany(t => t.ToArray()).ToArray())));
}
