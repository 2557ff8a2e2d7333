using System.Collections.Concurrent;
using System.Collections.Immutable;
using Banyan.Chunks;
using Banyan.Client.Cache;
using Banyan.Client.Xet;

namespace Banyan.Client.Push;

/// <summary>
/// Uploads large files as chunks.
/// <code>
/// 1  ask the hub for some chunks: first of each file, and one in 1,024   it names their neighbours too
/// 2  chunks that nobody knows ──► xorbs of up to 64 MiB ──► hub          a few at a time
/// 3  shard: which chunks make which file ──► hub                         it checks, then commits can refer to them
/// </code>
/// </summary>
sealed class ChunkUpload(CasClient cas, UploadLog log, Recipes recipes, int parallel, Action<long, bool> count) : IDisposable
{
    const int AskedOneIn = 1024, MostShardEntries = 250_000, XorbBytes = XorbLayout.MaxLength + (1 << 20);

    readonly ChunkCodec _codec = new();
    readonly SemaphoreSlim _slots = new(parallel);
    readonly List<Task> _sending = [];
    readonly ConcurrentQueue<ShardXorb> _sent = [];
    readonly ConcurrentBag<MemoryStream> _buffers = [];   // used again: memory is one xorb more than are on their way
    readonly List<(ScannedFile File, List<Term> Terms)> _ready = [];
    KnownChunks _known = new();
    MemoryStream? _bytes;
    XorbWriter? _writer;
    XorbName _open = new();
    readonly List<ShardChunk> _openChunks = [];
    uint _openLength;

    sealed record Term(XorbName Xorb, int First, List<XetHash> Chunks)
    {
        public long Length { get; set; }
    }

    /// <summary>Bytes of uploaded chunks, before compression.</summary>
    public long Uploaded { get; private set; }

    /// <summary>Sends the files.</summary>
    public async Task RunAsync(IReadOnlyList<ScannedFile> files, CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync(files, trusting: true, cancellationToken);
        }
        catch (HubClientException e) when (e.Problem == HubProblem.Refused && (int?)e.Status is null or 400 or 404 or 409 or 422)
        {
            // The hub does not have a xorb that it once had or said it has: everything is sent.
            log.Clear();
            await DropAsync();
            await RunAsync(files, trusting: false, cancellationToken);
        }
    }

    async Task DropAsync()
    {
        await Task.WhenAll(_sending).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _sending.Clear();
        _sent.Clear();
        _ready.Clear();
        _openChunks.Clear();
        (_known, _writer, _bytes, _open, _openLength) = (new KnownChunks(), null, null, new XorbName(), 0);
    }

    async Task RunAsync(IReadOnlyList<ScannedFile> files, bool trusting, CancellationToken cancellationToken)
    {
        if (trusting)
        {
            foreach (var xorb in log.Read())
                _known.Add(xorb);
            await AskAsync(files, cancellationToken);
        }
        foreach (var file in files)
            await AddAsync(file, cancellationToken);
        await FinishXorbAsync(cancellationToken);
        await SendShardAsync(cancellationToken);
    }

    // :: Step 1
    async Task AskAsync(IReadOnlyList<ScannedFile> files, CancellationToken cancellationToken)
    {
        var asked = files.SelectMany(f => f.Chunks.Where((c, i) => i == 0 || c.Hash.LastWord % AskedOneIn == 0)).Select(c => c.Hash)
            .Distinct().Where(c => !_known.TryFind(c, out _)).ToList();
        var adding = new Lock();
        await Parallel.ForEachAsync(asked,
            new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellationToken }, async (chunk, token) =>
        {
            // An answer names the whole file's chunks, megabytes for gigabytes: nothing is asked twice.
            lock (adding)
                if (_known.TryFind(chunk, out _))
                    return;
            if (await cas.FindAsync(chunk, token) is { } answer)
                lock (adding)
                    _known.Add(answer);
        });
    }

    // :: Step 2
    async Task AddAsync(ScannedFile file, CancellationToken cancellationToken)
    {
        using var handle = File.OpenHandle(file.File.LocalPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var terms = new List<Term>();
        var buffer = new byte[Chunker.MaxLength];
        var at = 0L;
        foreach (var chunk in file.Chunks)
        {
            var length = (int)chunk.Length;
            if (!_known.TryFind(chunk.Hash, out var place))
            {
                if (_writer is { HasRoom: false })
                    await FinishXorbAsync(cancellationToken);
                var read = await RandomAccess.ReadAsync(handle, buffer.AsMemory(0, length), at, cancellationToken);
                if (read < length || XetHash.OfChunk(buffer.AsSpan(0, length)) != chunk.Hash)
                    throw new HubClientException(HubProblem.Refused,
                        $"'{file.File.LocalPath}' changed while it was being sent: push again when it is complete");
                place = Write(chunk.Hash, buffer.AsSpan(0, length));
                Uploaded += length;
                count(length, false);
            }
            else
                count(length, true);
            if (terms is [.., var last] && last.Xorb == place.Xorb && last.First + last.Chunks.Count == place.Number)
                last.Chunks.Add(chunk.Hash);
            else
                terms.Add(last = new Term(place.Xorb, place.Number, [chunk.Hash]));
            last.Length += length;
            at += length;
        }
        _ready.Add((file, terms));
    }

    (XorbName, int) Write(XetHash hash, ReadOnlySpan<byte> chunk)
    {
        _writer ??= new XorbWriter(_bytes = _buffers.TryTake(out var used) ? used : new MemoryStream(XorbBytes), _codec);
        var number = _writer.Count;
        _writer.Add(hash, chunk);
        _openChunks.Add(new ShardChunk(hash, _openLength, (uint)chunk.Length));
        _openLength += (uint)chunk.Length;
        _known.Add(hash, _open, number);
        return (_open, number);
    }

    async Task FinishXorbAsync(CancellationToken cancellationToken)
    {
        if (_writer is null)
            return;
        var layout = _writer.Finish();
        _open.Hash = layout.Hash;
        var xorb = new ShardXorb(layout.Hash, [.. _openChunks], _openLength, (uint)_bytes!.Length);
        var bytes = _bytes;
        (_writer, _bytes, _open, _openLength) = (null, null, new XorbName(), 0);
        _openChunks.Clear();

        await _slots.WaitAsync(cancellationToken);
        _sending.RemoveAll(t => t.IsCompletedSuccessfully);
        if (_sending.FirstOrDefault(t => t.IsFaulted) is { } failed)
            await failed;
        _sending.Add(SendAsync(xorb, bytes, cancellationToken));
        if (_sent.Sum(x => x.Chunks.Length) > MostShardEntries)
            await SendShardAsync(cancellationToken);
    }

    async Task SendAsync(ShardXorb xorb, MemoryStream bytes, CancellationToken cancellationToken)
    {
        try
        {
            await cas.PutXorbAsync(xorb.Hash, bytes.GetBuffer().AsMemory(0, (int)bytes.Length), cancellationToken);
            bytes.SetLength(0);
            _buffers.Add(bytes);
            log.Add(xorb);
            _sent.Enqueue(xorb);
        }
        finally
        {
            _slots.Release();
        }
    }

    // :: Step 3
    async Task SendShardAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_sending);
        _sending.Clear();
        // A file whose last chunks lie in the xorb that is still open waits for the next shard.
        var files = _ready.Where(r => r.Terms.All(t => t.Xorb != _open)).ToList();
        if (files.Count == 0 && _sent.IsEmpty)
            return;
        var shard = new Shard([.. files.Select(f => Describe(f.File, f.Terms))], [.. _sent]);
        var bytes = new MemoryStream();
        shard.Write(bytes);
        await cas.PutShardAsync(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), cancellationToken);
        _sent.Clear();
        _ready.RemoveAll(files.Contains);
        foreach (var (file, terms) in files)
            Remember(file, terms);
    }

    static ShardFile Describe(ScannedFile file, List<Term> terms) => new(
        file.XetHash,
        [.. terms.Select(t => new ShardTerm(t.Xorb.Hash, (uint)t.Length, (uint)t.First, (uint)(t.First + t.Chunks.Count),
            MerkleTree.VerificationHash(t.Chunks.ToArray())))],
        [.. Convert.FromHexString(file.Sha256)]);

    /// <summary>Records the local file's chunks, so that later pulls of similar files reuse them.</summary>
    void Remember(ScannedFile file, List<Term> terms)
    {
        var runs = new List<FileRun>();
        var at = 0L;
        foreach (var term in terms)
        {
            runs.Add(new FileRun(term.Xorb.Hash, term.First, term.First + term.Chunks.Count, at, term.Length));
            at += term.Length;
        }
        recipes.Add(file.File.LocalPath, runs);
    }

    public void Dispose() => _slots.Dispose();
}
