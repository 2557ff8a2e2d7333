using System.Security.Cryptography;
using Banyan.Chunks;

namespace Banyan.Server.Tests.Xet;

/// <summary>A file cut as a client cuts it: one xorb and the shard that says so.</summary>
sealed record CutFile(byte[] Bytes, XorbLayout Xorb, byte[] XorbBytes, ShardFile File)
{
    public static CutFile Of(byte[] bytes, bool footer = false)
    {
        var stored = new MemoryStream();
        var writer = new XorbWriter(stored, new ChunkCodec());
        var chunks = new List<Chunk>();
        for (var at = 0; at < bytes.Length; at += (int)chunks[^1].Length)
        {
            var chunk = bytes.AsSpan(at, Chunker.FirstChunkLength(bytes.AsSpan(at)));
            chunks.Add(new Chunk(XetHash.OfChunk(chunk), (ulong)chunk.Length));
            writer.Add(chunks[^1].Hash, chunk);
        }
        var layout = writer.Finish();
        var term = new ShardTerm(layout.Hash, (uint)bytes.Length, 0, (uint)chunks.Count,
            MerkleTree.VerificationHash([.. chunks.Select(c => c.Hash)]));
        return new CutFile(
            bytes, layout, stored.ToArray()[..(footer ? (int)stored.Length : (int)layout.StoredLength)],
            new ShardFile(MerkleTree.FileHash(chunks.ToArray()), [term], [.. SHA256.HashData(bytes)]));
    }

    /// <summary>Random bytes, which no sample of another seed shares.</summary>
    public static byte[] Random(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public byte[] ShardBytes(Func<ShardFile, ShardFile>? change = null)
    {
        var shard = new MemoryStream();
        new Shard([change?.Invoke(File) ?? File], []).Write(shard);
        return shard.ToArray();
    }
}
