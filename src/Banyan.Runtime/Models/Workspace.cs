using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models;

/// <summary>The memory in which a pass computes. A block takes what it needs and releases it when its frame ends, so that the next block
/// uses the same memory, which is still in the caches. It grows in the first passes, and allocates nothing after that.</summary>
/// <param name="rows">The maximum rows of a pass.</param>
internal sealed unsafe class Workspace(int rows) : IDisposable
{
    const long LeastChunk = 1 << 16;

    readonly List<AlignedBuffer> _chunks = [];
    readonly List<Activations> _activations = [];
    readonly List<int> _depths = []; // of the frame that has taken each; 0: nobody
    readonly Dictionary<object, IDisposable> _tools = [];
    int _chunk, _depth;
    long _used;

    /// <summary>The maximum rows of a pass.</summary>
    public int MaxRows { get; } = rows;

    /// <summary>What is taken from here on is given back when the frame is disposed. Frames nest.</summary>
    public Frame Begin()
    {
        _depth++;
        return new(this, _chunk, _used);
    }

    /// <summary>Floats of any content on a 64-byte boundary.</summary>
    public float* Floats(long count)
    {
        var bytes = (count * sizeof(float) + 63) & ~63L;
        while (_chunk < _chunks.Count && _chunks[_chunk].Length - _used < bytes)
            (_chunk, _used) = (_chunk + 1, 0);
        if (_chunk == _chunks.Count)
            _chunks.Add(new AlignedBuffer(Math.Max(bytes, Math.Max(LeastChunk, _chunks.Sum(c => c.Length))), zeroed: false));
        var floats = (float*)(_chunks[_chunk].Pointer + _used);
        _used += bytes;
        return floats;
    }

    /// <summary>Activations of the given number of columns, for all rows; their content is undefined.</summary>
    public Activations Activations(int columns, int terms = 1)
    {
        var i = 0;
        while (i < _activations.Count && (_depths[i] > 0 || _activations[i].Columns != columns || _activations[i].Terms != terms))
            i++;
        if (i == _activations.Count)
        {
            _activations.Add(new Activations(MaxRows, columns, terms));
            _depths.Add(0);
        }
        _depths[i] = _depth;
        _activations[i].HasBlocks = false;
        return _activations[i];
    }

    /// <summary>What an operation keeps from pass to pass beside these, made once for all blocks that ask with an equal key.</summary>
    public T Tool<TKey, T>(TKey key, Pass pass, Func<TKey, Pass, T> make) where TKey : class where T : class, IDisposable
    {
        if (_tools.TryGetValue(key, out var tool))
            return (T)tool;
        var made = make(key, pass);
        _tools.Add(key, made);
        return made;
    }

    void End(int chunk, long used)
    {
        for (var i = 0; i < _depths.Count; i++)
            if (_depths[i] == _depth)
                _depths[i] = 0;
        (_chunk, _used) = (chunk, used);
        if (--_depth > 0 || _chunks.Count < 2)
            return;
        // Nothing is taken any more: several pieces become one.
        var bytes = _chunks.Sum(c => c.Length);
        _chunks.ForEach(c => c.Dispose());
        _chunks.Clear();
        _chunks.Add(new AlignedBuffer(bytes, zeroed: false));
    }

    public void Dispose()
    {
        _chunks.ForEach(c => c.Dispose());
        _activations.ForEach(a => a.Dispose());
        foreach (var tool in _tools.Values)
            tool.Dispose();
    }

    /// <summary>A stretch of a pass, such as a block.</summary>
    public readonly struct Frame : IDisposable
    {
        readonly Workspace _workspace;
        readonly int _chunk;
        readonly long _used;

        internal Frame(Workspace workspace, int chunk, long used) => (_workspace, _chunk, _used) = (workspace, chunk, used);

        public void Dispose() => _workspace.End(_chunk, _used);
    }
}
