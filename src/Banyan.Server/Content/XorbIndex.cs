using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Data.Common;
using Banyan.Chunks;
using Banyan.Server.Access;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Content;

/// <summary>Where a chunk lies.</summary>
readonly record struct ChunkPlace(long Xorb, int Number);

/// <summary>The xorbs that are stored and what is in them. Layouts are immutable, so they are cached without ever being wrong.</summary>
sealed class XorbIndex(HubDatabase database, ContentOptions options, TimeProvider time, StorageLimits? limits)
{
    const int CachedLayouts = 256;   // about 10 MB at 1,000 chunks a xorb
    const int RememberedHolds = 100_000;

    /// <summary>In place of a time: the collector is removing the xorb, and nothing may refer to it any more.</summary>
    public const long Condemned = -1;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10), s_pause = TimeSpan.FromMilliseconds(50);

    readonly Dictionary<long, XorbLayout> _layouts = [];
    readonly Queue<long> _order = [];
    readonly ConcurrentDictionary<long, long> _held = [];   // until when a xorb need not be held again

    public static string ObjectKey(XetHash hash)
    {
        var name = hash.ToString();
        return $"xorbs/{name[..2]}/{name[2..4]}/{name}";
    }

    /// <summary>How a xorb is called among what came and is no file yet.</summary>
    public static string IncomingName(long xorb) => $"xorb:{xorb}";

    long KeepUntil => (time.GetUtcNow() + options.Grace).ToUnixTimeMilliseconds();

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Stores a xorb and records it, with its chunks unless the caller does that later for several together
    /// (<see cref="IndexAsync"/>); a xorb that is known is kept for longer. If the collector is removing the same xorb, this waits for it
    /// and stores the xorb again.</summary>
    /// <returns>Its row, and whether it is new.</returns>
    /// <exception cref="HubException">503: it cannot be had now.</exception>
    public async Task<(long Id, bool IsNew)> StoreAsync(IObjectStore objects, ObjectDraft draft, XorbLayout layout, long? repo,
        CancellationToken cancellationToken, bool indexed = true)
    {
        var key = ObjectKey(layout.Hash);
        var began = time.GetTimestamp();
        for (var isThis = false; ;)
        {
            isThis = isThis || await draft.CommitAsync(key, cancellationToken) == PutOutcome.Stored;
            var row = await AddAsync(objects, key, layout, repo, indexed, cancellationToken);
            if (row.Id > 0)
                return row;
            // What this draft became cannot be made of it again.
            if (time.GetElapsedTime(began) > s_patience || (isThis && await objects.LengthAsync(key, cancellationToken) is null))
                throw Busy();
            await Task.Delay(s_pause, cancellationToken);
        }

        static HubException Busy() => HubException.Busy(5, "These bytes are being removed at this moment: send them again in a while.");
    }

    /// <summary>Records a xorb; a row of 0 if it is being removed, was recorded meanwhile, or its object is not there any more.</summary>
    Task<(long Id, bool IsNew)> AddAsync(IObjectStore objects, string key, XorbLayout layout, long? repo, bool indexed,
        CancellationToken cancellationToken)
    {
        var hash = layout.Hash.ToArray();
        var packed = Pack(layout);
        return database.WriteAsync(async t =>
        {
            if (await t.ScalarAsync<long?>(
                "UPDATE xorbs SET keep_until = @keep WHERE hash = @hash AND keep_until <> @Condemned RETURNING id",
                new { hash, keep = KeepUntil, Condemned }) is { } known)
                return (known, false);
            // A row that is still there is condemned. One that is gone went after its object: an object seen now stays.
            if (await t.ScalarAsync<long?>("SELECT id FROM xorbs WHERE hash = @hash", new { hash }) is not null
                || await objects.LengthAsync(key, cancellationToken) is null)
                return (0, false);
            if (await t.ScalarAsync<long?>(
                """
                INSERT INTO xorbs (hash, stored_length, raw_length, layout, created_at, keep_until)
                VALUES (@hash, @stored, @raw, @packed, @now, @keep) ON CONFLICT DO NOTHING RETURNING id
                """,
                new { hash, stored = layout.StoredLength, raw = layout.RawLength, packed, now = Now, keep = KeepUntil }) is not { } id)
                return (0, false);   // another upload of the same was recorded meanwhile: its row is found the next time
            if (repo is { } row && limits is not null)
                await limits.CameAsync(t, IncomingName(id), row, layout.StoredLength);
            if (indexed)
                await database.InsertChunksAsync(t, InOrder([(id, layout)]));
            return (id, true);
        }, cancellationToken);
    }

    /// <summary>
    /// Adds the chunks of xorbs to the index. A chunk's place in the index is random, so that each xorb by itself changes nearly all pages
    /// of a small index: for a gigabyte that was 7,000 pages into SQLite's log, and is 600 with its sixteen xorbs together.
    /// </summary>
    public Task IndexAsync(IReadOnlyCollection<(long Id, XorbLayout Layout)> xorbs, CancellationToken cancellationToken)
    {
        var ids = xorbs.Select(x => x.Id).ToArray();
        var chunks = InOrder(xorbs);
        return database.WriteAsync(async t =>
        {
            var there =
                (await t.QueryAsync<long>($"SELECT id FROM xorbs WHERE id {database.In("ids")} AND keep_until <> @Condemned",
                    new { ids, Condemned })).ToHashSet();
            await database.InsertChunksAsync(t, there.Count == ids.Length ? chunks : chunks.FindAll(c => there.Contains(c.Xorb)));
        }, cancellationToken);
    }

    static List<(byte[] Hash, long Xorb, int Number)> InOrder(IEnumerable<(long Id, XorbLayout Layout)> xorbs)
    {
        List<(byte[] Hash, long Xorb, int Number)> chunks =
            [.. xorbs.SelectMany(x => x.Layout.Chunks.Select((c, i) => (c.Hash.ToArray(), x.Id, i)))];
        chunks.Sort((a, b) => a.Hash.AsSpan().SequenceCompareTo(b.Hash) is not 0 and var order ? order
            : (a.Xorb, a.Number).CompareTo((b.Xorb, b.Number)));
        return chunks;
    }

    /// <summary>The xorb of a hash, or null.</summary>
    public Task<long?> FindAsync(XetHash hash, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT id FROM xorbs WHERE hash = @hash AND keep_until <> @Condemned",
            new { hash = hash.ToArray(), Condemned }), cancellationToken);

    /// <summary>The xorb of a hash, if a file is in it that a repository reaches; null otherwise.</summary>
    public Task<long?> FindAsync(long repo, XetHash hash, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.ExecuteScalarAsync<long?>(
            """
            SELECT x.id FROM xorbs x WHERE x.hash = @hash AND x.keep_until <> @Condemned
              AND EXISTS (SELECT 1 FROM content_xorbs cx JOIN repo_contents rc ON rc.content_id = cx.content_id WHERE cx.xorb_id = x.id AND rc.repo_id = @repo)
            """,
            new { repo, hash = hash.ToArray(), Condemned }),
        cancellationToken);

    /// <summary>Which of these chunks are stored, and where. Their xorbs are kept for the grace period from now on.</summary>
    public async Task<Dictionary<XetHash, ChunkPlace>> FindChunksAsync(IReadOnlyCollection<XetHash> hashes,
        CancellationToken cancellationToken)
    {
        var wanted = hashes.Distinct().Select(h => h.ToArray()).ToArray();
        var rows = await database.FindChunksAsync(wanted, cancellationToken);
        var held = await HoldAsync([.. rows.Select(r => r.Xorb).Distinct()], cancellationToken);
        return rows.Where(r => held.Contains(r.Xorb)).ToDictionary(r => new XetHash(r.Hash), r => new ChunkPlace(r.Xorb, r.Number));
    }

    /// <summary>
    /// Keeps xorbs for the grace period because a client learns of them. Written seldom, since many ask: a quarter of the grace period,
    /// at most a day, may have passed. SQLite reads past a row's layout, some ten pages, to find until when it is kept: a row stands
    /// for up to 64 MB, and is asked once a day by this process, so a table of its own for that would save nothing one could measure.
    /// </summary>
    /// <returns>Those that are kept: all but those that are being removed.</returns>
    public async Task<HashSet<long>> HoldAsync(IReadOnlyCollection<long> xorbs, CancellationToken cancellationToken)
    {
        var slack = Math.Min((long)TimeSpan.FromDays(1).TotalMilliseconds, (long)options.Grace.TotalMilliseconds / 4);
        var held = xorbs.Where(x => _held.TryGetValue(x, out var until) && until > Now).ToHashSet();
        var asked = xorbs.Where(x => !held.Contains(x)).ToArray();
        if (asked.Length == 0)
            return held;
        var fresh = (await database.ReadAsync(
            c => c.QueryAsync<long>($"SELECT id FROM xorbs WHERE id {database.In("asked")} AND keep_until > @enough",
                new { asked, enough = KeepUntil - slack }), cancellationToken)).AsList();
        if (asked.Except(fresh).ToArray() is { Length: > 0 } stale)
            fresh.AddRange(await database.WriteAsync(
                t => t.QueryAsync<long>(
                    $"UPDATE xorbs SET keep_until = @keep WHERE id {database.In("stale")} AND keep_until <> @Condemned RETURNING id",
                    new { stale, keep = KeepUntil, Condemned }),
                cancellationToken));
        if (_held.Count > RememberedHolds)
            _held.Clear();
        foreach (var xorb in fresh)
        {
            _held[xorb] = Now + slack / 2;
            held.Add(xorb);
        }
        return held;
    }

    /// <summary>Where a chunk is stored, or null.</summary>
    public Task<ChunkPlace?> FindChunkAsync(XetHash hash, CancellationToken cancellationToken) => database.ReadAsync<ChunkPlace?>(
        async c => await c.QueryFirstOrDefaultAsync<(long Xorb, int Number)>("SELECT xorb_id, number FROM chunks WHERE hash = @hash",
            new { hash = hash.ToArray() }) is { Xorb: > 0 } row
            ? new ChunkPlace(row.Xorb, row.Number)
            : null,
        cancellationToken);

    /// <summary>Whether a stored file begins with this chunk.</summary>
    public Task<bool> BeginsFileAsync(ChunkPlace place, CancellationToken cancellationToken) => database.ReadAsync(
        async c => await c.ExecuteScalarAsync<long?>(
            "SELECT 1 FROM content_xorbs x JOIN contents f ON f.id = x.content_id WHERE x.xorb_id = @Xorb AND substr(f.terms, 1, 12) = @start LIMIT 1",
            new { place.Xorb, start = Term.Pack([new Term(place.Xorb, place.Number, 0, 0)])[..12] }) is not null,
        cancellationToken);

    /// <summary>A xorb, and the others of the newest file that it is a part of.</summary>
    public async Task<IReadOnlyList<long>> BesideAsync(long xorb, int most, CancellationToken cancellationToken) =>
        await database.ReadAsync(
        async c =>
        {
            var others = await c.QueryAsync<long>(
                "SELECT xorb_id FROM content_xorbs WHERE content_id = (SELECT MAX(content_id) FROM content_xorbs WHERE xorb_id = @xorb) AND xorb_id <> @xorb ORDER BY xorb_id LIMIT @others",
                new { xorb, others = most - 1 });
            return new List<long>([xorb, .. others]);
        },
        cancellationToken);

    /// <summary>Within the transaction that first refers to them: makes sure that these xorbs exist and stay.</summary>
    /// <exception cref="HubException">503: one of them was removed.</exception>
    public async Task ReferAsync(DbTransaction transaction, long[] xorbs)
    {
        var there =
            await transaction.ScalarAsync<long>($"SELECT COUNT(*) FROM xorbs WHERE id {database.In("xorbs")} AND keep_until <> @Condemned",
                new { xorbs, Condemned });
        if (there != xorbs.Length)
            throw HubException.Busy(1, "Bytes that this file has in common with others were removed while it came: send it again.");
    }

    /// <summary>The layout of a xorb.</summary>
    /// <exception cref="InvalidDataException">There is no such xorb: the database is damaged.</exception>
    public async ValueTask<XorbLayout> LayoutAsync(long id, CancellationToken cancellationToken)
    {
        lock (_layouts)
            if (_layouts.TryGetValue(id, out var cached))
                return cached;
        var row = await database.ReadAsync(
            c => c.QuerySingleOrDefaultAsync<(byte[] Hash, byte[] Layout)>("SELECT hash, layout FROM xorbs WHERE id = @id", new { id }),
            cancellationToken);
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

    internal static ImmutableArray<XorbChunk> Unpack(ReadOnlySpan<byte> bytes)
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
