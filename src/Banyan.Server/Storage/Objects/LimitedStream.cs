namespace Banyan.Server.Storage.Objects;

/// <summary>The next so many bytes of a stream, which it owns.</summary>
sealed class LimitedStream(Stream inner, long length) : ReadStream
{
    long _left = length;

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var read = inner.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        _left -= read;
        return read;
    }

    /// <summary>
    /// A local file is read on this thread: another would wait for the disk just as well, and changing over costs more than a read from the
    /// cache.
    /// </summary>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        inner is FileStream ? new(Read(buffer.Span)) : ReadElsewhereAsync(buffer, cancellationToken);

    async ValueTask<int> ReadElsewhereAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
