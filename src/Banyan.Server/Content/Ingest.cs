using System.Collections.Concurrent;
using Banyan.Chunks;
using Banyan.Server.Content.Hashing;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Content;

/// <summary>What ingesting a stream came to, before it is recorded.</summary>
sealed record Ingested(Sha256 Sha256, XetHash XetHash, long Size, IReadOnlyList<Term> Terms);

/// <summary>
/// Takes one large file in. Memory is about 3 MB, and some 100 bytes for each of the first 200,000 chunks. While a block is worked on, the
/// server receives the next into the connection's own buffers; the bytes are moved twice: from there into the block, and into the xorb.
/// <code>
/// 1  read half a megabyte
/// 2  SHA-256 and cut into chunks in one pass, hash those
/// 3  ask which are stored        (some 8 at a time; of a file that has nothing in common with others, one)
/// 4  compress the new ones into a draft of a xorb
/// 5  full xorb ──► object store ──► index   (one task, while the next xorb is written)
/// 6  the chunks of some xorbs ──► index
/// 7  all terms, all hashes
/// </code>
/// </summary>
sealed class Ingest(XorbIndex index, IObjectStore objects, long? repo) : IAsyncDisposable
{
    const int BlockBytes = 1 << 19, RememberedChunks = 200_000, KeptBlocks = 16, IndexedTogether = 16;

    /// <summary>
    /// Blocks in a row of which no chunk was stored, 16 MB, until only the last chunk of a block is looked for: what the file has in common
    /// with others and covers that chunk is found whole, what is shorter than a block may not be. In a hub's index each chunk is a page of
    /// the disk.
    /// </summary>
    const int NewBlocks = 32;

    /// <summary>The minimum saving for compressing a chunk. A file is stored once and read many times, so chunks that hardly shrink are not
    /// worth the time; most BF16 weights are of that kind (the disk store can pack them anyway).</summary>
    public const double LeastGain = 1.0 / 6;

    static readonly ConcurrentQueue<byte[]> s_blocks = [];

    readonly ChunkCodec _codec = new(LeastGain);
    readonly HashAndCut _cutter = new();
    readonly FileHashBuilder _hash = new();
    readonly List<Term> _terms = [];
    readonly Dictionary<XetHash, ChunkPlace> _own = [];      // chunks this file has written
    readonly List<(XetHash Hash, int Start, int Length)> _waiting = [];
    readonly List<long> _rows = [];                          // of the xorbs written: until the end they are -1, -2, …
    readonly List<(long Id, XorbLayout Layout)> _unindexed = [];
    int _newBlocks;
    ObjectDraft? _draft;
    XorbWriter? _writer;
    Task _storing = Task.CompletedTask;

    /// <param name="bytes">The file.</param>
    /// <param name="check">Called with length and SHA-256 when all bytes have arrived, before the last xorb, often the only one, is stored;
    /// throws if they are wrong.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task<Ingested> RunAsync(Stream bytes, Action<long, Sha256> check, CancellationToken cancellationToken)
    {
        var block = s_blocks.TryDequeue(out var used) ? used : GC.AllocateUninitializedArray<byte>(Carried + BlockBytes);
        Sha256 hash;
        try
        {
            int start = Carried, end = Carried;
            for (var isLast = false; !isLast;)
            {
                // :: Step 1
                var rest = end - start;
                block.AsSpan(start, rest).CopyTo(block.AsSpan(Carried - rest));
                for (end = Carried; end < block.Length && !isLast;)
                {
                    var read = await bytes.ReadAsync(block.AsMemory(end), cancellationToken);
                    end += read;
                    isLast = read == 0;
                }
                // :: Steps 2 to 4
                _cutter.Begin(block, Carried, end);
                start = Cut(block, Carried - rest, isLast: false);
                await _cutter.EndAsync();
                await StoreWaitingAsync(block, cancellationToken);
            }
            hash = new Sha256(_cutter.Finish());
            check(_cutter.Size, hash);
            Cut(block, start, isLast: true);
            await StoreWaitingAsync(block, cancellationToken);
            await FinishXorbAsync(cancellationToken);
        }
        finally
        {
            if (s_blocks.Count < KeptBlocks)
                s_blocks.Enqueue(block);
        }
        await _storing;
        await IndexAsync(cancellationToken);

        // :: Step 7
        for (var i = 0; i < _terms.Count; i++)
            if (_terms[i].Xorb < 0)
                _terms[i] = _terms[i] with { Xorb = _rows[(int)(-_terms[i].Xorb - 1)] };
        return new Ingested(hash, _hash.Finish(), _cutter.Size, _terms);
    }

    /// <summary>Before a block's bytes is room for what is left of the one before: less than the longest chunk.</summary>
    const int Carried = Chunker.MaxLength;

    /// <summary>Cuts what can be cut for certain.</summary>
    int Cut(byte[] block, int start, bool isLast)
    {
        while (_cutter.Next(start, isLast) is > 0 and var length)
        {
            var hash = XetHash.OfChunk(block.AsSpan(start, length));
            _hash.Add(new Chunk(hash, (ulong)length));
            _waiting.Add((hash, start, length));
            start += length;
        }
        return start;
    }

    async Task StoreWaitingAsync(byte[] block, CancellationToken cancellationToken)
    {
        // :: Step 3
        var stored = await FindStoredAsync([.. _waiting.Select(w => w.Hash).Where(h => !_own.ContainsKey(h))], cancellationToken);

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
            _writer.Add(hash, block.AsSpan(start, length));
            if (_own.Count < RememberedChunks)
                _own[hash] = place;
            AddTerm(place, (uint)length);
        }
        _waiting.Clear();
    }

    async Task<Dictionary<XetHash, ChunkPlace>> FindStoredAsync(XetHash[] hashes, CancellationToken cancellationToken)
    {
        if (hashes.Length == 0)
            return [];
        var sample = _newBlocks >= NewBlocks ? hashes[^1..] : hashes;
        var stored = await index.FindChunksAsync(sample, cancellationToken);
        _newBlocks = stored.Count > 0 ? 0 : _newBlocks + 1;
        return stored.Count > 0 && sample.Length < hashes.Length ? await index.FindChunksAsync(hashes, cancellationToken) : stored;
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
                    (_rows[number], _) = await index.StoreAsync(objects, draft, layout, repo, cancellationToken, indexed: false);
                _unindexed.Add((_rows[number], layout));
                if (_unindexed.Count == IndexedTogether)
                    await IndexAsync(cancellationToken);
            },
            CancellationToken.None);
    }

    // :: Step 6
    async Task IndexAsync(CancellationToken cancellationToken)
    {
        if (_unindexed.Count > 0)
            await index.IndexAsync(_unindexed, cancellationToken);
        _unindexed.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await _storing.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        if (_draft is not null)
            await _draft.DisposeAsync();
        _cutter.Dispose();
    }
}
