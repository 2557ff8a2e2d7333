using System.Buffers.Binary;
using System.IO.Hashing;
using K4os.Compression.LZ4;

namespace Banyan.Chunks;

/// <summary>
/// LZ4 frames (format 1.6) of at most one chunk. Blocks are coded by the LZ4 library; the frame around them is parsed here, so that the
/// decompressed size is bounded before a byte is written.
/// </summary>
static class Lz4Frame
{
    const uint Magic = 0x184D2204;
    const byte IndependentBlocks = 0x20, BlockChecksums = 0x10, ContentSize = 0x08, ContentChecksum =
        0x04, Dictionary = 0x01, Version1 = 0x40;
    const byte Blocks256K = 0x50;
    const uint StoredBlock = 0x8000_0000;
    const int Overhead = 7 + 4 + 4;

    static readonly byte s_headerChecksum = HeaderChecksum([Version1 | IndependentBlocks, Blocks256K]);

    /// <summary>Compresses into a frame of one block.</summary>
    /// <returns>The frame's length, or 0 if it does not fit into <paramref name="frame"/>.</returns>
    public static int Encode(ReadOnlySpan<byte> raw, Span<byte> frame)
    {
        if (frame.Length <= Overhead)
            return 0;
        var length = LZ4Codec.Encode(raw, frame[11..^4]);
        if (length <= 0)
            return 0;
        BinaryPrimitives.WriteUInt32LittleEndian(frame, Magic);
        (frame[4], frame[5], frame[6]) = (Version1 | IndependentBlocks, Blocks256K, s_headerChecksum);
        BinaryPrimitives.WriteInt32LittleEndian(frame[7..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[(11 + length)..], 0);
        return length + Overhead;
    }

    /// <summary>Decompresses a frame that must fill <paramref name="raw"/> exactly.</summary>
    /// <returns>Whether the frame is complete, valid and exactly that long.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> frame, Span<byte> raw)
    {
        if (frame.Length < 7 || BinaryPrimitives.ReadUInt32LittleEndian(frame) != Magic)
            return false;
        var flags = frame[4];
        if ((flags & 0xC0) != Version1 || (flags & (Dictionary | 0x02)) != 0)
            return false;
        var header = 6 + ((flags & ContentSize) != 0 ? 8 : 0);
        if (frame.Length < header + 1 || frame[header] != HeaderChecksum(frame[4..header]))
            return false;
        if ((flags & ContentSize) != 0 && BinaryPrimitives.ReadUInt64LittleEndian(frame[6..]) != (ulong)raw.Length)
            return false;

        frame = frame[(header + 1)..];
        var written = 0;
        while (true)
        {
            if (frame.Length < 4)
                return false;
            var size = BinaryPrimitives.ReadUInt32LittleEndian(frame);
            frame = frame[4..];
            if (size == 0)
                break;
            var length = (int)(size & ~StoredBlock);
            if (length > frame.Length)
                return false;
            if (!TryDecodeBlock(frame[..length], stored: (size & StoredBlock) != 0,
                independent: (flags & IndependentBlocks) != 0, raw, ref written))
                return false;
            frame = frame[length..];
            if ((flags & BlockChecksums) != 0)
            {
                if (frame.Length < 4)
                    return false;
                frame = frame[4..];   // the chunk's own hash is checked against its bytes; this one would say nothing more
            }
        }
        return written == raw.Length && frame.Length == ((flags & ContentChecksum) != 0 ? 4 : 0);
    }

    static bool TryDecodeBlock(ReadOnlySpan<byte> block, bool stored, bool independent, Span<byte> raw, ref int written)
    {
        var free = raw[written..];
        if (stored)
        {
            if (block.Length > free.Length)
                return false;
            block.CopyTo(free);
            written += block.Length;
            return true;
        }
        var length = independent || written == 0
            ? LZ4Codec.Decode(block, free)
            : LZ4Codec.Decode(block, free, raw[Math.Max(0, written - 65536)..written]);
        if (length < 0)
            return false;
        written += length;
        return true;
    }

    static byte HeaderChecksum(ReadOnlySpan<byte> descriptor) => (byte)(XxHash32.HashToUInt32(descriptor) >> 8);
}
