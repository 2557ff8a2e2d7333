using System.Buffers;
using System.Security.Cryptography;
using System.Threading.Channels;
using Banyan.Chunks;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Content;

/// <summary>What ingesting a stream came to, before it is recorded.</summary>
sealed record Ingested(byte[] Sha256, XetHash XetHash, long Size, IReadOnlyList<Term> Terms);

/// <summary>
/// Takes one large file in. Memory is about 6 MB however large the file is.
/// <code>
/// 1  read ──► SHA-256            (one task, one block ahead)
/// 2  cut into chunks, hash       (this task, from here on)
/// 3  ask which are stored        (some 40 at a time)
/// 4  compress the new ones into a xorb on the local disk
/// 5  full xorb ──► object store ──► index
/// 6  all terms, all hashes
/// </code>
/// </summary>
sealed class Ingest(XorbIndex index, IObjectStore objects, ContentOptions options) : IDisposable
{
    const int BlockBytes = 512 * 1024, BufferBytes = 3 * 1024 * 1024, RememberedChunks = 200_000;
    const long OpenXorb = 0;   // the xorb being written has no row yet

    readonly ChunkCodec _codec = new();
    readonly List<Chunk> _chunks = [];
    readonly List<Term> _terms = [];
    readonly HashSet<long> _kept = [];
    readonly Dictionary<XetHash, ChunkPlace> _own = [];      // chunks this file has written
    readonly List<(XetHash Hash, int Start, int Length)> _waiting = [];
    readonly List<XetHash> _open = [];                       // chunks of the xorb being written
    readonly byte[] _buffer = new byte[BufferBytes];
    FileStream? _spool;
    XorbWriter? _writer;

    public async Task<Ingested> RunAsync(Stream bytes, CancellationToken cancellationToken)
    {
        // :: Step 1
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var blocks = Channel.CreateBounded<(byte[] Bytes, int Length)>(2);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = Task.Run(() => ReadAsync(bytes, sha256, blocks.Writer, stop.Token), cancellationToken);
        long size = 0;
        int filled = 0, cut = 0;
        try
        {
            // :: Step 2
            await foreach (var block in blocks.Reader.ReadAllAsync(cancellationToken))
            {
                block.Bytes.AsSpan(0, block.Length).CopyTo(_buffer.AsSpan(filled));
                ArrayPool<byte>.Shared.Return(block.Bytes);
                filled += block.Length;
                size += block.Length;
                cut = Cut(cut, filled, last: false);
                if (filled + BlockBytes > _buffer.Length)
                    (filled, cut) = await EmptyAsync(filled, cut, cancellationToken);
            }
            Cut(cut, filled, last: true);
            await StoreWaitingAsync(cancellationToken);
            await FinishXorbAsync(cancellationToken);
        }
        finally
        {
            await stop.CancelAsync();
            await reading.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
        await reading;   // its error, where it had one
        await index.KeepAsync(_kept, cancellationToken);
        return new Ingested(sha256.GetHashAndReset(), MerkleTree.FileHash(_chunks.ToArray()), size, _terms);
    }

    static async Task ReadAsync(Stream bytes, IncrementalHash sha256, ChannelWriter<(byte[], int)> blocks, CancellationToken cancellationToken)
    {
        Exception? error = null;
        try
        {
            while (true)
            {
                var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
                var length = await bytes.ReadAtLeastAsync(block.AsMemory(0, BlockBytes), BlockBytes, throwOnEndOfStream: false, cancellationToken);
                sha256.AppendData(block, 0, length);
                if (length > 0)
                    await blocks.WriteAsync((block, length), cancellationToken);
                if (length < BlockBytes)
                    break;
            }
        }
        catch (Exception e)
        {
            error = e;
        }
        blocks.Complete(error);
    }

    /// <summary>Cuts what can be cut for certain: a chunk's end is known once the longest chunk's bytes are there.</summary>
    int Cut(int start, int end, bool last)
    {
        while (start < end && (last || end - start >= Chunker.MaxLength))
        {
            var length = Chunker.FirstChunkLength(_buffer.AsSpan(start, end - start));
            var hash = XetHash.OfChunk(_buffer.AsSpan(start, length));
            _chunks.Add(new Chunk(hash, (ulong)length));
            _waiting.Add((hash, start, length));
            start += length;
        }
        return start;
    }

    async Task<(int Filled, int Cut)> EmptyAsync(int filled, int cut, CancellationToken cancellationToken)
    {
        await StoreWaitingAsync(cancellationToken);
        _buffer.AsSpan(cut, filled - cut).CopyTo(_buffer);
        return (filled - cut, 0);
    }

    async Task StoreWaitingAsync(CancellationToken cancellationToken)
    {
        // :: Step 3
        var stored = await index.FindChunksAsync([.. _waiting.Select(w => w.Hash).Where(h => !_own.ContainsKey(h))], cancellationToken);

        // :: Step 4
        foreach (var (hash, start, length) in _waiting)
        {
            if (_own.TryGetValue(hash, out var place) || stored.TryGetValue(hash, out place))
            {
                AddTerm(place, (uint)length);
                continue;
            }
            if (_writer is { HasRoom: false })
                await FinishXorbAsync(cancellationToken);
            _spool ??= new FileStream(
                Path.Combine(options.SpoolFolder, $"xorb-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
            _writer ??= new XorbWriter(_spool, _codec);
            place = new ChunkPlace(OpenXorb, _writer.Count);
            _writer.Add(hash, _buffer.AsSpan(start, length));
            _open.Add(hash);
            if (_own.Count < RememberedChunks)
                _own[hash] = place;
            AddTerm(place, (uint)length);
        }
        _waiting.Clear();
    }

    /// <summary>A chunk that lies right after the last one makes the last run longer.</summary>
    void AddTerm(ChunkPlace place, uint length)
    {
        if (_terms is [.., var last] && last.Xorb == place.Xorb && last.End == place.Number)
            _terms[^1] = last with { End = last.End + 1, RawLength = last.RawLength + length };
        else
            _terms.Add(new Term(place.Xorb, place.Number, place.Number + 1, length));
        if (place.Xorb != OpenXorb)
            _kept.Add(place.Xorb);
    }

    // :: Step 5
    async Task FinishXorbAsync(CancellationToken cancellationToken)
    {
        if (_writer is null || _spool is null)
            return;
        var layout = _writer.Finish();
        _spool.Flush();
        _spool.Position = 0;
        await objects.PutAsync(XorbIndex.ObjectKey(layout.Hash), _spool, layout.StoredLength + layout.FooterLength, cancellationToken);
        var (id, _) = await index.AddAsync(layout, cancellationToken);

        for (var i = 0; i < _terms.Count; i++)
            if (_terms[i].Xorb == OpenXorb)
                _terms[i] = _terms[i] with { Xorb = id };
        for (var i = 0; i < _open.Count; i++)
            if (_own.TryGetValue(_open[i], out var place) && place.Xorb == OpenXorb)
                _own[_open[i]] = place with { Xorb = id };
        _open.Clear();
        _spool.SetLength(0);
        _writer = null;
    }

    public void Dispose() => _spool?.Dispose();
}
