namespace Banyan.Cli.Tests.Faults;

/// <summary>A start, then the same bytes over and over.</summary>
sealed class RepeatingStream(byte[] start, byte[] again, long length) : Stream
{
    long _at;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => _at; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        var take = (int)Math.Min(buffer.Length, start.Length + length - _at);
        for (var i = 0; i < take; i++, _at++)
            buffer[i] = _at < start.Length ? start[_at] : again[(_at - start.Length) % again.Length];
        return take;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
