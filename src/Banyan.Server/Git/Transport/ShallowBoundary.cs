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
            given.UnionWith(graph.Closure(wants, n => request.Shallow.Contains(n.Id)));
        var ends = given.Descending().Where(n => graph[n].Parents.Any(p => !given.Contains(p))).Select(n => graph[n].Id).ToHashSet();
        return new(ends, [.. ends.Where(e => !request.Shallow.Contains(e))],
            [.. request.Shallow.Where(s => given.Contains(s) && !ends.Contains(s))]);
    }

    /// <summary>The finish reasons as clients see them.</summary>
    public void Write(PacketWriter writer)
    {
        foreach (var end in New)
            writer.Line($"shallow {end}");
        foreach (var gone in Gone)
            writer.Line($"unshallow {gone}");
    }

    static CommitSet WithinDepth(CommitGraph graph, IEnumerable<GitId> from, int depth)
    {
        var given = new CommitSet(graph);
        var level = from.Where(graph.Contains).Select(id => graph.TryGet(id, out var number) ? number : 0).Where(given.Add).ToList();
        for (var d = 1; d < depth && level.Count > 0; d++)
            level = [.. level.SelectMany(n => graph[n].Parents).Where(given.Add)];
        return given;
    }

    static CommitSet Wanted(CommitGraph graph, IReadOnlyList<GitId> wants, long? since, CommitSet without) =>
        graph.Closure(wants, isIn: n => !without.Contains(n.Id) && (since is not { } time || n.UnixSeconds >= time));
}
