using Banyan.Server.Access;
using Banyan.Server.Repos;

namespace Banyan.Server.Git.Transport;

/// <summary>The data for answering a fetch request.</summary>
/// <param name="Repo">The repository.</param>
/// <param name="Request">The request.</param>
/// <param name="Graph">The repository's commits.</param>
/// <param name="Refs">Its refs.</param>
/// <param name="Reachable">What they lead to.</param>
/// <param name="Wanted">The commits that are wanted, also by way of tags.</param>
sealed record Fetch(Repo Repo, FetchRequest Request, CommitGraph Graph, IReadOnlyList<GitRef> Refs, CommitSet Reachable,
    IReadOnlyList<GitId> Wanted)
{
    bool _isEnough;
    int _asked;

    /// <summary>Commits that both sides have.</summary>
    public HashSet<GitId> Common { get; } = [];

    /// <summary>Whether every wanted commit descends from a common one: then further negotiation would save little (upload-pack's
    /// <c>ok_to_give_up</c>). Called for each commit that the client has, so it is recomputed only if more is known than before.</summary>
    public bool IsEnough()
    {
        if (_isEnough || Common.Count == _asked)
            return _isEnough;
        _asked = Common.Count;
        var followers = Graph.Followers(Common);
        return _isEnough = Wanted.All(followers.Contains);
    }
}

/// <summary>Reads the data for a fetch request, and refuses what the caller may not have.</summary>
sealed class Fetches(Refs refs, GitObjects objects, CommitGraphs graphs, Reachability reachability)
{
    /// <summary>Reads the graph and checks what is wanted: the protocol lets a client want any id, and ids that no ref reaches count as
    /// missing.</summary>
    /// <exception cref="HubException">404: something wanted is not there.</exception>
    public async Task<Fetch> OpenAsync(Repo repo, FetchRequest request, CancellationToken cancellationToken)
    {
        var all = await refs.ListAsync(repo.Id, cancellationToken);
        var (named, commits) = await reachability.TipsAsync(repo.Id, all, cancellationToken);
        var graph = await graphs.OfAsync(repo.Id, commits, cancellationToken);
        var reachable = graph.Reachable(commits);
        var others = request.Wants.Where(w => !named.Contains(w) && !reachable.Contains(w)).ToHashSet();
        if (others.Count > 0)
            others.ExceptWith(await reachability.OfAsync(repo.Id, others, cancellationToken));
        if (others.Count > 0)
            throw HubException.NotFound($"upload-pack: not our ref {others.First()}");
        var wanted = new List<GitId>();
        foreach (var want in request.Wants)
        {
            var id = want;
            while (!reachable.Contains(id) && await objects.FindAsync(repo.Id, id, cancellationToken) is { Kind: GitKind.Tag } tag)
                id = GitTag.TargetOf(tag.Content);
            if (reachable.Contains(id))
                wanted.Add(id);
        }
        var fetch = new Fetch(repo, request, graph, all, reachable, wanted);
        fetch.Common.UnionWith(request.Haves.Where(reachable.Contains));
        return fetch;
    }

    /// <summary>Where history ends for the client.</summary>
    /// <exception cref="HubException">400: it asks for nothing that is there.</exception>
    public async Task<ShallowBoundary> BoundaryAsync(Fetch fetch, CancellationToken cancellationToken)
    {
        var request = fetch.Request;
        var without = new List<GitId>();
        foreach (var name in request.DeepenNot)
        {
            string[] names = [name, GitRef.Heads + name, GitRef.Tags + name];
            if (fetch.Refs.FirstOrDefault(r => names.Contains(r.Name)) is not { Name: not null } one)
                throw HubException.BadRequest($"deepen-not is not a ref: {name}");
            without.Add(await reachability.PeeledAsync(fetch.Repo.Id, one, cancellationToken) ?? one.Id);
        }
        if (request.Deepens && request.Depth is null && fetch.Wanted.Count > 0)
        {
            var left = fetch.Graph.Closure(without);
            if (!fetch.Wanted.Any(w => !left.Contains(w) && (request.DeepenSince is not { } since || fetch.Graph[w].UnixSeconds >= since)))
                throw HubException.BadRequest("no commits selected for shallow requests");
        }
        return ShallowBoundary.Of(request, fetch.Graph, fetch.Wanted, without);
    }
}
