using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Banyan.Chunks;
using Banyan.Server.Quotas;

namespace Banyan.Server.Content;

/// <summary>How far a shard has got.</summary>
sealed class ShardProgress
{
    long _verified, _total;

    /// <summary>Bytes of files that were verified.</summary>
    public long Verified => Interlocked.Read(ref _verified);

    /// <summary>Bytes of files known so far.</summary>
    public long Total => Interlocked.Read(ref _total);

    internal void Found(long bytes) => Interlocked.Add(ref _total, bytes);

    internal void Read(long bytes) => Interlocked.Add(ref _verified, bytes);
}

/// <summary>
/// Records the files of a shard, after checking every claim in it:
/// <code>
/// 1  every xorb is stored, every run of chunks lies within it and is as long as is said
/// 2  the verification hash over the chunks' hashes is right: who sent it has the chunks
/// 3  the file's hash follows from the chunks
/// 4  its SHA-256 follows from its bytes, which are read back for it
/// 5  recorded, and granted to the repository it was sent to: all files or none
/// </code>
/// </summary>
sealed class ShardIntake(ContentStore contents, HeldFiles held, int? hashers = null, StorageLimits? limits = null)
{
    /// <summary>Maximum total length of a shard's files: 64 MB of shard could claim files that take weeks to hash.</summary>
    const long MaxBytes = 1L << 40;

    // A term takes twice its bytes in a shard while it is checked: small shards are let in as they come, large ones by their weight.
    const long SmallShard = 1 << 20, HugeShard = 16 << 20, LargeShards = Shard.MaxLength;

    readonly WeightGate _large = new(LargeShards);

    // Reading back takes a processor each. They go from file to file in turns: of a terabyte it takes an hour, and others wait a second.
    readonly SemaphoreSlim _hashing = new(hashers ?? Math.Max(1, Environment.ProcessorCount - 1));
    int _waiting;

    /// <summary>How many bytes of a file are read back in one turn.</summary>
    public long TurnBytes { get; init; } = 256 << 20;

    /// <summary>How many files wait for their turn.</summary>
    public int Waiting => _waiting;

    /// <summary>Takes a shard in.</summary>
    /// <param name="shard">The shard; it can seek.</param>
    /// <param name="repo">The repository it is sent to.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels the work; nothing is granted.</param>
    /// <returns>Whether any file is new to the repository.</returns>
    /// <exception cref="InvalidDataException">Something in it is not so.</exception>
    public async Task<bool> RunAsync(Stream shard, long repo, ShardProgress progress, CancellationToken cancellationToken)
    {
        if (shard.Length <= SmallShard)
            return await TakeAsync(shard, repo, progress, cancellationToken);
        using var room = await _large.EnterAsync(shard.Length, cancellationToken);
        try
        {
            return await TakeAsync(shard, repo, progress, cancellationToken);
        }
        finally
        {
            // Terms of tens of megabytes lie where the collector seldom looks: sixteen shards of 60 MB one after the other left 500 MB.
            // It stops everyone for as long as the live heap takes to walk, which does not hold these terms any more; whoever wants to
            // wear the hub out with it must send 16 MB each time, and waits with them at the gate above.
            if (shard.Length > HugeShard)
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
        }
    }

    async Task<bool> TakeAsync(Stream shard, long repo, ShardProgress progress, CancellationToken cancellationToken)
    {
        var (files, made) = (new HashSet<long>(), new List<Ingested>());
        var isNew = false;
        using var rooms = new Rooms();
        foreach (var file in Shard.ReadFiles(shard))
        {
            var (terms, size) = await TermsAsync(file, cancellationToken);
            progress.Found(size);
            if (progress.Total > MaxBytes)
                throw new InvalidDataException($"The shard's files have more than {MaxBytes} bytes together: send fewer at once.");
            var known = file.Sha256 is { } claimed ? await contents.FindAsync(new Sha256(claimed.AsSpan()), cancellationToken)
                : await contents.FindAsync(file.Hash, cancellationToken);
            if (await held.FindAsync(repo, file.Hash, cancellationToken) is null)
            {
                isNew = true;
                // What was sent for it counts already; what others sent counts from now on.
                if (limits is not null)
                    rooms.Add(await limits.ReserveAsync(repo,
                        size - await limits.CountedAsync(repo, terms.Select(t => XorbIndex.IncomingName(t.Xorb)).Distinct(),
                            cancellationToken), cancellationToken));
            }
            if (known is null || known.XetHash != file.Hash || !await contents.HoldAsync(known.Id, cancellationToken))
            {
                made.Add(new Ingested(await Sha256Async(file, terms, size, progress, cancellationToken), file.Hash, size, terms));
                continue;
            }
            // A known file was verified when it came; that its chunks are here in other runs as well changes nothing.
            progress.Read(size);
            files.Add(known.Id);
        }
        // :: Step 5
        foreach (var file in made)
            files.Add((await contents.RecordAsync(file, cancellationToken)).Id);
        if (files.Count > 0)
            await contents.GrantAsync(repo, files, cancellationToken);
        return isNew;
    }

    sealed class Rooms : List<IDisposable>, IDisposable
    {
        public void Dispose() => ForEach(r => r.Dispose());
    }

    /// <summary>What a file claims to be bounds the work that checking it takes, so that comes first.</summary>
    static void CheckExtent(ShardFile file)
    {
        long size = 0, chunks = 0;
        foreach (var term in file.Terms)
        {
            size += term.RawLength;
            chunks += term.EndChunk - term.FirstChunk;
        }
        // Only a file's last chunk is shorter than 8 KiB: a file of countless tiny ones was made to waste time, and the room that its terms
        // take.
        if (size > MaxBytes || chunks > size / Chunker.MinLength + XorbLayout.MaxChunks)
            throw new InvalidDataException(
                $"File {file.Hash} is said to have {chunks} chunks in {size} bytes; a file has at most {MaxBytes} bytes in chunks of 8 KiB or more.");
    }

    async Task<(Term[] Terms, long Size)> TermsAsync(ShardFile file, CancellationToken cancellationToken)
    {
        CheckExtent(file);
        var terms = new Term[file.Terms.Length];
        var tree = new FileHashBuilder();
        var hashes = new List<XetHash>();
        var (lastHash, lastXorb) = (XetHash.Zero, 0L);
        long size = 0;
        for (var i = 0; i < terms.Length; i++)
        {
            // :: Step 1
            var term = file.Terms[i];
            if (term.Xorb != lastHash)
                (lastHash, lastXorb) = (term.Xorb, await contents.Xorbs.FindAsync(term.Xorb, cancellationToken)
                    ?? throw new InvalidDataException($"Term {i} of file {file.Hash} names xorb {term.Xorb}, which was not uploaded."));
            var layout = await contents.Xorbs.LayoutAsync(lastXorb, cancellationToken);
            if (term.EndChunk > layout.Chunks.Length)
                throw new InvalidDataException(
                    $"Term {i} of file {file.Hash} takes chunks {term.FirstChunk} to {term.EndChunk} of xorb {term.Xorb}, which has {layout.Chunks.Length}.");
            hashes.Clear();
            var length = 0L;
            for (var c = (int)term.FirstChunk; c < term.EndChunk; c++)
            {
                hashes.Add(layout.Chunks[c].Hash);
                tree.Add(new Chunk(layout.Chunks[c].Hash, layout.RawLengthOf(c)));
                length += layout.RawLengthOf(c);
            }
            if (length != term.RawLength)
                throw new InvalidDataException(
                    $"Term {i} of file {file.Hash} is said to have {term.RawLength} bytes; its chunks have {length}.");
            size += length;

            // :: Step 2
            if (term.Verification is not { } verification)
                throw new InvalidDataException($"Term {i} of file {file.Hash} has no verification hash.");
            if (verification != MerkleTree.VerificationHash(CollectionsMarshal.AsSpan(hashes)))
                throw new InvalidDataException($"Term {i} of file {file.Hash} has a wrong verification hash.");
            terms[i] = new Term(lastXorb, (int)term.FirstChunk, (int)term.EndChunk, (uint)length);
        }
        // :: Step 3
        if (tree.Finish() is var hash && hash != file.Hash)
            throw new InvalidDataException($"The terms of file {file.Hash} make a file of hash {hash}.");
        return (terms, size);
    }

    // :: Step 4
    async Task<Sha256> Sha256Async(ShardFile file, Term[] terms, long size, ShardProgress progress, CancellationToken cancellationToken)
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var writer = PipeWriter.Create(new HashingStream(sha256, progress),
            new StreamPipeWriterOptions(minimumBufferSize: Chunker.MaxLength));
        var claim = new LargeFile(0, default, file.Hash, size, [.. terms]);
        for (long at = 0; at < size; at += TurnBytes)
        {
            Interlocked.Increment(ref _waiting);
            try
            {
                await _hashing.WaitAsync(cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
            try
            {
                await contents.WriteToAsync(claim, at, Math.Min(TurnBytes, size - at), writer, cancellationToken);
            }
            finally
            {
                _hashing.Release();
            }
        }
        await writer.CompleteAsync();
        var actual = new Sha256(sha256.GetHashAndReset());
        if (file.Sha256 is { } bytes && new Sha256(bytes.AsSpan()) is var claimed && claimed != actual)
            throw new InvalidDataException($"File {file.Hash} has SHA-256 {actual}, {claimed} was announced.");
        return actual;
    }

    sealed class HashingStream(IncrementalHash hash, ShardProgress progress) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.AppendData(buffer);
            progress.Read(buffer.Length);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override void Flush() { }
        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
