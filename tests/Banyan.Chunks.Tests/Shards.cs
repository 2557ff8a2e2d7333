using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Banyan.Chunks.Tests;

public class Shards
{
    static Shard Example()
    {
        var data = Chunking.SplitMix(900_000, 12);
        var (_, layout) = Xorbs.Write(data);
        XetHash[] hashes = [.. layout.Chunks.Select(c => c.Hash)];
        ShardTerm Term(int first, int end) => new(
            layout.Hash,
            layout.Chunks[end - 1].RawEnd - (first == 0 ? 0 : layout.Chunks[first - 1].RawEnd),
            (uint)first,
            (uint)end,
            MerkleTree.VerificationHash(hashes.AsSpan(first..end)));
        return new Shard(
            [
                new(MerkleTree.FileHash([.. hashes.Select((h, i) => new Chunk(h, layout.RawLengthOf(i)))]),
                    [Term(0, 3), Term(3, hashes.Length)], [.. SHA256.HashData(data)]),
                new(hashes[1], [Term(1, 2)], null),
            ],
            [new(layout.Hash,
                [.. layout.Chunks.Select((c, i) => new ShardChunk(c.Hash, c.RawEnd - layout.RawLengthOf(i), layout.RawLengthOf(i)))],
                (uint)layout.RawLength, (uint)layout.StoredLength)]);
    }

    static byte[] Bytes(Shard shard)
    {
        var stream = new MemoryStream();
        shard.Write(stream);
        return stream.ToArray();
    }

    static void AssertSame(Shard expected, Shard actual)
    {
        Assert.Equal(expected.Files.Length, actual.Files.Length);
        foreach (var (e, a) in expected.Files.Zip(actual.Files))
        {
            Assert.Equal(e.Hash, a.Hash);
            Assert.Equal(e.Terms, a.Terms);
            Assert.Equal(e.Sha256 ?? [], a.Sha256 ?? []);
        }
        foreach (var (e, a) in expected.Xorbs.Zip(actual.Xorbs))
        {
            Assert.Equal((e.Hash, e.RawLength, e.StoredLength), (a.Hash, a.RawLength, a.StoredLength));
            Assert.Equal(e.Chunks, a.Chunks);
        }
    }

    [Fact]
    public void A_written_shard_reads_back()
    {
        AssertSame(Example(), Shard.Read(Bytes(Example())));
        AssertSame(new Shard([], []), Shard.Read(Bytes(new Shard([], []))));
    }

    [Fact]
    public void Sha256_lies_reversed_word_by_word()
    {
        var bytes = Bytes(Example());
        var sha256 = Example().Files[0].Sha256!.Value.ToArray();
        for (var i = 0; i < 32; i += 8)
            Array.Reverse(sha256, i, 8);
        // header, file header, two terms, two verifications
        Assert.Equal(sha256, bytes.AsSpan(48 * 6, 32).ToArray());
    }

    [Fact]
    public void A_keyed_shard_hides_hashes_from_who_does_not_have_the_chunks()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var shard = Example() with { Files = [] };
        var stream = new MemoryStream();
        var now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
        shard.WriteKeyed(stream, key, now, now.AddDays(30));
        var bytes = stream.ToArray();

        var chunk = shard.Xorbs[0].Chunks[2];
        Assert.Equal(chunk.Hash.Keyed(key), Shard.Read(bytes).Xorbs[0].Chunks[2].Hash);
        Assert.DoesNotContain(Shard.Read(bytes).Xorbs[0].Chunks, c => c.Hash == chunk.Hash);
        var footer = bytes.AsSpan(^200);
        Assert.Equal(1u, BinaryPrimitives.ReadUInt64LittleEndian(footer));
        Assert.Equal(key, footer.Slice(72, 32).ToArray());
        Assert.Equal(now.AddDays(30).ToUnixTimeSeconds(), BinaryPrimitives.ReadInt64LittleEndian(footer[112..]));
        Assert.Equal(bytes.Length - 200, BinaryPrimitives.ReadInt64LittleEndian(footer[192..]));
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        var bytes = Bytes(Example());
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<InvalidDataException>(() => Shard.Read(bytes.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(uint.MaxValue / 48 + 1)]
    [InlineData(1000u)]
    public void Counts_beyond_the_shard_are_refused_before_memory_is_taken(uint terms)
    {
        var bytes = Bytes(Example());
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(48 + 36), terms);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<InvalidDataException>(() => Shard.Read(bytes));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
    }

    [Fact]
    public void Files_are_read_one_at_a_time_as_they_are_all_at_once()
    {
        var bytes = Bytes(Example());
        AssertSame(Example() with { Xorbs = [] }, new Shard([.. Shard.ReadFiles(new MemoryStream(bytes))], []));
        // All but what it passes over: what the shard says of xorbs.
        var files = 48 * 11;
        for (var length = 0; length < files; length++)
            Assert.Throws<InvalidDataException>(() => Shard.ReadFiles(new MemoryStream(bytes, 0, length)).Count());
        Assert.Equal(2, Shard.ReadFiles(new MemoryStream(bytes, 0, files)).Count());

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(48 + 36), uint.MaxValue);
        Assert.Throws<InvalidDataException>(() => Shard.ReadFiles(new MemoryStream(bytes)).Count());
    }

    [Fact]
    public void Changed_bytes_are_read_or_refused_but_nothing_else_happens()
    {
        var original = Bytes(Example());
        var random = new Random(7);
        for (var round = 0; round < 5000; round++)
        {
            byte[] bytes = [.. original];
            for (var i = random.Next(1, 6); i > 0; i--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                Shard.Read(bytes);
            }
            catch (InvalidDataException)
            {
            }
            try
            {
                _ = Shard.ReadFiles(new MemoryStream(bytes)).Count();
            }
            catch (InvalidDataException)
            {
            }
        }
    }
}
