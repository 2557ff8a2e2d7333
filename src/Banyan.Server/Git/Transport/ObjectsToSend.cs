namespace Banyan.Server.Git.Transport;

/// <summary>
/// Which objects a client needs that has some commits and wants others.
/// <code>
/// 1  commits: what the wants lead to, without what the haves lead to, up to where history ends
/// 2  of each commit the folders and files that differ from a parent's which the client has, or gets; all where there is none
/// 3  a tag's own object with what it names
/// </code>
/// An object that the client has elsewhere in its history may be sent again; nothing it needs is left out, except by its own filter.
/// </summary>
sealed class ObjectsToSend(GitObjects objects, long repo, ObjectFilter filter, CancellationToken cancellationToken)
{
    readonly Dictionary<GitId, int> _sent = [];
    readonly Dictionary<GitId, int> _folders = [];
    readonly List<GitId> _order = [];
    readonly List<int> _bases = [];

    /// <summary>Their ids, commits first, in the order in which they are best sent.</summary>
    public IReadOnlyList<GitId> Ids => _order;

    /// <summary>
    /// The place in <see cref="Ids"/> of what stood where the object stands, in the commit before; null where that is not sent, or nothing
    /// did.
    /// </summary>
    public int? BaseOf(int number) => _bases[number] is >= 0 and var other ? other : null;

    /// <summary>Blobs that only their length decides about.</summary>
    readonly List<GitId> _blobs = [];

    /// <param name="graph">The repository's commits.</param>
    /// <param name="wants">Commits, or tags with what they name; a folder or file that is wanted by itself is sent whatever the filter
    /// says.</param> <param name="haves">Commits that the client has.</param>
    /// <param name="had">Where the client's history ends.</param>
    /// <param name="ends">Where its history ends after this.</param>
    public async Task CollectAsync(CommitGraph graph, IReadOnlyList<GitId> wants, IReadOnlyCollection<GitId> haves, IReadOnlySet<GitId> had,
        IReadOnlySet<GitId> ends)
    {
        // :: Step 1
        // Where nobody's history ends early, only what differs is gone through.
        var isWhole = had.Count == 0 && ends.Count == 0;
        var others = new List<GitId>();
        var commits = new List<GitId>();
        foreach (var want in wants)
            await TargetAsync(want, graph, commits, others);
        var there = isWhole ? null : graph.Closure(haves, n => had.Contains(n.Id));
        var wanted = isWhole ? graph.Difference(commits, haves) : graph.Closure(commits, n => ends.Contains(n.Id));
        if (there is not null)
            wanted.ExceptWith(there);
        foreach (var id in wanted.Ids())
            Add(id);

        // :: Step 3
        foreach (var other in others)
            await OtherAsync(other);

        // :: Step 2
        foreach (var number in wanted.Ascending())
        {
            var node = graph[number];
            var bases = ends.Contains(node.Id) ? []
                : node.Parents.Where(p => there is null || wanted.Contains(p) || there.Contains(p)).Select(p => graph[p].Tree).ToArray();
            await FolderAsync(node.Tree, bases, 0);
        }
        await AddShortBlobsAsync();
    }

    /// <summary>Tags of what is sent anyway.</summary>
    /// <param name="tags">Objects that refs name.</param>
    /// <param name="isSent">Whether a commit goes to the client by another way.</param>
    public async Task IncludeTagsAsync(IEnumerable<GitId> tags, Func<GitId, bool> isSent)
    {
        foreach (var tag in tags)
            if (!_sent.ContainsKey(tag) && await objects.FindAsync(repo, tag, cancellationToken) is { Kind: GitKind.Tag } found
                && GitTag.TargetOf(found.Content) is var target
                && (_sent.ContainsKey(target) || isSent(target)))
                Add(tag);
    }

    /// <summary>What a want comes to: a commit, with the tags on the way to it; or something else.</summary>
    async Task TargetAsync(GitId id, CommitGraph graph, List<GitId> commits, List<GitId> others)
    {
        while (!graph.Contains(id))
        {
            if (await objects.FindAsync(repo, id, cancellationToken) is not { Kind: GitKind.Tag } tag)
            {
                others.Add(id);
                return;
            }
            Add(id);
            id = GitTag.TargetOf(tag.Content);
        }
        commits.Add(id);
    }

    async Task OtherAsync(GitId id)
    {
        var found = await objects.FindAsync(repo, id, cancellationToken);
        Add(id);
        if (found?.Kind == GitKind.Tree)
            foreach (var entry in GitTree.Read(found.Content))
                await EntryAsync(entry, [], 1);
    }

    void Add(GitId id, GitId[]? bases = null)
    {
        if (!_sent.TryAdd(id, _order.Count))
            return;
        _order.Add(id);
        _bases.Add(bases is [var first, ..] && _sent.TryGetValue(first, out var number) ? number : -1);
    }

    /// <summary>What is new in a folder beside those that the client has in its place.</summary>
    async Task FolderAsync(GitId id, GitId[] bases, int depth)
    {
        if (Array.IndexOf(bases, id) >= 0 || filter.MaxDepth <= depth || (_folders.TryGetValue(id, out var before) && before <= depth))
            return;
        // Seen deeper before, where a filter may have cut it.
        if (filter.MaxDepth is null && _sent.ContainsKey(id))
            return;
        _folders[id] = depth;
        Add(id, bases);
        var entries = GitTree.Read(await objects.GetAsync(repo, id, GitKind.Tree, cancellationToken));
        var others = new List<Dictionary<string, GitTreeEntry>>(bases.Length);
        foreach (var other in bases)
            others.Add(GitTree.Read(await objects.GetAsync(repo, other, GitKind.Tree, cancellationToken))
                .ToDictionary(e => e.Name, StringComparer.Ordinal));
        foreach (var entry in entries)
            await EntryAsync(entry,
                [.. others.Where(o => o.ContainsKey(entry.Name)).Select(o => o[entry.Name]).Where(e => e.IsFolder == entry.IsFolder)
                    .Select(e => e.Id)], depth + 1);
    }

    async Task EntryAsync(GitTreeEntry entry, GitId[] bases, int depth)
    {
        if (entry.Mode == GitTreeEntry.Module || Array.IndexOf(bases, entry.Id) >= 0)
            return;
        if (entry.IsFolder)
            await FolderAsync(entry.Id, bases, depth);
        else if (filter.MaxBlob is null && !(filter.MaxDepth <= depth))
            Add(entry.Id, bases);
        else if (filter.MaxBlob >= 0)
            _blobs.Add(entry.Id);
    }

    async Task AddShortBlobsAsync()
    {
        var facts = await objects.FactsAsync(repo, _blobs, cancellationToken);
        foreach (var blob in _blobs)
            if (facts.TryGetValue(blob, out var fact) && fact.Size <= filter.MaxBlob)
                Add(blob);
    }
}
