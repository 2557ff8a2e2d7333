namespace Banyan.Chunks.Tests;

public class Chunking
{
    // Cuts printed by the protocol's own implementation (xet-core, deduplication/chunking) for the same SplitMix64 bytes.
    [Fact]
    public void Random_bytes_are_cut_where_the_protocol_cuts_them() =>
        Assert.Equal(
            [84493, 134421, 144853, 243318, 271793, 336457, 467529, 494581, 582000, 596735, 616815, 653164, 678202, 724510, 815591, 827760,
                958832, 991092, 1000000],
            Cuts(SplitMix(1_000_000, 0)));

    [Fact]
    public void Constant_bytes_are_cut_at_the_longest_chunk()
    {
        var data = new byte[1_000_000];
        data.AsSpan().Fill(59);
        Assert.Equal([131072, 262144, 393216, 524288, 655360, 786432, 917504, 1000000], Cuts(data));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Chunker.MinLength - 1)]
    [InlineData(Chunker.MinLength)]
    public void Short_data_is_one_chunk(int length) => Assert.Equal(length, Chunker.FirstChunkLength(SplitMix(length, 3)));

    /// <summary>The definition, byte by byte, against the loop that skips and unrolls.</summary>
    [Fact]
    public void Cuts_are_those_of_the_definition()
    {
        for (var seed = 1UL; seed <= 40; seed++)
        {
            // Few byte values make runs that never cut, as well as cuts right at the minimum.
            var data = SplitMix(200_000 + (int)seed, seed);
            if (seed % 2 == 0)
                for (var i = 0; i < data.Length; i++)
                    data[i] = (byte)(data[i] % (1 + seed / 2));
            Assert.Equal(Defined(data), Cuts(data));
        }
    }

    /// <summary>
    /// Three spans are scanned at once: the first cut is found whichever of them it lies in, and whatever lies behind it.
    /// </summary>
    [Fact]
    public void The_first_cut_is_found_beside_others()
    {
        var random = SplitMix(100_000, 0);
        var window = random.AsSpan(84493 - 64, 64);
        var dice = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var data = new byte[Chunker.MinLength + 8000 + round];
            for (var i = dice.Next(1, 5); i > 0; i--)
                window.CopyTo(data.AsSpan(dice.Next(Chunker.MinLength - 70, data.Length - 64)));
            Assert.Equal(Defined(data)[0], Chunker.FirstChunkLength(data));
        }
    }

    [Fact]
    public void An_insertion_moves_only_the_cuts_near_it()
    {
        var data = SplitMix(4_000_000, 9);
        byte[] edited = [.. data[..2_000_000], 1, 2, 3, .. data[2_000_000..]];
        var before = Chunks(data);
        var after = Chunks(edited);
        Assert.True(after.Except(before).Count() <= 4);
    }

    static HashSet<XetHash> Chunks(byte[] data)
    {
        var chunks = new HashSet<XetHash>();
        var start = 0;
        foreach (var cut in Cuts(data))
        {
            chunks.Add(XetHash.OfChunk(data.AsSpan(start..cut)));
            start = cut;
        }
        return chunks;
    }

    static List<int> Cuts(byte[] data)
    {
        var cuts = new List<int>();
        for (var at = 0; at < data.Length; cuts.Add(at))
            at += Chunker.FirstChunkLength(data.AsSpan(at));
        return cuts;
    }

    static List<int> Defined(byte[] data)
    {
        var cuts = new List<int>();
        var (hash, start) = (0UL, 0);
        for (var i = 0; i < data.Length; i++)
        {
            hash = (hash << 1) + GearTable.Values[data[i]];
            var size = i + 1 - start;
            if (size >= Chunker.MaxLength || (size >= Chunker.MinLength && (hash & 0xFFFF_0000_0000_0000) == 0))
            {
                cuts.Add(i + 1);
                (hash, start) = (0, i + 1);
            }
        }
        if (start < data.Length)
            cuts.Add(data.Length);
        return cuts;
    }

    internal static byte[] SplitMix(int length, ulong seed)
    {
        var words = new ulong[(length + 7) / 8];
        foreach (ref var word in words.AsSpan())
        {
            var z = seed += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            word = z ^ (z >> 31);
        }
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan())[..length].ToArray();
    }
}
