namespace Banyan.Server.Git.Packs;

/// <summary>An object of a pack: whole, in the spool.</summary>
/// <param name="Number">How many of the pack's objects were there before it.</param>
readonly record struct PackedObject(GitId Id, GitKind Kind, long Offset, int Length, int Number);

/// <summary>
/// A pushed pack, unpacked into quarantine: nothing of it is visible until all of it has been checked.
/// <code>
/// 1  each entry is unpacked into a file; what is whole has its id then, a delta waits for its base
/// 2  deltas are applied when their base is there: a chain of deltas may have any length and takes no memory
/// 3  a base that is not in the pack is the repository's (a thin pack); a delta whose base is nowhere, or itself, is an error
/// </code>
/// </summary>
sealed class IncomingPack : IDisposable
{
    /// <summary>A delta that waits: where its bytes are.</summary>
    readonly record struct Waiting(long Offset, int Length, long EntryAt);

    /// <summary>Longer chains of deltas are not sent on: they would cost every clone too much.</summary>
    const int DeepestKept = 250;

    readonly ObjectSpool _spool;
    readonly PackLimits _limits;
    readonly List<PackedObject> _objects = [];
    readonly Dictionary<GitId, int> _byId = [];
    readonly Dictionary<long, int> _byEntry = [];
    readonly Dictionary<GitId, List<Waiting>> _waitingForId = [];
    readonly Dictionary<long, List<Waiting>> _waitingForEntry = [];
    readonly List<(long Entry, int Depth)> _entryOf = [];
    readonly Stack<int> _made = [];
    long _unpacked;
    (int Index, byte[] Content) _last = (-1, []);

    IncomingPack(string folder, PackLimits limits)
    {
        _limits = limits;
        _spool = new(folder);
    }

    /// <summary>The pack's own objects.</summary>
    public IReadOnlyList<PackedObject> Objects => _objects;

    /// <summary>
    /// Whether it may be sent to others as it is: it needs nothing from elsewhere to be unpacked, and not too many steps.
    /// </summary>
    public bool IsWhole { get; private set; } = true;

    /// <summary>Bytes of them together.</summary>
    public long Bytes => _objects.Sum(o => (long)o.Length);

    /// <summary>Whether the pack holds an object.</summary>
    public bool TryFind(GitId id, out PackedObject found)
    {
        var there = _byId.TryGetValue(id, out var index);
        found = there ? _objects[index] : default;
        return there;
    }

    /// <summary>What an object holds.</summary>
    public byte[] Read(PackedObject found) => Read(found.Offset, found.Length);

    /// <summary>Unpacks a pack.</summary>
    /// <param name="pack">Its bytes.</param>
    /// <param name="folder">Where the spool goes.</param>
    /// <param name="limits">What it may use up.</param>
    /// <param name="find">An object of the repository.</param>
    /// <exception cref="PackException">It is damaged or too large.</exception>
    public static async Task<IncomingPack> ReadAsync(Stream pack, string folder, PackLimits limits, Func<GitId, ValueTask<GitObject?>> find,
        CancellationToken cancellationToken)
    {
        var incoming = new IncomingPack(folder, limits);
        try
        {
            incoming.Unpack(pack, cancellationToken);
            await incoming.CompleteAsync(find);
            return incoming;
        }
        catch
        {
            incoming.Dispose();
            throw;
        }
    }

    public void Dispose() => _spool.Dispose();

    // :: Step 1
    void Unpack(Stream pack, CancellationToken cancellationToken)
    {
        using var cursor = new PackCursor(pack);
        var count = cursor.Header();
        if (count > _limits.Objects)
            throw new PackException($"it says that it has {count} objects; at most {_limits.Objects} are taken at a time");
        for (var n = 0u; n < count; n++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var at = cursor.Position;
            var (type, length) = cursor.EntryHeader();
            if (length > _limits.Object)
                throw new PackException(
                    $"it has an object of {length} bytes, and one has at most {_limits.Object}: large files go by git-lfs or Xet (git lfs migrate import moves them)");
            switch (type)
            {
                case PackFormat.OffsetDelta:
                    var distance = cursor.BaseDistance();
                    if (distance <= 0 || distance > at)
                        throw new PackException("a delta's base is not before it");
                    Delta(at, null, at - distance, cursor.Inflate((int)length));
                    break;
                case PackFormat.ReferenceDelta:
                    Delta(at, cursor.Id(), 0, cursor.Inflate((int)length));
                    break;
                default:
                    Add(at, PackFormat.KindOf(type) ?? throw new PackException($"it has an object of the unknown type {type}"),
                        cursor.Inflate((int)length));
                    break;
            }
            MakeWaiting();
        }
        cursor.Trailer();
    }

    void Delta(long at, GitId? baseId, long baseEntry, byte[] delta)
    {
        if (baseId is { } id ? _byId.TryGetValue(id, out var index) : _byEntry.TryGetValue(baseEntry, out index))
        {
            Add(at, _objects[index].Kind, PackDelta.Apply(Content(index), delta, _limits.Object), _entryOf[index].Depth + 1);
            return;
        }
        var waiting = new Waiting(Keep(delta), delta.Length, at);
        var list = baseId is { } wanted ? ListOf(_waitingForId, wanted) : ListOf(_waitingForEntry, baseEntry);
        list.Add(waiting);
    }

    static List<Waiting> ListOf<TKey>(Dictionary<TKey, List<Waiting>> waiting, TKey key) where TKey : notnull =>
        waiting.TryGetValue(key, out var list) ? list : waiting[key] = [];

    void Add(long at, GitKind kind, byte[] content, int depth = 0)
    {
        var id = GitId.Of(kind, content);
        var index = _objects.Count;
        if (!_byId.TryAdd(id, index))
            throw new PackException($"it has the object {id} twice");
        _byEntry[at] = index;
        _entryOf.Add((at, depth));
        IsWhole &= depth <= DeepestKept;
        _objects.Add(new PackedObject(id, kind, Keep(content), content.Length, index));
        _last = (index, content);
        if (_waitingForId.Count > 0 || _waitingForEntry.Count > 0)
            _made.Push(index);
    }

    // :: Step 2
    void MakeWaiting()
    {
        while (_made.TryPop(out var index))
        {
            if (_waitingForId.Remove(_objects[index].Id, out var byId))
                Make(index, byId);
            if (_waitingForEntry.Remove(_entryOf[index].Entry, out var byEntry))
                Make(index, byEntry);
        }
    }

    void Make(int index, List<Waiting> waiting)
    {
        var content = Content(index);
        foreach (var delta in waiting)
            Add(delta.EntryAt, _objects[index].Kind, PackDelta.Apply(content, Read(delta.Offset, delta.Length), _limits.Object),
                _entryOf[index].Depth + 1);
    }

    // :: Step 3
    async Task CompleteAsync(Func<GitId, ValueTask<GitObject?>> find)
    {
        while (_waitingForId.Count > 0)
        {
            var before = _objects.Count;
            foreach (var id in _waitingForId.Keys.ToArray())
            {
                if (await find(id) is not { } there || !_waitingForId.Remove(id, out var waiting))
                    continue;
                IsWhole = false;
                foreach (var delta in waiting)
                    Add(delta.EntryAt, there.Kind, PackDelta.Apply(there.Content, Read(delta.Offset, delta.Length), _limits.Object));
                MakeWaiting();
            }
            if (_objects.Count == before)
                throw new PackException($"the base {_waitingForId.Keys.First()} of a delta is neither in it nor in the repository");
        }
        if (_waitingForEntry.Count > 0)
            throw new PackException("the base of a delta is no object of it");
    }

    byte[] Content(int index)
    {
        if (_last.Index != index)
            _last = (index, Read(_objects[index]));
        return _last.Content;
    }

    long Keep(byte[] bytes)
    {
        if ((_unpacked += bytes.Length) > _limits.Unpacked)
            throw new PackException($"its objects have more than {_limits.Unpacked} bytes together: push in several steps");
        return _spool.Add(bytes);
    }

    byte[] Read(long offset, int length) => _spool.Read(offset, length);
}
