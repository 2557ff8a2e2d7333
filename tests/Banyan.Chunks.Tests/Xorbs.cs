using System.Runtime.InteropServices;
using CsCheck;

namespace Banyan.Chunks.Tests;

public class Xorbs
{
    [Fact]
    public void Grouped_bytes_lie_by_position_and_come_back()
    {
        for (var length = 0; length < 300; length++)
        {
            var data = Chunking.SplitMix(length, 5);
            byte[] grouped = new byte[length], back = new byte[length];
            ByteGroups.Split(data, grouped);
            Assert.Equal(Enumerable.Range(0, 4).SelectMany(g => data.Where((_, i) => i % 4 == g)), grouped);
            ByteGroups.Join(grouped, back);
            Assert.Equal(data, back);
        }
    }

    [Fact]
    public void Any_chunk_comes_back_from_any_compression() =>
        Gen.Select(Gen.Int[1, Chunker.MaxLength], Gen.Int[1, 256], Gen.ULong, Gen.Enum<Compression>())
        .Sample((length, values, seed, compression) =>
        {
            var chunk = Chunking.SplitMix(length, seed);
            for (var i = 0; i < length; i++)
                chunk[i] = (byte)(chunk[i] % values);
            var codec = new ChunkCodec();
            var header = codec.Compress(chunk, compression, out var stored);
            var bytes = stored.ToArray();
            var back = new byte[length];
            codec.Decompress(header, bytes, back);
            return back.AsSpan().SequenceEqual(chunk) && header.StoredLength == bytes.Length && bytes.Length <= length;
        }, iter: 200);

    [Fact]
    public void Bf16_weights_are_grouped_and_shrink_random_bytes_are_stored()
    {
        var codec = new ChunkCodec();
        var random = new Random(1);
        var weights = new ushort[Chunker.TargetLength / 2];
        foreach (ref var weight in weights.AsSpan())
        {
            var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            weight = (ushort)(BitConverter.SingleToUInt32Bits((float)(0.02 * normal)) >> 16);
        }
        var header = codec.Compress(MemoryMarshal.AsBytes(weights.AsSpan()), out _);
        Assert.Equal(Compression.ByteGroupedLz4, header.Compression);
        Assert.True(header.StoredLength < header.Length * 0.9);

        // 14 % is less than a sixth
        Assert.Equal(Compression.None, new ChunkCodec(1.0 / 6).Compress(MemoryMarshal.AsBytes(weights.AsSpan()), out _).Compression);

        Assert.Equal(Compression.None, new ChunkCodec().Compress(Chunking.SplitMix(Chunker.TargetLength, 2), out _).Compression);

        var sources = Directory.GetFiles(Path.Combine(Banyan.Tests.SharedData.Repository, "src", "Banyan.Chunks"), "*.cs",
            SearchOption.AllDirectories);
        var text = sources.Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes).Take(Chunker.TargetLength / 2).ToArray();
        Assert.Equal(Compression.Lz4, new ChunkCodec(1.0 / 6).Compress(text, out _).Compression);

        // Neighbours are compressed alike without being looked at, but not for long where that does not pay.
        Assert.Equal(Compression.None, codec.Compress(Chunking.SplitMix(Chunker.TargetLength, 3), out _).Compression);
        Assert.Equal(Compression.Lz4, codec.Compress(text, out _).Compression);
    }

    [Fact]
    public async Task A_written_xorb_reads_back_with_and_without_its_footer()
    {
        var (xorb, layout) = Write(Chunking.SplitMix(3_000_000, 8));
        Assert.Equal(layout, await Read(xorb), Same);
        Assert.Equal(layout, await Read(xorb[..(int)layout.StoredLength]), Same);
        Assert.Equal(layout, await Read(xorb[..^4]), Same);
        Assert.Equal(xorb.Length, layout.StoredLength + layout.FooterLength);
    }

    [Fact]
    public async Task Every_truncation_and_every_changed_footer_byte_is_refused()
    {
        var (xorb, layout) = Write(Chunking.SplitMix(40_000, 8));
        for (var length = 0; length < xorb.Length; length += length < 100 || length > layout.StoredLength - 100 ? 1 : 997)
            if (length != layout.StoredLength && length != xorb.Length - 4
                && Enumerable.Range(0, layout.Chunks.Length).All(c => layout.Start(c) != length || c == 0))
                await Assert.ThrowsAsync<InvalidDataException>(() => Read(xorb[..length]));

        var spare = xorb.Length - 20;
        for (var at = (int)layout.StoredLength; at < xorb.Length; at++)
        {
            byte[] changed = [.. xorb];
            changed[at] ^= 1;
            if (at >= spare && at < spare + 16)
                Assert.Equal(layout, await Read(changed), Same);
            else
                await Assert.ThrowsAsync<InvalidDataException>(() => Read(changed));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Compressed_chunks_can_be_stored_as_they_are_and_the_hash_stays(bool footer)
    {
        var data = new byte[700_000];
        Chunking.SplitMix(400_000, 9).CopyTo(data, 300_000);      // the first chunks shrink, the others do not
        var (xorb, layout) = Write(data);
        var stored = new MemoryStream();
        var asked = 0;
        var read = await XorbReader.ReadAsync(new MemoryStream(footer ? xorb : xorb[..(int)layout.StoredLength]), new ChunkCodec(), stored,
            default, (header, chunk) =>
        {
            asked++;
            Assert.NotEqual(Compression.None, header.Compression);
            return chunk.Span[0] == 0;
        });
        Assert.InRange(asked, 1, layout.Chunks.Length - 1);
        Assert.Equal(layout.Hash, read.Hash);
        Assert.True(read.StoredLength > layout.StoredLength + 100_000);
        Assert.Equal(read.StoredLength, stored.Length);
        stored.Write(read.Footer());
        Assert.True(Same(read, await Read(stored.ToArray())));
    }

    [Fact]
    public async Task A_changed_chunk_changes_the_hash_or_is_refused()
    {
        var (xorb, layout) = Write(Chunking.SplitMix(40_000, 8));
        var random = new Random(4);
        for (var round = 0; round < 300; round++)
        {
            byte[] changed = [.. xorb[..(int)layout.StoredLength]];
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                Assert.NotEqual(layout.Hash, (await Read(changed)).Hash);
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    [Fact]
    public async Task A_frame_that_inflates_beyond_its_chunk_is_refused()
    {
        var codec = new ChunkCodec();
        codec.Compress(new byte[Chunker.MaxLength], out var stored);
        var bomb = stored.ToArray();
        var header = new byte[8];
        new ChunkHeader(bomb.Length, Compression.Lz4, 100).Write(header);
        await Assert.ThrowsAsync<InvalidDataException>(() => Read([.. header, .. bomb]));
    }

    static bool Same(XorbLayout a, XorbLayout b) => a.Hash == b.Hash && a.Chunks.SequenceEqual(b.Chunks);

    static Task<XorbLayout> Read(byte[] xorb) => XorbReader.ReadAsync(new MemoryStream(xorb), new ChunkCodec());

    internal static (byte[] Xorb, XorbLayout Layout) Write(byte[] data)
    {
        var bytes = new MemoryStream();
        var writer = new XorbWriter(bytes, new ChunkCodec());
        for (var at = 0; at < data.Length;)
        {
            var chunk = data.AsSpan(at, Chunker.FirstChunkLength(data.AsSpan(at)));
            writer.Add(XetHash.OfChunk(chunk), chunk);
            at += chunk.Length;
        }
        var layout = writer.Finish();
        return (bytes.ToArray(), layout);
    }
}
