using System.IO.Pipelines;
using System.Security.Cryptography;
using Banyan.Chunks;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Maintenance.Checking;

/// <summary>Large files: put together from their chunks and hashed both ways.</summary>
sealed class ContentCheck(HubDatabase database, ContentStore contents, CheckReport report, Pace pace)
{
    sealed record Row(byte[] Sha256, byte[] XetHash, long Size, byte[] Terms);

    public async Task RunAsync(long id, CancellationToken cancellationToken)
    {
        if (await ProblemAsync(id, cancellationToken) is { } problem && await ProblemAsync(id, cancellationToken) is not null
            && await ProblemAsync(id, cancellationToken) is not null
            && await FindAsync(id, cancellationToken) is { } row)
            report.Findings.Add(new Finding(true, $"large file {new Sha256(row.Sha256)}", problem,
                await RemedyAsync(id, cancellationToken)));
        report.Contents++;
    }

    Task<Row?> FindAsync(long id, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.QueryFirstOrDefaultAsync<Row>("SELECT sha256, xet_hash, size, terms FROM contents WHERE id = @id",
            new { id }), cancellationToken);

    async Task<string?> ProblemAsync(long id, CancellationToken cancellationToken)
    {
        if (await FindAsync(id, cancellationToken) is not { } row)
            return null;   // collected meanwhile
        var terms = Term.Unpack(row.Terms);
        var file = new LargeFile(id, new Sha256(row.Sha256), new XetHash(row.XetHash), row.Size, terms);
        if (terms.Sum(t => t.RawLength) is var length && length != row.Size)
            return $"has {length} bytes in its terms where its row says {row.Size}";
        var kept =
            (await database.ReadAsync(c => c.QueryAsync<long>("SELECT xorb_id FROM content_xorbs WHERE content_id = @id", new { id }),
                cancellationToken)).ToHashSet();
        if (terms.FirstOrDefault(t => !kept.Contains(t.Xorb)) is { Xorb: > 0 } loose)
            return $"needs xorb {loose.Xorb}, which nothing keeps for it";
        try
        {
            await using var hashing = new FileHashes(await ChunkLengthsAsync(terms, cancellationToken), pace);
            var writer = PipeWriter.Create(hashing, new StreamPipeWriterOptions(leaveOpen: true));
            await contents.WriteToAsync(file, 0, file.Size, writer, cancellationToken);
            await writer.CompleteAsync();
            var (sha256, xet) = hashing.Finish();
            return sha256 != file.Sha256 ? $"has bytes whose SHA-256 is {sha256}"
                : xet != file.XetHash ? $"has chunks whose Xet hash is {xet} where its row says {file.XetHash}"
                : null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return $"cannot be read: {e.Message}";
        }
    }

    async Task<List<int>> ChunkLengthsAsync(IReadOnlyList<Term> terms, CancellationToken cancellationToken)
    {
        var lengths = new List<int>();
        foreach (var term in terms)
        {
            var layout = await contents.Xorbs.LayoutAsync(term.Xorb, cancellationToken);
            if (term.First < 0 || term.End > layout.Chunks.Length || term.First >= term.End)
                throw new InvalidDataException(
                    $"a term takes chunks {term.First} to {term.End} of xorb {layout.Hash}, which has {layout.Chunks.Length}");
            for (var chunk = term.First; chunk < term.End; chunk++)
                lengths.Add((int)layout.RawLengthOf(chunk));
        }
        return lengths;
    }

    async Task<string> RemedyAsync(long id, CancellationToken cancellationToken)
    {
        var repos = (await database.ReadAsync(
            c => c.QueryAsync<string>(
                "SELECT a.name || '/' || r.name FROM repo_contents rc JOIN repos r ON r.id = rc.repo_id JOIN accounts a ON a.id = r.owner_id WHERE rc.content_id = @id LIMIT 3", new { id }),
            cancellationToken)).AsList();
        return $"restore the objects named above from a backup{(repos.Count > 0 ? $"; until then it cannot be downloaded from {string.Join(", ", repos)}" : "")}";
    }

    /// <summary>Takes a file's bytes and computes both of its hashes.</summary>
    sealed class FileHashes(List<int> chunks, Pace pace) : Stream
    {
        readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        readonly FileHashBuilder _xet = new();
        readonly byte[] _chunk = new byte[Chunker.MaxLength];
        int _next, _filled;

        public (Sha256 Sha256, XetHash Xet) Finish() => (new Sha256(_sha256.GetHashAndReset()), _xet.Finish());

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            await pace.AddAsync(buffer.Length, cancellationToken);
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _sha256.AppendData(buffer);
            while (buffer.Length > 0)
            {
                var take = Math.Min(buffer.Length, chunks[_next] - _filled);
                buffer[..take].CopyTo(_chunk.AsSpan(_filled));
                buffer = buffer[take..];
                if ((_filled += take) < chunks[_next])
                    continue;
                _xet.Add(new Chunk(XetHash.OfChunk(_chunk.AsSpan(0, _filled)), (ulong)_filled));
                (_next, _filled) = (_next + 1, 0);
            }
        }

        protected override void Dispose(bool disposing)
        {
            _sha256.Dispose();
            base.Dispose(disposing);
        }

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
        public override void Flush() { }
        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
