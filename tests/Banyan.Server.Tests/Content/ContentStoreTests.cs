using System.IO.Pipelines;
using System.Security.Cryptography;
using Banyan.Chunks;
using Banyan.Server.Connections;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Tests.Content;

public sealed class ContentStoreTests : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-content-").FullName;
    readonly SqliteDatabase _database;
    readonly DiskObjectStore _objects;
    readonly ContentStore _store;

    public ContentStoreTests()
    {
        _database = new SqliteDatabase(Path.Combine(_folder, "hub.db"));
        _database.Migrate();
        _objects = new DiskObjectStore(_folder, packs: true);
        _store = new ContentStore(_database, _objects,
            new ContentOptions { SpoolFolder = Directory.CreateDirectory(Path.Combine(_folder, "spool")).FullName }, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    Task<LargeFile> Ingest(byte[] bytes) => _store.IngestAsync(new MemoryStream(bytes), bytes.Length, new(SHA256.HashData(bytes)), default);

    async Task<byte[]> Read(LargeFile file, long offset, long length)
    {
        var writer = new Connection();
        await _store.WriteToAsync(file, offset, length, writer, default);
        return writer.Written.ToArray();
    }

    /// <summary>
    /// As a connection, whose memory comes in blocks: what asks for more takes memory of its own for as long as somebody reads slowly, and
    /// so does what waits to be sent.
    /// </summary>
    sealed class Connection : PipeWriter
    {
        readonly byte[] _block = new byte[ConnectionBlocks.LargeBytes];
        int _used, _waiting;

        public MemoryStream Written { get; } = new();

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            Assert.InRange(sizeHint, 0, ConnectionBlocks.LargeBytes);
            if (_block.Length - _used < Math.Max(1, sizeHint))
                _used = 0;
            return _block.AsMemory(_used);
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            Written.Write(_block, _used, bytes);
            _used += bytes;
            _waiting += bytes;
            Assert.InRange(_waiting, 0, ConnectionBlocks.LargeBytes + Chunker.MaxLength);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            _waiting = 0;
            return new(new FlushResult(isCanceled: false, isCompleted: false));
        }

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }

    async Task<long> StoredBytes() => (await _objects.ListAsync("xorbs/", default).ToListAsync()).Sum(o => o.Length);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8191)]
    [InlineData(500_000)]
    [InlineData(500_000, true)]
    [InlineData(9_000_001)]
    public async Task A_file_comes_back_whole_and_in_every_range(int length, bool compressible = false)
    {
        var bytes = Bytes(length, 1);
        for (var i = 0; compressible && i < length; i++)
            bytes[i] = (byte)(i / 100 * 7 + bytes[i] % 4);
        var file = await Ingest(bytes);
        Assert.Equal(length, file.Size);
        Assert.Equal(new Sha256(SHA256.HashData(bytes)), file.Sha256);
        Assert.Equal(bytes, await Read(file, 0, length));
        var random = new Random(2);
        for (var i = 0; i < 20 && length > 0; i++)
        {
            var offset = random.Next(length);
            var count = random.Next(length - offset + 1);
            Assert.Equal(bytes[offset..(offset + count)], await Read(file, offset, count));
        }
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "spool")));
    }

    [Fact]
    public async Task The_xet_hash_is_that_of_the_chunks()
    {
        var bytes = Bytes(1_000_000, 3);
        var chunks = new List<Chunk>();
        for (var at = 0; at < bytes.Length; at += (int)chunks[^1].Length)
        {
            var length = Chunker.FirstChunkLength(bytes.AsSpan(at));
            chunks.Add(new Chunk(XetHash.OfChunk(bytes.AsSpan(at, length)), (ulong)length));
        }
        Assert.Equal(MerkleTree.FileHash(chunks.ToArray()), (await Ingest(bytes)).XetHash);
    }

    [Fact]
    public async Task Bytes_that_are_not_the_announced_ones_leave_no_file()
    {
        var bytes = Bytes(100_000, 4);
        await Assert.ThrowsAsync<ContentMismatchException>(() =>
            _store.IngestAsync(new MemoryStream(bytes), bytes.Length, new Sha256(new byte[32]), default));
        await Assert.ThrowsAsync<ContentMismatchException>(() =>
            _store.IngestAsync(new MemoryStream(bytes), bytes.Length + 1, null, default));
        Assert.Null(await _store.FindAsync(new Sha256(SHA256.HashData(bytes)), default));
        Assert.Equal(0, await _database.ReadAsync(c => c.ExecuteScalarAsync<int>("SELECT COUNT(*) FROM contents"), default));
    }

    [Fact]
    public async Task The_same_file_again_stores_nothing_and_an_edited_one_little()
    {
        var bytes = Bytes(8_000_000, 5);
        var first = await Ingest(bytes);
        var stored = await StoredBytes();
        Assert.Equal(first.Id, (await Ingest(bytes)).Id);
        Assert.Equal(stored, await StoredBytes());

        byte[] edited = [.. bytes[..3_000_000], .. Bytes(1000, 6), .. bytes[3_000_000..]];
        var second = await Ingest(edited);
        Assert.InRange(await StoredBytes() - stored, 1, 600_000);
        Assert.Equal(edited, await Read(second, 0, edited.Length));
    }

    [Fact]
    public async Task What_a_large_file_of_new_bytes_has_in_common_with_another_is_stored_once()
    {
        var known = Bytes(3_000_000, 20);
        await Ingest(known);
        var stored = await StoredBytes();
        // Behind more new bytes than every chunk of is looked for.
        byte[] large = [.. Bytes(20_000_000, 21), .. known, .. Bytes(2_000_000, 22)];
        var file = await Ingest(large);
        Assert.InRange(await StoredBytes() - stored, 22_000_000, 22_400_000);
        Assert.Equal(large, await Read(file, 0, file.Size));

        // What it brought is found, too.
        stored = await StoredBytes();
        await Ingest(large[5_000_000..]);
        Assert.InRange(await StoredBytes() - stored, 1, 400_000);
    }

    [Fact]
    public async Task A_file_that_repeats_itself_is_stored_once()
    {
        var part = Bytes(2_000_000, 7);
        byte[] thrice = [.. part, .. part, .. part];
        var file = await Ingest(thrice);
        Assert.InRange(await StoredBytes(), part.Length, part.Length * 3 / 2);
        Assert.Equal(thrice, await Read(file, 0, file.Size));
    }

    [Fact]
    public async Task Many_uploads_of_one_file_at_once_make_one_file()
    {
        var bytes = Bytes(3_000_000, 8);
        var files = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => Ingest(bytes))));
        Assert.Single(files.Select(f => f.Id).Distinct());
        Assert.Equal(bytes, await Read(files[0], 0, bytes.Length));
    }

    [Fact]
    public async Task Weights_lie_in_less_than_three_quarters_and_come_back_whole_and_in_ranges()
    {
        var weights = Storage.PackingTests.Weights(5_000_000, 11);
        weights = [1, .. weights];      // numbers at odd places, as after a header
        var file = await Ingest(weights);
        var onDisk = new DirectoryInfo(Path.Combine(_folder, "objects")).EnumerateFiles("*", SearchOption.AllDirectories)
            .Sum(f => f.Length);
        Assert.InRange(onDisk, 1, weights.Length * 0.75);
        Assert.Equal(weights, await Read(file, 0, file.Size));
        Assert.Equal(weights[1_234_567..2_345_678], await Read(file, 1_234_567, 1_111_111));
        Assert.Equal(weights[^10..], await Read(file, file.Size - 10, 10));
    }

    [Fact]
    public async Task A_stream_that_breaks_off_is_an_error_and_leaves_no_spool()
    {
        await Assert.ThrowsAsync<IOException>(() => _store.IngestAsync(new Breaking(2_000_000), null, null, default));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "spool")));
    }

    [Fact]
    public async Task A_damaged_object_is_an_error_not_wrong_bytes()
    {
        var file = await Ingest(Bytes(300_000, 9));
        var path = Directory.GetFiles(Path.Combine(_folder, "objects"), "*", SearchOption.AllDirectories).Single();
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..1000]);
        await Assert.ThrowsAsync<InvalidDataException>(() => Read(file, 0, file.Size));
        File.Delete(path);
        await Assert.ThrowsAsync<InvalidDataException>(() => Read(file, 0, file.Size));
    }

    sealed class Breaking(int after) : MemoryStream(new byte[after])
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await base.ReadAsync(buffer, cancellationToken) is var read and > 0 ? read : throw new IOException("the connection was cut");
    }
}
