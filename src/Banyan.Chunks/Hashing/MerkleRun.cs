namespace Banyan.Chunks;

/// <summary>
/// A run of a file's chunks, combined as far as the tree over the whole file allows without knowing the chunks around it. A level keeps
/// the nodes at its ends that may still belong to groups with neighbours; those in between have become parents, one level up. A run of
/// any length therefore takes a few dozen nodes, and adjacent runs can be joined until they give the file's hash:
/// <code>
/// level 2           [    parents    ]
/// level 1      [left]               [right]
/// level 0  [left]                        [right]
/// </code>
/// The start of a group is certain after the second of three consecutive cuts that are 3 to 7 nodes apart: wherever the previous group
/// began, it ends there. The Xet protocol calls it a Merkle hash subtree (xet-core, file-chunk-hashes).
/// </summary>
public sealed class MerkleRun
{
    const int MinGap = 3, MaxGap = MerkleTree.MaxGroup - 2;

    readonly List<List<Chunk>> _left, _right;

    MerkleRun(List<List<Chunk>> left, List<List<Chunk>> right, bool atStart, bool atEnd) =>
        (_left, _right, AtStart, AtEnd) = (left, right, atStart, atEnd);

    /// <summary>Whether it begins with the file's first chunk.</summary>
    public bool AtStart { get; }

    /// <summary>Whether it ends with the file's last chunk.</summary>
    public bool AtEnd { get; }

    /// <summary>Whether the run has no chunks.</summary>
    public bool IsEmpty => _left.TrueForAll(l => l.Count == 0) && _right.TrueForAll(r => r.Count == 0);

    /// <summary>The number of nodes each level has at its left and at its right end.</summary>
    public IReadOnlyList<(int Left, int Right)> Levels => [.. _left.Zip(_right, (l, r) => (l.Count, r.Count))];

    /// <summary>The nodes: those at the left from the lowest level up, then those at the right from the highest level down.</summary>
    public IReadOnlyList<Chunk> Nodes => [.. _left.SelectMany(l => l), .. Enumerable.Reverse(_right).SelectMany(r => r)];

    /// <summary>A run of chunks.</summary>
    /// <param name="chunks">In the file's order.</param>
    /// <param name="atStart">Whether they begin with the file's first.</param>
    /// <param name="atEnd">Whether they end with the file's last.</param>
    public static MerkleRun Of(ReadOnlySpan<Chunk> chunks, bool atStart, bool atEnd)
    {
        var run = new MerkleRun([], [], atStart, atEnd);
        run.Raise([.. chunks]);
        return run;
    }

    /// <summary>Restores a run from the nodes and levels that another party computed.</summary>
    /// <param name="nodes"><see cref="Nodes"/>.</param>
    /// <param name="levels"><see cref="Levels"/>.</param>
    /// <param name="atStart">Whether it begins with the file's first chunk.</param>
    /// <param name="atEnd">Whether it ends with the file's last chunk.</param>
    /// <exception cref="ArgumentException">The levels do not add up to the nodes.</exception>
    public static MerkleRun From(IReadOnlyList<Chunk> nodes, IReadOnlyList<(int Left, int Right)> levels, bool atStart, bool atEnd)
    {
        if (levels.Any(l => l.Left < 0 || l.Right < 0) || levels.Sum(l => (long)l.Left + l.Right) != nodes.Count)
            throw new ArgumentException($"The levels have {levels.Sum(l => (long)l.Left + l.Right)} nodes, not {nodes.Count}.",
                nameof(levels));
        var (left, right) = (new List<List<Chunk>>(), new List<List<Chunk>>());
        var (from, to) = (0, nodes.Count);
        foreach (var (l, r) in levels)
        {
            left.Add([.. nodes.Skip(from).Take(l)]);
            right.Add([.. nodes.Skip(to - r).Take(r)]);
            (from, to) = (from + l, to - r);
        }
        return new MerkleRun(left, right, atStart, atEnd);
    }

    /// <summary>Joins two adjacent runs.</summary>
    /// <exception cref="ArgumentException">The first run is at the file's end, or the second at its start.</exception>
    public static MerkleRun Join(MerkleRun first, MerkleRun second)
    {
        if (first.AtEnd || second.AtStart)
            throw new ArgumentException("Only runs that touch inside of a file are joined.", nameof(second));
        var joined = new MerkleRun([], [], first.AtStart, second.AtEnd);
        List<Chunk> carried = [];
        for (var level = 0; level < Math.Max(first._left.Count, second._left.Count); level++)
        {
            // If a run continues at a higher level, its nodes at the two ends of this level are far apart, and begin and end at group
            // boundaries.
            var (leftGoesOn, rightGoesOn) = (level < first._left.Count - 1, level < second._left.Count - 1);
            List<Chunk> between =
            [
                .. leftGoesOn ? [] : At(first._left, level), .. At(first._right, level), .. carried, .. At(second._left, level),
                .. rightGoesOn ? [] : At(second._right, level),
            ];
            carried = joined.Level(between, leftGoesOn ? At(first._left, level) : null, rightGoesOn ? At(second._right, level) : null);
        }
        if (carried.Count > 0)
            joined.Raise(carried);
        return joined;
    }

    /// <summary>The file's hash if the run is the whole file; null otherwise.</summary>
    public XetHash? FileHash() => !AtStart || !AtEnd ? null : IsEmpty ? XetHash.Zero : Nodes is [var root]
        ? root.Hash.Keyed(XetKeys.File) : null;

    static List<Chunk> At(List<List<Chunk>> levels, int level) => level < levels.Count ? levels[level] : [];

    /// <summary>Adds levels until nothing more can be combined.</summary>
    void Raise(List<Chunk> nodes)
    {
        while (nodes.Count != 1 && (nodes.Count > 0 || _left.Count == 0))
            nodes = Level(nodes, null, null);
        if (nodes.Count == 1)
        {
            _left.Add(nodes);
            _right.Add([]);
        }
    }

    /// <summary>Adds a level.</summary>
    /// <param name="nodes">Its nodes, except those kept apart at the ends.</param>
    /// <param name="left">Nodes at its left end, after which the nodes begin with a group; null if none are kept apart.</param>
    /// <param name="right">Nodes at its right end, before which the nodes end with a group; null if none are kept apart.</param>
    /// <returns>The parents of the groups that are certain.</returns>
    List<Chunk> Level(List<Chunk> nodes, List<Chunk>? left, List<Chunk>? right)
    {
        var from = left is not null || (AtStart && _left.TrueForAll(l => l.Count == 0)) ? 0 : FirstCertain(nodes);
        var to = right is not null || (AtEnd && _right.TrueForAll(r => r.Count == 0)) ? nodes.Count : LastCertain(nodes, Math.Max(from, 0));
        // A node that is alone in its level is the root.
        if (from < 0 || to <= from || (nodes.Count == 1 && left is null && right is null))
            (from, to) = left is not null ? (0, 0) : (nodes.Count, nodes.Count);
        _left.Add([.. left ?? [], .. nodes[..from]]);
        _right.Add([.. nodes[to..], .. right ?? []]);
        var parents = new List<Chunk>();
        var rest = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(nodes)[from..to];
        while (rest.Length > 0)
        {
            var group = MerkleTree.GroupLength(rest);
            parents.Add(MerkleTree.Parent(rest[..group]));
            rest = rest[group..];
        }
        return parents;
    }

    static bool IsCut(Chunk node) => node.Hash.LastWord % 4 == 0;

    static bool IsGap(int gap) => gap is >= MinGap and <= MaxGap;

    /// <summary>The first position where a group begins whatever precedes it; -1 if none is certain.</summary>
    static int FirstCertain(List<Chunk> nodes)
    {
        int before = -1, last = -1;
        for (var i = 0; i < nodes.Count; i++)
        {
            if (!IsCut(nodes[i]))
                continue;
            if (before >= 0 && IsGap(i - last) && IsGap(last - before))
                return last + 1;
            (before, last) = (last, i);
        }
        return -1;
    }

    /// <summary>The last position where a group ends whatever follows it; -1 if none is certain.</summary>
    static int LastCertain(List<Chunk> nodes, int from)
    {
        int after = -1, next = -1;
        for (var i = nodes.Count - 1; i >= from; i--)
        {
            if (!IsCut(nodes[i]))
                continue;
            if (after >= 0 && IsGap(next - i) && IsGap(after - next))
                return next + 1;
            (after, next) = (next, i);
        }
        return -1;
    }
}
