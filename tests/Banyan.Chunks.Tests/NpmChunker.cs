using System.Diagnostics;
using System.Text.Json;
using Banyan.Tests;

namespace Banyan.Chunks.Tests;

/// <summary>
/// The same bytes through the chunker that Hugging Face's JavaScript client uses. It differs from the specification in one thing:
/// it also cuts within the last 64 bytes before the least length (one chunk in a thousand), which the protocol's own implementation
/// and ours do not. So its cuts are compared with that rule, and everything else with what we compute.
/// </summary>
public class NpmChunker
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(8192, 2)]
    [InlineData(1_000_000, 3)]
    [InlineData(20_000_001, 4)]
    [InlineData(3_000_000, 0)]      // zeros
    public async Task Cuts_and_hashes_are_those_of_the_npm_package(int length, ulong seed)
    {
        var clients = Path.Combine(SharedData.Repository, "tests", "Clients");
        if (!Directory.Exists(Path.Combine(clients, "node_modules", "@huggingface", "xetchunk-wasm")))
            SharedData.Missing("no npm packages: run tests/prepare");
        var data = seed == 0 ? new byte[length] : Chunking.SplitMix(length, seed);
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, data);
            using var node =
                Process.Start(new ProcessStartInfo("node", [Path.Combine(clients, "xetchunk.mjs"), file])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true
                })!;
            var errors = node.StandardError.ReadToEndAsync();
            var theirs = JsonDocument.Parse(await node.StandardOutput.ReadToEndAsync() is { Length: > 0 } text ? text
                : throw new InvalidOperationException(await errors)).RootElement;

            var chunks = new List<Chunk>();
            for (var at = 0; at < data.Length; at += (int)chunks[^1].Length)
            {
                var rest = data.AsSpan(at);
                var chunk = rest[..(EarlyCut(rest) ?? Chunker.FirstChunkLength(rest))];
                chunks.Add(new Chunk(XetHash.OfChunk(chunk), (ulong)chunk.Length));
            }
            Assert.Equal(theirs.GetProperty("chunks").EnumerateArray().Select(c => (c[0].GetString(), c[1].GetUInt64())),
                chunks.Select(c => ((string?)c.Hash.ToString(), c.Length)));
            Assert.Equal(theirs.GetProperty("xorb").GetString(), MerkleTree.XorbHash(chunks.ToArray()).ToString());
            Assert.Equal(theirs.GetProperty("file").GetString(), MerkleTree.FileHash(chunks.ToArray()).ToString());
            Assert.Equal(theirs.GetProperty("verification").GetString(),
                MerkleTree.VerificationHash([.. chunks.Select(c => c.Hash)]).ToString());
            var key = new byte[32];
            key.AsSpan().Fill(7);
            Assert.Equal(theirs.GetProperty("keyed").GetString(), chunks[0].Hash.Keyed(key).ToString());
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A cut in the bytes that are hashed, but lie before the least length; null where there is none.</summary>
    static int? EarlyCut(ReadOnlySpan<byte> data)
    {
        var hash = 0UL;
        for (var i = Chunker.MinLength - 64 - 1; i < Math.Min(data.Length, Chunker.MinLength - 1); i++)
        {
            hash = (hash << 1) + GearTable.Values[data[i]];
            if (hash >> 48 == 0)
                return i + 1;
        }
        return null;
    }
}
