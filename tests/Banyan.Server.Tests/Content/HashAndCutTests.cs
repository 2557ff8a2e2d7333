using System.Security.Cryptography;
using Banyan.Chunks;
using Banyan.Server.Content.Hashing;
using CsCheck;

namespace Banyan.Server.Tests.Content;

/// <summary>Both ways give what .NET's SHA-256 and the chunker give, wherever the blocks end.</summary>
public sealed class HashAndCutTests
{
    const int Carried = Chunker.MaxLength;

    static async Task<(byte[] Sha256, List<int> Chunks)> RunAsync(byte[] file, int blockBytes, bool inOnePass)
    {
        using var cutter = new HashAndCut(inOnePass);
        var (chunks, block, rest) = (new List<int>(), new byte[Carried + blockBytes], 0);
        // What lies before and behind the bytes must not matter: it is other each time.
        new Random(file.Length).NextBytes(block);
        for (var at = 0; at < file.Length; at += blockBytes)
        {
            var count = Math.Min(blockBytes, file.Length - at);
            file.AsSpan(at - rest, rest + count).CopyTo(block.AsSpan(Carried - rest));
            cutter.Begin(block, Carried, Carried + count);
            rest += count - Cut(cutter, Carried - rest, false);
            await cutter.EndAsync();
        }
        // The rest lies where the last block had it.
        if (file.Length > 0)
            Cut(cutter, Carried + ((file.Length - 1) % blockBytes + 1) - rest, true);
        Assert.Equal(file.Length, cutter.Size);
        return (cutter.Finish(), chunks);

        int Cut(HashAndCut cutter, int start, bool isLast)
        {
            var from = start;
            for (; cutter.Next(start, isLast) is > 0 and var length; start += length)
                chunks.Add(length);
            return start - from;
        }
    }

    static List<int> ChunksOf(byte[] file)
    {
        var chunks = new List<int>();
        for (var at = 0; at < file.Length; at += chunks[^1])
            chunks.Add(Chunker.FirstChunkLength(file.AsSpan(at)));
        return chunks;
    }

    static async Task CheckAsync(byte[] file, int blockBytes)
    {
        foreach (var inOnePass in (bool[])[true, false])
        {
            var (sha256, chunks) = await RunAsync(file, blockBytes, inOnePass);
            Assert.Equal(Convert.ToHexString(SHA256.HashData(file)), Convert.ToHexString(sha256));
            Assert.Equal(ChunksOf(file), chunks);
        }
    }

    [Fact]
    public async Task Short_files()
    {
        for (var length = 0; length <= 300; length++)
            await CheckAsync(RandomBytes(length, length), 100);
        for (var length = Chunker.MinLength - 70; length <= Chunker.MinLength + 70; length++)
            await CheckAsync(RandomBytes(length, length), 1 << 20);
    }

    static byte[] RandomBytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Random bytes, whose chunks have all lengths; repeated ones, which are cut at the shortest or longest length.</summary>
    [Fact]
    public Task Long_files_in_blocks_of_any_length() =>
        Gen.Select(Gen.Int[1, 1_500_000], Gen.OneOf(Gen.Int[1, 70_000], Gen.Const(1 << 20)), Gen.Int[0, 2], Gen.Int[0, 1000]).SampleAsync(
        (length, blockBytes, kind, seed) =>
            CheckAsync(kind switch
            {
                0 => new byte[length],
                1 => [.. Enumerable.Range(0, length).Select(i => (byte)(i * seed >> 3))],
                _ => RandomBytes(length, seed)
            }, Math.Max(blockBytes, length / 2000)),
        iter: 40);
}
