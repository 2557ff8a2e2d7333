using Banyan.Server.Hub;
using Banyan.Server.Maintenance.Collection;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Git.Transport;

/// <summary>
/// Which objects the refs of a repository lead to: what a partial clone asks for later, one by one. Remembered for as long as the refs stay.
/// </summary>
sealed class Reachability(HubDatabase database)
{
    const int BytesEach = 48;

    readonly GenerationCache<(long Repo, string Tips), HashSet<GitId>> _known = new(128 << 20);

    /// <summary>Those of the ids that the tips lead to.</summary>
    public async Task<IReadOnlyCollection<GitId>> OfAsync(long repo, IReadOnlyCollection<GitId> tips, IReadOnlyCollection<GitId> ids, CancellationToken cancellationToken)
    {
        var key = (repo, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(tips.SelectMany(t => t.ToArray()).ToArray())));
        if (!_known.TryGet(key, out var reached))
        {
            reached = await database.SnapshotAsync(t => GitReach.WalkAsync(database, t, repo, tips), cancellationToken);
            _known.Add(key, reached, (long)reached.Count * BytesEach);
        }
        return [.. ids.Where(reached.Contains)];
    }
}
