using System.Buffers.Binary;
using System.IO.Compression;
using K4os.Compression.LZ4;
using Snappier;

namespace Banyan.Server.Viewer.Parquet;

/// <summary>
/// Unpacks pages. The size that a page's header tells is the size that comes out, or the page is refused: nothing grows beyond it.
/// </summary>
static class Codecs
{
    static readonly string[] s_names = ["none", "Snappy", "gzip", "LZO", "Brotli", "LZ4 of Hadoop", "Zstandard", "LZ4"];

    /// <summary>Unpacks exactly <paramref name="size"/> bytes.</summary>
    /// <exception cref="InvalidDataException">They are more, fewer, or damaged.</exception>
    public static ReadOnlyMemory<byte> Unpack(int codec, ReadOnlyMemory<byte> packed, int size)
    {
        if (codec == 0)
            return packed.Length == size ? packed : throw Wrong(codec);
        if (size == 0)
            return default;
        if (codec == 1 && Snappy.GetUncompressedLength(packed.Span) != size)
            throw Wrong(codec);
        var bytes = GC.AllocateUninitializedArray<byte>(size);
        var got = codec switch
        {
            1 => Snappy.Decompress(packed.Span, bytes),
            2 => Whole(new GZipStream(Readable(packed), CompressionMode.Decompress), bytes),
            4 => Whole(new BrotliStream(Readable(packed), CompressionMode.Decompress), bytes),
            5 => Hadoop(packed.Span, bytes),
            6 => Zstandard(packed.Span, bytes),
            7 => LZ4Codec.Decode(packed.Span, bytes),
            _ => throw new InvalidDataException(
                $"it is packed with {(codec is > 0 and < 8 ? s_names[codec] : $"codec {codec}")}, which is not read here"),
        };
        return got == size ? bytes : throw Wrong(codec);
    }

    static MemoryStream Readable(ReadOnlyMemory<byte> bytes) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment)
        ? new(segment.Array!, segment.Offset, segment.Count, false) : new(bytes.ToArray());

    static int Whole(Stream stream, byte[] into)
    {
        using (stream)
        {
            var got = stream.ReadAtLeast(into, into.Length, throwOnEndOfStream: false);
            return stream.ReadByte() < 0 ? got : -1;
        }
    }

    static int Zstandard(ReadOnlySpan<byte> packed, byte[] into)
    {
        using var decompressor = new ZstdSharp.Decompressor();
        return decompressor.Unwrap(packed, into);
    }

    /// <summary>Frames of two big-endian lengths and an LZ4 block; files of old writers have the block alone.</summary>
    static int Hadoop(ReadOnlySpan<byte> packed, byte[] into)
    {
        var done = 0;
        for (var left = packed; left.Length > 8;)
        {
            var raw = BinaryPrimitives.ReadUInt32BigEndian(left);
            var length = BinaryPrimitives.ReadUInt32BigEndian(left[4..]);
            if (length > left.Length - 8 || raw > into.Length - done
                || LZ4Codec.Decode(left.Slice(8, (int)length), into.AsSpan(done, (int)raw)) != raw)
                return LZ4Codec.Decode(packed, into);
            done += (int)raw;
            left = left[(8 + (int)length)..];
        }
        return done;
    }

    static InvalidDataException Wrong(int codec) =>
        new($"a page packed with {s_names[Math.Clamp(codec, 0, 7)]} does not unpack to the size that its header tells");
}
