namespace Banyan.Server.Git.Transport;

/// <summary>Where history ends for a client that does not want all of it.</summary>
/// <param name="Ends">Commits whose parents it is not given.</param>
/// <param name="New">Those of them that it does not know of yet.</param>
/// <param name="Gone">Those that were ends, and are none any more.</param>
sealed record ShallowBoundary(IReadOnlySet<GitId> Ends, IReadOnlyList<GitId> New, IReadOnlyList<GitId> Gone)
{
    /// <summary>The ends as a request asks for them; as the client has them where it asks for nothing.</summary>
    /// <param name="request">The request.</param>
    /// <param name="graph">The repository's commits.</param>
    /// <param name="wants">The commits that are wanted.</param>
    /// <param name="without">Commits whose history is left out.</param>
    public static ShallowBoundary Of(FetchRequest request, CommitGraph graph, IReadOnlyList<GitId> wants, IReadOnlyList<GitId> without)
    {
        if (!request.Deepens)
            return new(request.Shallow, [], []);
        var given = request.Depth is { } depth
            ? WithinDepth(graph, request.DeepenRelative ? request.Shallow : wants, request.DeepenRelative ? depth + 1 : depth)
            : Wanted(graph, wants, request.DeepenSince, graph.Closure(without));
        if (request.DeepenRelative)
            given.UnionWith(graph.Closure(wants, id => request.Shallow.Contains(id) ? [] : graph[id].Parents));
        var ends = given.Where(id => graph[id].Parents.Any(p => !given.Contains(p))).ToHashSet();
        return new(ends, [.. ends.Where(e => !request.Shallow.Contains(e))], [.. request.Shallow.Where(s => given.Contains(s) && !ends.Contains(s))]);
    }

    static HashSet<GitId> WithinDepth(CommitGraph graph, IEnumerable<GitId> from, int depth)
    {
        var given = new HashSet<GitId>();
        var level = from.Where(id => graph.TryGet(id, out _) && given.Add(id)).ToList();
        for (var d = 1; d < depth && level.Count > 0; d++)
            level = [.. level.SelectMany(id => graph[id].Parents).Where(p => graph.TryGet(p, out _) && given.Add(p))];
        return given;
    }

    static HashSet<GitId> Wanted(CommitGraph graph, IReadOnlyList<GitId> wants, long? since, HashSet<GitId> without)
    {
        bool IsGiven(GitId id) => !without.Contains(id) && (since is not { } time || graph[id].UnixSeconds >= time);
        return graph.Closure(wants.Where(w => graph.TryGet(w, out _) && IsGiven(w)), id => [.. graph[id].Parents.Where(p => graph.TryGet(p, out _) && IsGiven(p))]);
    }
}
