using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Server.Storage.Objects.Packing;

/// <summary>The bytes of an object that lies packed, or a range of them. Read on the caller's thread, as local files are.</summary>
sealed class PackedStream : ReadStream
{
    readonly SafeFileHandle _file;
    readonly long _end, _table;
    readonly byte[] _group = ArrayPool<byte>.Shared.Rent(PackedLayout.MaxStoredGroup);
    readonly byte[] _tile = ArrayPool<byte>.Shared.Rent(Bf16Tile.Length);
    readonly long _length;
    long _at, _loaded = -1;              // the group that lies in _group
    int _stored, _next, _nextTile;       // its bytes, where its next tile begins, which that is
    long _tileStart = -1;                // where the tile in _tile begins in the object
    readonly InvalidDataException? _damage;
    bool _closed;

    /// <summary>An object from <paramref name="offset"/> on; what is wrong with it is said when it is read.</summary>
    public PackedStream(SafeFileHandle file, long offset, long? length)
    {
        _file = file;
        try
        {
            _length = PackedLayout.Length(file);
        }
        catch (InvalidDataException e)
        {
            _damage = e;
            return;
        }
        _table = RandomAccess.GetLength(file) - PackedLayout.TailBytes - PackedLayout.Groups(_length) * sizeof(long);
        _at = Math.Min(offset, _length);
        _end = _at + Math.Min(length ?? long.MaxValue, _length - _at);
    }

    public override int Read(Span<byte> buffer)
    {
        if (_damage is not null)
            throw new InvalidDataException(_damage.Message, _damage);
        var done = 0;
        while (done < buffer.Length && _at < _end)
        {
            var start = _at / Bf16Tile.Length * Bf16Tile.Length;
            var length = (int)Math.Min(Bf16Tile.Length, _length - start);
            var wanted = (int)Math.Min(Math.Min(start + length, _end) - _at, buffer.Length - done);
            if (wanted == length && start != _tileStart)
            {
                Unpack(start, buffer.Slice(done, length));
            }
            else
            {
                if (start != _tileStart)
                {
                    Unpack(start, _tile.AsSpan(0, length));
                    _tileStart = start;
                }
                _tile.AsSpan((int)(_at - start), wanted).CopyTo(buffer[done..]);
            }
            done += wanted;
            _at += wanted;
        }
        return done;
    }

    void Unpack(long start, Span<byte> tile)
    {
        var group = start / PackedLayout.GroupBytes;
        if (group != _loaded)
            Load(group);
        var number = (int)(start % PackedLayout.GroupBytes / Bf16Tile.Length);
        if (number < _nextTile)
            (_next, _nextTile) = (0, 0);
        while (true)
        {
            var length = (int)Math.Min(Bf16Tile.Length, _length - group * PackedLayout.GroupBytes - (long)_nextTile * Bf16Tile.Length);
            var stored = _group.AsSpan(_next, _stored - _next);
            stored = stored[..Bf16Tile.StoredLength(stored, length)];
            _next += stored.Length;
            if (_nextTile++ == number)
            {
                Bf16Tile.Unpack(stored, tile);
                return;
            }
        }
    }

    void Load(long group)
    {
        Span<byte> ends = stackalloc byte[2 * sizeof(long)];
        ends[..8].Clear();
        var entry = group == 0 ? ends[8..] : ends;
        if (RandomAccess.Read(_file, entry, _table + (group == 0 ? 0 : group - 1) * sizeof(long)) < entry.Length)
            throw Damaged();
        var (start, end) = (BinaryPrimitives.ReadInt64LittleEndian(ends), BinaryPrimitives.ReadInt64LittleEndian(ends[8..]));
        if (start < 0 || end <= start || end - start > PackedLayout.MaxStoredGroup || end > _table)
            throw Damaged();
        (_stored, _next, _nextTile, _loaded) = ((int)(end - start), 0, 0, group);
        for (var read = 0; read < _stored;)
            read += RandomAccess.Read(_file, _group.AsSpan(read, _stored - read), start + read) is var count and > 0
                ? count : throw Damaged();
    }

    static InvalidDataException Damaged() => new("A packed object is damaged: run banyan fsck.");

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_closed)
        {
            _closed = true;
            _file.Dispose();
            ArrayPool<byte>.Shared.Return(_group);
            ArrayPool<byte>.Shared.Return(_tile);
        }
        base.Dispose(disposing);
    }
}
