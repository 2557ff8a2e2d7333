using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Banyan.Server.Access;

namespace Banyan.Server.Git.Transport;

/// <summary>The kinds of packets in git's wire format (gitprotocol-common: pkt-line).</summary>
enum PacketKind { Data, Flush, Delimiter, ResponseEnd, End }

/// <summary>A packet: its kind and, for data, its bytes without the line break at their end.</summary>
readonly record struct Packet(PacketKind Kind, string Text)
{
    public bool IsData => Kind == PacketKind.Data;
}

/// <summary>Reads packets from a request's body; one is in memory at a time.</summary>
sealed class PacketReader(PipeReader body, int maxPackets)
{
    // Latin-1 keeps every byte: names of refs are compared as bytes, and turned into text where they are checked.
    static readonly Encoding s_bytes = Encoding.Latin1;

    const int HeaderBytes = 4, MaxBytes = 65520;

    int _packets;

    /// <summary>The next packet; <see cref="PacketKind.End"/> where the body ends.</summary>
    /// <exception cref="HubException">400: the body is not made of packets, or of too many.</exception>
    public async ValueTask<Packet> ReadAsync(CancellationToken cancellationToken)
    {
        if (++_packets > maxPackets)
            throw HubException.BadRequest($"The request has more than {maxPackets} lines.");
        var read = await body.ReadAtLeastAsync(HeaderBytes, cancellationToken);
        if (read.Buffer.Length < HeaderBytes)
        {
            var isEmpty = read.Buffer.IsEmpty;
            body.AdvanceTo(read.Buffer.End);
            return isEmpty ? new(PacketKind.End, "") : throw Damaged();
        }
        var length = LengthOf(read.Buffer.Slice(0, HeaderBytes));
        if (length < HeaderBytes)
        {
            body.AdvanceTo(read.Buffer.GetPosition(HeaderBytes));
            return length switch
            {
                0 => new(PacketKind.Flush, ""),
                1 => new(PacketKind.Delimiter, ""),
                2 => new(PacketKind.ResponseEnd, ""),
                _ => throw Damaged(),
            };
        }
        body.AdvanceTo(read.Buffer.Start, read.Buffer.GetPosition(HeaderBytes));
        read = await body.ReadAtLeastAsync(length, cancellationToken);
        if (read.Buffer.Length < length)
        {
            body.AdvanceTo(read.Buffer.End);
            throw Damaged();
        }
        var data = s_bytes.GetString(read.Buffer.Slice(HeaderBytes, length - HeaderBytes));
        body.AdvanceTo(read.Buffer.GetPosition(length));
        return new(PacketKind.Data, data.EndsWith('\n') ? data[..^1] : data);
    }

    /// <summary>The text whose UTF-8 bytes a packet holds; null if they are none.</summary>
    public static string? Utf8(string packet)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(s_bytes.GetBytes(packet));
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    static int LengthOf(ReadOnlySequence<byte> header)
    {
        Span<byte> digits = stackalloc byte[HeaderBytes];
        header.CopyTo(digits);
        return int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var length) && length <= MaxBytes
            ? length : throw Damaged();
    }

    static HubException Damaged() => HubException.BadRequest("The request is not in git's packet format, or ends too early.");
}
