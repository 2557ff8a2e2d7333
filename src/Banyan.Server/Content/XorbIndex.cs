using System.Buffers.Binary;
using System.Collections.Immutable;
using Banyan.Chunks;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Content;

/// <summary>Where a chunk lies.</summary>
readonly record struct ChunkPlace(long Xorb, int Number);

/// <summary>The xorbs that are stored and what lies in them. Layouts are immutable, so they are cached without ever being wrong.</summary>
sealed class XorbIndex(HubDatabase database, ContentOptions options, TimeProvider time)
{
    const int CachedLayouts = 256;   // about 10 MB at 1,000 chunks a xorb

    readonly Dictionary<long, XorbLayout> _layouts = [];
    readonly Queue<long> _order = [];

    public static string ObjectKey(XetHash hash)
    {
        var name = hash.ToString();
        return $"xorbs/{name[..2]}/{name[2..4]}/{name}";
    }

    long KeepUntil => (time.GetUtcNow() + options.Grace).ToUnixTimeMilliseconds();

    /// <summary>Records a xorb whose object is stored, and its chunks; a xorb that is known is kept for longer.</summary>
    /// <returns>Its row, and whether it is new.</returns>
    public async Task<(long Id, bool IsNew)> AddAsync(XorbLayout layout, CancellationToken cancellationToken)
    {
        var hash = layout.Hash.ToArray();
        var packed = Pack(layout);
        return await database.WriteAsync(async t =>
        {
            if (await t.ScalarAsync<long?>("UPDATE xorbs SET keep_until = @keep WHERE hash = @hash RETURNING id", new { hash, keep = KeepUntil }) is { } known)
                return (known, false);
            var id = await t.ScalarAsync<long>(
                """
                INSERT INTO xorbs (hash, stored_length, raw_length, layout, created_at, keep_until)
                VALUES (@hash, @stored, @raw, @packed, @now, @keep) RETURNING id
                """,
                new { hash, stored = layout.StoredLength, raw = layout.RawLength, packed, now = time.GetUtcNow().ToUnixTimeMilliseconds(), keep = KeepUntil });
            await database.InsertChunksAsync(t, id, [.. layout.Chunks.Select(c => c.Hash.ToArray())]);
            return (id, true);
        }, cancellationToken);
    }

    /// <summary>The xorb of a hash, or null.</summary>
    public Task<long?> FindAsync(XetHash hash, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT id FROM xorbs WHERE hash = @hash", new { hash = hash.ToArray() }), cancellationToken);

    /// <summary>Which of these chunks are stored, and where. Their xorbs are kept for the grace time from now on.</summary>
    public async Task<Dictionary<XetHash, ChunkPlace>> FindChunksAsync(IReadOnlyCollection<XetHash> hashes, CancellationToken cancellationToken)
    {
        var wanted = hashes.Distinct().Select(h => h.ToArray()).ToArray();
        var rows = await database.ReadAsync(
            c => c.QueryAsync<(byte[] Hash, long Xorb, int Number)>($"SELECT hash, xorb_id, number FROM chunks WHERE hash {database.In("wanted")}", new { wanted }),
            cancellationToken);
        return rows.ToDictionary(r => new XetHash(r.Hash), r => new ChunkPlace(r.Xorb, r.Number));
    }

    /// <summary>Where a chunk is stored, or null.</summary>
    public Task<ChunkPlace?> FindChunkAsync(XetHash hash, CancellationToken cancellationToken) => database.ReadAsync<ChunkPlace?>(
        async c => await c.QueryFirstOrDefaultAsync<(long Xorb, int Number)>("SELECT xorb_id, number FROM chunks WHERE hash = @hash", new { hash = hash.ToArray() }) is { Xorb: > 0 } row
            ? new ChunkPlace(row.Xorb, row.Number)
            : null,
        cancellationToken);

    /// <summary>Whether a stored file begins with this chunk.</summary>
    public Task<bool> BeginsFileAsync(ChunkPlace place, CancellationToken cancellationToken) => database.ReadAsync(
        async c => await c.ExecuteScalarAsync<long?>(
            "SELECT 1 FROM content_xorbs x JOIN contents f ON f.id = x.content_id WHERE x.xorb_id = @Xorb AND substr(f.terms, 1, 12) = @start LIMIT 1",
            new { place.Xorb, start = Term.Pack([new Term(place.Xorb, place.Number, 0, 0)])[..12] }) is not null,
        cancellationToken);

    /// <summary>Keeps a xorb for the grace time because somebody is told of it: written at most once a day, since many ask.</summary>
    public async Task AdvertiseAsync(long xorb, CancellationToken cancellationToken)
    {
        var keep = await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT keep_until FROM xorbs WHERE id = @xorb", new { xorb }), cancellationToken);
        if (keep < KeepUntil - TimeSpan.FromDays(1).TotalMilliseconds)
            await KeepAsync([xorb], cancellationToken);
    }

    /// <summary>Postpones the end of the grace time of these xorbs.</summary>
    public Task KeepAsync(IReadOnlyCollection<long> xorbs, CancellationToken cancellationToken) => xorbs.Count == 0
        ? Task.CompletedTask
        : database.WriteAsync(t => t.ExecuteAsync($"UPDATE xorbs SET keep_until = @keep WHERE id {database.In("xorbs")}", new { keep = KeepUntil, xorbs = xorbs.ToArray() }), cancellationToken);

    /// <summary>What lies where in a xorb.</summary>
    /// <exception cref="InvalidDataException">There is no such xorb: the database is damaged.</exception>
    public async ValueTask<XorbLayout> LayoutAsync(long id, CancellationToken cancellationToken)
    {
        lock (_layouts)
            if (_layouts.TryGetValue(id, out var cached))
                return cached;
        var row = await database.ReadAsync(
            c => c.QuerySingleOrDefaultAsync<(byte[] Hash, byte[] Layout)>("SELECT hash, layout FROM xorbs WHERE id = @id", new { id }), cancellationToken);
        if (row.Hash is null)
            throw new InvalidDataException($"Xorb {id} is not in the database: run banyan fsck.");
        var layout = new XorbLayout(new XetHash(row.Hash), Unpack(row.Layout));
        lock (_layouts)
        {
            if (_layouts.TryAdd(id, layout))
                _order.Enqueue(id);
            if (_order.Count > CachedLayouts)
                _layouts.Remove(_order.Dequeue());
        }
        return layout;
    }

    const int PackedChunk = XetHash.Size + 8;

    static byte[] Pack(XorbLayout layout)
    {
        var bytes = new byte[layout.Chunks.Length * PackedChunk];
        for (var i = 0; i < layout.Chunks.Length; i++)
        {
            var at = bytes.AsSpan(i * PackedChunk);
            layout.Chunks[i].Hash.CopyTo(at);
            BinaryPrimitives.WriteUInt32LittleEndian(at[XetHash.Size..], layout.Chunks[i].End);
            BinaryPrimitives.WriteUInt32LittleEndian(at[(XetHash.Size + 4)..], layout.Chunks[i].RawEnd);
        }
        return bytes;
    }

    static ImmutableArray<XorbChunk> Unpack(ReadOnlySpan<byte> bytes)
    {
        var chunks = ImmutableArray.CreateBuilder<XorbChunk>(bytes.Length / PackedChunk);
        for (; bytes.Length >= PackedChunk; bytes = bytes[PackedChunk..])
            chunks.Add(new XorbChunk(
                new XetHash(bytes[..XetHash.Size]),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes[XetHash.Size..]),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes[(XetHash.Size + 4)..])));
        return chunks.MoveToImmutable();
    }
}
