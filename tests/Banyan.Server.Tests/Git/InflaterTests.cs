using System.IO.Compression;
using Banyan.Server.Git.Packs;
using CsCheck;

namespace Banyan.Server.Tests.Git;

/// <summary>Our reader of zlib streams against .NET's: whole ones, wherever the buffer ends, and damaged ones.</summary>
public sealed class InflaterTests
{
    /// <summary>A stream that gives as few bytes at a time as it likes.</summary>
    sealed class Dripping(byte[] bytes, int atOnce) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, atOnce));
    }

    static byte[] Compress(byte[] content, CompressionLevel level)
    {
        var bytes = new MemoryStream();
        using (var zlib = new ZLibStream(bytes, level))
            zlib.Write(content);
        return bytes.ToArray();
    }

    static readonly Gen<(byte[] Content, CompressionLevel Level)> s_streams = Gen.Select(
        Gen.OneOf(Gen.Byte.Array[1, 3000], Gen.Byte[0, 3].Array[1, 70_000],
            Gen.Select(Gen.Byte.Array[1, 40], Gen.Int[1, 500],
                (part, times) => Enumerable.Repeat(part, times).SelectMany(b => b).ToArray())),
        Gen.Int[0, 3].Select(i => (CompressionLevel)i));

    [Fact]
    public void Streams_one_behind_the_other_are_unpacked_wherever_the_buffer_ends() =>
        Gen.Select(s_streams.Array[1, 4], Gen.Int[0, 6].Select(i => new[] { 1, 2, 7, 8, 9, 100, 1 << 20 }[i])).Sample(
            (streams, atOnce) =>
            {
                using var cursor =
                    new PackCursor(new Dripping([.. streams.SelectMany(s => Compress(s.Content, s.Level)), .. new byte[20]], atOnce));
                return streams.All(s => cursor.Inflate(s.Content.Length).AsSpan().SequenceEqual(s.Content));
            },
            iter: 150);

    [Fact]
    public void A_damaged_stream_is_refused_or_read_as_others_read_it() =>
        Gen.Select(s_streams, Gen.Int[0, int.MaxValue], Gen.Byte[1, 255]).Sample(
            (stream, at, change) =>
            {
                var packed = Compress(stream.Content, stream.Level);
                packed[at % packed.Length] ^= change;
                byte[]? ours = null, theirs = null;
                try
                {
                    using var cursor = new PackCursor(new MemoryStream([.. packed, .. new byte[20]]));
                    ours = cursor.Inflate(stream.Content.Length);
                }
                catch (PackException)
                {
                }
                try
                {
                    var made = new MemoryStream();
                    using var zlib = new ZLibStream(new MemoryStream(packed), CompressionMode.Decompress);
                    zlib.CopyTo(made);
                    theirs = made.Length == stream.Content.Length ? made.ToArray() : null;
                }
                catch (Exception e) when (e is InvalidDataException or IOException)     // the second: it asks for a dictionary
                {
                }
                // A stream that lost its end is no error to .NET.
                return ours is null || theirs is not null && ours.AsSpan().SequenceEqual(theirs);
            },
            iter: 600);
}
