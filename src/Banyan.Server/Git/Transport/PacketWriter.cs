using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Text;

namespace Banyan.Server.Git.Transport;

/// <summary>Writes packets of git's wire format to an answer.</summary>
sealed class PacketWriter(PipeWriter body)
{
    /// <summary>The most that a sideband packet carries beside its length and its channel.</summary>
    public const int MaxSideband = 65515;

    const int HeaderBytes = 4, FlushAfter = 1 << 18;

    long _unflushed;

    /// <summary>A line; the line break is added.</summary>
    public void Line(string text) => Write(0, Encoding.UTF8.GetBytes(text + "\n"));

    /// <summary>0000.</summary>
    public void Flush() => Raw("0000"u8);

    /// <summary>0001.</summary>
    public void Delimiter() => Raw("0001"u8);

    /// <summary>Bytes on a channel of the sideband: 1 data, 2 progress, 3 the error that ends everything; 0 for none.</summary>
    public void Write(byte channel, ReadOnlySpan<byte> bytes)
    {
        var extra = channel == 0 ? 0 : 1;
        var length = HeaderBytes + extra + bytes.Length;
        var to = body.GetSpan(length);
        _ = Utf8Formatter.TryFormat(length, to, out _, new StandardFormat('x', HeaderBytes));
        if (extra == 1)
            to[HeaderBytes] = channel;
        bytes.CopyTo(to[(HeaderBytes + extra)..]);
        body.Advance(length);
        _unflushed += length;
    }

    /// <summary>A message for the person at the other end, on the sideband.</summary>
    public void Progress(string text) => Write(2, Encoding.UTF8.GetBytes(text + "\n"));

    /// <summary>Sends what was written where it has become much: the answer's memory stays flat.</summary>
    public ValueTask<FlushResult> SendIfMuchAsync(CancellationToken cancellationToken) =>
        _unflushed < FlushAfter ? ValueTask.FromResult(default(FlushResult)) : SendAsync(cancellationToken);

    /// <summary>Sends what was written.</summary>
    public ValueTask<FlushResult> SendAsync(CancellationToken cancellationToken)
    {
        _unflushed = 0;
        return body.FlushAsync(cancellationToken);
    }

    void Raw(ReadOnlySpan<byte> bytes)
    {
        body.Write(bytes);
        _unflushed += bytes.Length;
    }
}
