using Banyan.Chunks;

namespace Banyan.Server.Xet;

/// <summary>
/// Which parts of a file must be cut into chunks again where some of its bytes change, and what stands between them. Chunks are cut by
/// content: after a change the cuts are the old ones again after two chunks of middling size, since no cut can have hidden in them.
/// </summary>
/// <param name="dirty">First byte and byte after each changed range, in order, apart from each other.</param>
sealed class ChunkWindows(IReadOnlyList<(long Start, long End)> dirty)
{
    const uint MinChunk = 8 << 10, MaxChunk = 128 << 10;
    const int Batch = 4096;

    readonly List<(long Start, long End)> _windows = [];
    readonly List<MerkleRun> _between = [];
    readonly List<Chunk> _gap = [];
    MerkleRun? _run;
    int _next;
    bool _open;
    uint _before;
    long _at;

    /// <summary>First byte and byte after each part: chunks that change, and those needed to find the old cuts again.</summary>
    public IReadOnlyList<(long Start, long End)> Windows => _windows;

    /// <summary>Chunks of the file.</summary>
    public long Chunks { get; private set; }

    /// <summary>The file's next chunk.</summary>
    public void Add(XetHash hash, uint length)
    {
        var (start, end) = (_at, _at + length);
        (_at, Chunks) = (end, Chunks + 1);
        while (_next < dirty.Count && dirty[_next].End <= start)
            _next++;
        var changes = _next < dirty.Count && dirty[_next].Start < end;
        if (!_open && !changes)
        {
            _gap.Add(new Chunk(hash, length));
            if (_gap.Count == Batch)
                Fold(atEnd: false);
            return;
        }
        if (!_open)
        {
            Close(atEnd: false);
            _windows.Add((start, end));
            (_open, _before) = (true, 0);
            return;
        }
        _windows[^1] = (_windows[^1].Start, end);
        if (changes)
        {
            _before = 0;
            return;
        }
        _open = !(IsMiddling(_before) && IsMiddling(length));
        _before = length;
    }

    static bool IsMiddling(uint length) => length is >= 2 * MinChunk and < MaxChunk - MinChunk;

    /// <summary>The runs before, between and after the windows, one more than there are windows. Call it last.</summary>
    public IReadOnlyList<MerkleRun> Finish()
    {
        Close(atEnd: true);
        return _between;
    }

    void Close(bool atEnd)
    {
        Fold(atEnd);
        _between.Add(_run!);
        _run = null;
    }

    /// <summary>Puts chunks that do not change together: a gap of any length takes little memory.</summary>
    void Fold(bool atEnd)
    {
        var part = MerkleRun.Of(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_gap),
            atStart: _between.Count == 0 && _run is null, atEnd);
        _run = _run is null ? part : MerkleRun.Join(_run, part);
        _gap.Clear();
    }
}
