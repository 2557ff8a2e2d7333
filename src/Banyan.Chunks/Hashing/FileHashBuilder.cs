namespace Banyan.Chunks;

/// <summary>
/// Computes <see cref="MerkleTree.FileHash"/> while the chunks arrive: memory is nine nodes per level of the tree, however long the file
/// is.
/// </summary>
public sealed class FileHashBuilder
{
    sealed class Level
    {
        public readonly Chunk[] Nodes = new Chunk[MerkleTree.MaxGroup];
        public int Count;
        public bool HasParents;
    }

    readonly List<Level> _levels = [];

    /// <summary>Adds the file's next chunk.</summary>
    public void Add(Chunk chunk) => Add(0, chunk);

    void Add(int depth, Chunk node)
    {
        if (depth == _levels.Count)
            _levels.Add(new Level());
        var level = _levels[depth];
        level.Nodes[level.Count++] = node;
        if (MerkleTree.EndsGroup(level.Count, node))
            Close(depth);
    }

    void Close(int depth)
    {
        var level = _levels[depth];
        var parent = MerkleTree.Parent(level.Nodes.AsSpan(0, level.Count));
        (level.Count, level.HasParents) = (0, true);
        Add(depth + 1, parent);
    }

    /// <summary>The file's hash; zero for no chunks. The builder cannot be used afterwards.</summary>
    public XetHash Finish()
    {
        for (var depth = 0; depth < _levels.Count; depth++)
        {
            var level = _levels[depth];
            // A single node with nothing before it at its level is the root; any other remainder is a group of its own.
            if (level is { Count: 1, HasParents: false })
                return level.Nodes[0].Hash.Keyed(XetKeys.File);
            if (level.Count > 0)
                Close(depth);
        }
        return XetHash.Zero;
    }
}
