using System.Collections.Immutable;

namespace Banyan.Chunks;

/// <summary>Writes a xorb to a stream chunk by chunk, with one chunk in memory whatever the xorb's size.</summary>
public sealed class XorbWriter(Stream destination, ChunkCodec codec)
{
    readonly ImmutableArray<XorbChunk>.Builder _chunks = ImmutableArray.CreateBuilder<XorbChunk>();
    readonly byte[] _header = new byte[ChunkHeader.Size];
    uint _end, _rawEnd;

    /// <summary>Chunks written so far.</summary>
    public int Count => _chunks.Count;

    /// <summary>Whether another chunk fits, however badly it compresses.</summary>
    public bool HasRoom => _chunks.Count < XorbLayout.MaxChunks && _end + ChunkHeader.Size + Chunker.MaxLength <= XorbLayout.MaxLength
        && _rawEnd + Chunker.MaxLength <= XorbLayout.MaxLength;

    /// <summary>Appends a chunk.</summary>
    /// <exception cref="InvalidOperationException">There is no room: see <see cref="HasRoom"/>.</exception>
    public void Add(XetHash hash, ReadOnlySpan<byte> chunk)
    {
        if (!HasRoom)
            throw new InvalidOperationException($"The xorb is full: {_chunks.Count} chunks in {_end} bytes.");
        var header = codec.Compress(chunk, out var stored);
        header.Write(_header);
        destination.Write(_header);
        destination.Write(stored);
        _end += (uint)(ChunkHeader.Size + stored.Length);
        _rawEnd += (uint)chunk.Length;
        _chunks.Add(new XorbChunk(hash, _end, _rawEnd));
    }

    /// <summary>Writes the footer and computes the xorb's hash.</summary>
    public XorbLayout Finish()
    {
        var layout = XorbLayout.Of(_chunks.ToImmutable());
        destination.Write(layout.Footer());
        return layout;
    }
}
