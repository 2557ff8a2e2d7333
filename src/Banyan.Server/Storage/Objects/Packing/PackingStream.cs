using System.Buffers;

namespace Banyan.Server.Storage.Objects.Packing;

/// <summary>
/// Writes an object to a new file, packed where that is asked for and its first megabyte says that it pays: which is known at the end.
/// </summary>
sealed class PackingStream(DirectFile file, bool packs) : Stream
{
    enum Way { Open, Plain, Packed }

    readonly List<long> _ends = [];
    Way _way = packs ? Way.Open : Way.Plain;
    byte[]? _group, _stored;
    int _filled, _shift;
    long _length;

    /// <summary>Whether the file is in <see cref="PackedLayout"/>.</summary>
    public bool IsPacked => _way == Way.Packed;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _length += buffer.Length;
        if (_way == Way.Open)
        {
            var room = (int)Math.Min(buffer.Length, DirectFile.BufferBytes - file.Length);
            file.Append(buffer[..room]);
            buffer = buffer[room..];
            if (!file.IsFull)
                return;
            Decide();
        }
        if (_way == Way.Plain)
            file.Append(buffer);
        else
            Gather(buffer);
    }

    void Decide()
    {
        var start = file.Gathered;
        if (!PackedLayout.Pays(start))
        {
            _way = Way.Plain;
            return;
        }
        _way = Way.Packed;
        _group = ArrayPool<byte>.Shared.Rent(PackedLayout.GroupBytes);
        _stored = ArrayPool<byte>.Shared.Rent(PackedLayout.MaxStoredGroup);
        var gathered = ArrayPool<byte>.Shared.Rent(start.Length);
        start.CopyTo(gathered);
        var length = start.Length;
        file.Reset();
        Gather(gathered.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(gathered);
    }

    void Gather(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_filled == 0 && bytes.Length >= PackedLayout.GroupBytes)
            {
                Pack(bytes[..PackedLayout.GroupBytes]);
                bytes = bytes[PackedLayout.GroupBytes..];
                continue;
            }
            var count = Math.Min(bytes.Length, PackedLayout.GroupBytes - _filled);
            bytes[..count].CopyTo(_group.AsSpan(_filled));
            bytes = bytes[count..];
            if ((_filled += count) == PackedLayout.GroupBytes)
            {
                _filled = 0;
                Pack(_group.AsSpan(0, PackedLayout.GroupBytes));
            }
        }
    }

    void Pack(ReadOnlySpan<byte> group)
    {
        file.Append(_stored.AsSpan(0, PackedLayout.Pack(group, _stored, ref _shift)));
        _ends.Add(file.Length);
    }

    /// <summary>Writes the end; nothing may be written afterwards.</summary>
    /// <param name="flush">Whether to wait until the disk has everything.</param>
    public void Finish(bool flush)
    {
        if (_way == Way.Open)
            Decide();
        if (_way == Way.Packed)
        {
            if (_filled > 0)
                Pack(_group.AsSpan(0, _filled));
            file.Append(PackedLayout.End(_ends, _length));
        }
        file.Finish(flush);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Written on this thread: the disk is waited for once a megabyte, and that is when the next is not needed yet.</summary>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    protected override void Dispose(bool disposing)
    {
        if (_group is { } group && _stored is { } stored)
        {
            ArrayPool<byte>.Shared.Return(group);
            ArrayPool<byte>.Shared.Return(stored);
            (_group, _stored) = (null, null);
        }
        if (disposing)
            file.Dispose();
        base.Dispose(disposing);
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => _length;
    public override long Position { get => _length; set => throw new NotSupportedException(); }
    public override void Flush() { }
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
