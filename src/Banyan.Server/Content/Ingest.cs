using System.Buffers;
using System.Security.Cryptography;
using System.Threading.Channels;
using Banyan.Chunks;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Content;

/// <summary>What ingesting a stream came to, before it is recorded.</summary>
sealed record Ingested(byte[] Sha256, XetHash XetHash, long Size, IReadOnlyList<Term> Terms);

/// <summary>
/// Takes one large file in. Memory is about 3 MB, and some 100 bytes for each of the first 200,000 chunks.
/// <code>
/// 1  read ──► SHA-256            (one task, one block ahead)
/// 2  cut into chunks, hash       (this task, from here on)
/// 3  ask which are stored        (some 20 at a time)
/// 4  compress the new ones into a draft of a xorb
/// 5  full xorb ──► object store ──► index   (one task, while the next xorb is written)
/// 6  all terms, all hashes
/// </code>
/// </summary>
sealed class Ingest(XorbIndex index, IObjectStore objects) : IAsyncDisposable
{
    const int BlockBytes = 256 * 1024, BufferBytes = 1536 * 1024, RememberedChunks = 200_000;

    // A file is taken in once and read many times: what hardly shrinks is not worth the time. BF16 weights mostly are of that kind.
    const double LeastGain = 1.0 / 6;

    readonly ChunkCodec _codec = new(LeastGain);
    readonly FileHashBuilder _hash = new();
    readonly List<Term> _terms = [];
    readonly Dictionary<XetHash, ChunkPlace> _own = [];      // chunks this file has written
    readonly List<(XetHash Hash, int Start, int Length)> _waiting = [];
    readonly List<long> _rows = [];                          // of the xorbs written: until the end they are -1, -2, …
    readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    ObjectDraft? _draft;
    XorbWriter? _writer;
    Task _storing = Task.CompletedTask;

    public async Task<Ingested> RunAsync(Stream bytes, CancellationToken cancellationToken)
    {
        // :: Step 1
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var blocks = Channel.CreateBounded<(byte[] Bytes, int Length)>(2);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = Task.Run(() => ReadAsync(bytes, sha256, blocks.Writer, stop.Token), CancellationToken.None);
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
                if (filled + BlockBytes > BufferBytes)
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
        await _storing;

        // :: Step 6
        for (var i = 0; i < _terms.Count; i++)
            if (_terms[i].Xorb < 0)
                _terms[i] = _terms[i] with { Xorb = _rows[(int)(-_terms[i].Xorb - 1)] };
        return new Ingested(sha256.GetHashAndReset(), _hash.Finish(), size, _terms);
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
            _hash.Add(new Chunk(hash, (ulong)length));
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
            if (_writer is null)
            {
                _draft = objects.Begin();
                _writer = new XorbWriter(_draft.Content, _codec);
                _rows.Add(0);
            }
            place = new ChunkPlace(-_rows.Count, _writer.Count);
            _writer.Add(hash, _buffer.AsSpan(start, length));
            if (_own.Count < RememberedChunks)
                _own[hash] = place;
            AddTerm(place, (uint)length);
        }
        _waiting.Clear();
    }

    /// <summary>A chunk that lies right after the last one makes the last run longer.</summary>
    void AddTerm(ChunkPlace place, uint length)
    {
        if (_terms is [.., var last] && last.Xorb == place.Xorb && last.End == place.Number && last.RawLength <= uint.MaxValue - length)
            _terms[^1] = last with { End = last.End + 1, RawLength = last.RawLength + length };
        else
            _terms.Add(new Term(place.Xorb, place.Number, place.Number + 1, length));
    }

    // :: Step 5
    async Task FinishXorbAsync(CancellationToken cancellationToken)
    {
        if (_writer is null || _draft is null)
            return;
        var (draft, layout, number) = (_draft, _writer.Finish(), _rows.Count - 1);
        await _storing;      // one behind, not more
        (_draft, _writer) = (null, null);
        _storing = Task.Run(
            async () =>
            {
                await using (draft)
                    (_rows[number], _) = await index.StoreAsync(objects, draft, layout, cancellationToken);
            },
            CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _storing.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        if (_draft is not null)
            await _draft.DisposeAsync();
        ArrayPool<byte>.Shared.Return(_buffer);
    }
}
