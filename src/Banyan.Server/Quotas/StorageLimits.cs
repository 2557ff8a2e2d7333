using System.Buffers.Binary;
using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Quotas;

/// <summary>What a namespace keeps, and may.</summary>
/// <param name="Name">The user or organization.</param>
/// <param name="Used">Bytes of the large files and git objects of its repositories, a file that several hold once, and of what was sent and is no file yet.</param>
/// <param name="Own">Its own quota, or null.</param>
/// <param name="Quota">Its own or the hub's default, or null for none.</param>
public sealed record NamespaceUse(string Name, long Used, long? Own, long? Quota);

/// <summary>
/// How much the hub keeps: a quota for each namespace, and disk space that stays free, both set by an administrator. Bytes are taken only where they fit:
/// whoever takes them reserves room first, so that uploads at once do not each find the same room.
/// </summary>
public sealed class StorageLimits(HubDatabase database, HubOptions options, TimeProvider time)
{
    const string Default = "quota", FloorName = "free-space-floor";

    /// <summary>How long an unfinished upload counts: as long as what it brought is kept.</summary>
    static readonly TimeSpan s_incoming = TimeSpan.FromDays(31), s_fresh = TimeSpan.FromSeconds(5);

    sealed record Row
    {
        public long Id { get; init; }
        public string Name { get; init; } = "";
        public long? Quota { get; init; }
        public byte[]? DefaultQuota { get; init; }
        public byte[]? Floor { get; init; }
    }

    /// <summary>What is known of a namespace on this node: used when it was counted, taken since, being taken.</summary>
    sealed class Known
    {
        public long Used, Since, InFlight;
        public DateTimeOffset At;
    }

    readonly Dictionary<long, Known> _known = [];
    long _inFlight;

    /// <summary>The quota of namespaces that have none of their own; null for none.</summary>
    public Task<long?> DefaultQuotaAsync(CancellationToken cancellationToken) => ReadAsync(Default, cancellationToken);

    /// <summary>Bytes of the data folder's disk that stay free; null for none.</summary>
    public Task<long?> FloorAsync(CancellationToken cancellationToken) => ReadAsync(FloorName, cancellationToken);

    /// <summary>Sets <see cref="DefaultQuotaAsync"/>.</summary>
    public Task SetDefaultQuotaAsync(long? bytes, CancellationToken cancellationToken) => WriteAsync(Default, bytes, cancellationToken);

    /// <summary>Sets <see cref="FloorAsync"/>.</summary>
    public Task SetFloorAsync(long? bytes, CancellationToken cancellationToken) => WriteAsync(FloorName, bytes, cancellationToken);

    /// <summary>Sets a namespace's own quota; null for the hub's default.</summary>
    public Task SetQuotaAsync(long account, long? bytes, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("UPDATE accounts SET quota = @bytes WHERE id = @account", new { account, bytes });
        await Audit.RecordAsync(t, null, "quota.set", $"account {account}", bytes is null ? "default" : $"{bytes}");
    }, cancellationToken);

    /// <summary>Bytes that are free on the data folder's disk.</summary>
    public long FreeSpace => options.FreeSpace?.Invoke() ?? new DriveInfo(Path.GetFullPath(options.DataFolder)).AvailableFreeSpace;

    /// <summary>What a namespace keeps, counted now.</summary>
    public async Task<NamespaceUse> UseAsync(long account, CancellationToken cancellationToken)
    {
        var row = (await RowAsync("a.id = @id", account, cancellationToken))!;
        return new NamespaceUse(row.Name, await CountAsync(account, cancellationToken), row.Quota, row.Quota ?? Number(row.DefaultQuota));
    }

    /// <summary>Room for bytes that are about to come to a repository; disposed when they have come, or have not.</summary>
    /// <exception cref="HubException">507: there is none.</exception>
    public async Task<IDisposable> ReserveAsync(long repo, long bytes, CancellationToken cancellationToken) =>
        await ReserveAsync(await RowAsync("a.id = (SELECT owner_id FROM repos WHERE id = @id)", repo, cancellationToken), bytes, cancellationToken);

    /// <summary>As <see cref="ReserveAsync"/>, for a namespace.</summary>
    public async Task<IDisposable> ReserveOfAsync(long account, long bytes, CancellationToken cancellationToken) =>
        await ReserveAsync(await RowAsync("a.id = @id", account, cancellationToken), bytes, cancellationToken);

    /// <summary>Bytes that may still come to a repository.</summary>
    internal async Task<long> RoomAsync(long repo, CancellationToken cancellationToken)
    {
        if (await RowAsync("a.id = (SELECT owner_id FROM repos WHERE id = @id)", repo, cancellationToken) is not { } row)
            return long.MaxValue;
        var room = (row.Quota ?? Number(row.DefaultQuota)) is { } quota ? Math.Max(0, quota - await CountAsync(row.Id, cancellationToken)) : long.MaxValue;
        return Number(row.Floor) is { } floor && options.S3 is null ? Math.Min(room, Math.Max(0, FreeSpace - floor)) : room;
    }

    /// <summary>Notes, in the transaction that records them, bytes that came for a repository and are no part of a file yet.</summary>
    internal async Task<int> CameAsync(DbTransaction t, string name, long repo, long bytes) => await t.ExecuteAsync(
        "INSERT INTO incoming (object, owner_id, bytes, at) SELECT @name, owner_id, @bytes, @now FROM repos WHERE id = @repo ON CONFLICT (object) DO UPDATE SET at = excluded.at",
        new { name, repo, bytes, now = time.GetUtcNow().ToUnixTimeMilliseconds() });

    /// <summary>Bytes of these that count for a repository's owner already.</summary>
    internal async Task<long> CountedAsync(long repo, IEnumerable<string> names, CancellationToken cancellationToken)
    {
        var bytes = 0L;
        foreach (var some in names.Chunk(500))
            bytes += await database.ReadAsync(
                c => c.ExecuteScalarAsync<long>(
                    $"SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM incoming WHERE object {database.In("some")} AND owner_id = (SELECT owner_id FROM repos WHERE id = @repo)", new { some, repo }),
                cancellationToken);
        return bytes;
    }

    /// <summary>They are part of a file now, or gone.</summary>
    internal static async Task WentAsync(HubDatabase database, DbTransaction t, IEnumerable<string> names)
    {
        foreach (var some in names.Chunk(500))
            await t.ExecuteAsync($"DELETE FROM incoming WHERE object {database.In("some")}", new { some });
    }

    /// <summary>Forgets what came so long ago that it is gone.</summary>
    internal Task ForgetAsync(CancellationToken cancellationToken) =>
        database.WriteAsync(t => t.ExecuteAsync("DELETE FROM incoming WHERE at <= @Since", new { Since }), cancellationToken);

    long Since => (time.GetUtcNow() - s_incoming).ToUnixTimeMilliseconds();

    async Task<IDisposable> ReserveAsync(Row? row, long bytes, CancellationToken cancellationToken)
    {
        if (row is null || bytes <= 0)
            return new Reservation(this, null, 0);
        // Where the objects lie elsewhere, they pass through this disk all the same.
        if (Number(row.Floor) is { } floor && FreeSpace - (options.S3 is null ? Interlocked.Read(ref _inFlight) + bytes : 0) < floor)
            throw new HubException(507, "NoSpace", $"The hub's disk has no room for {bytes} bytes more: whoever runs it keeps {floor} bytes free. Nothing was taken.");
        if ((row.Quota ?? Number(row.DefaultQuota)) is not { } quota)
            return new Reservation(this, null, bytes);
        var known = await KnownAsync(row.Id, s_fresh, cancellationToken);
        if (TryTake(known, bytes, quota) || TryTake(known = await KnownAsync(row.Id, TimeSpan.Zero, cancellationToken), bytes, quota))
            return new Reservation(this, known, bytes);
        throw new HubException(
            507, "QuotaExceeded", $"{row.Name} keeps {known.Used} of {quota} bytes: {bytes} more do not fit. Remove repositories or large files that are not needed, or ask whoever runs this hub for more.");
    }

    bool TryTake(Known known, long bytes, long quota)
    {
        lock (_known)
        {
            if (known.Used + known.Since + known.InFlight > quota - bytes)
                return false;
            known.InFlight += bytes;
            return true;
        }
    }

    async Task<Known> KnownAsync(long account, TimeSpan oldest, CancellationToken cancellationToken)
    {
        Known? known;
        lock (_known)
            if (!_known.TryGetValue(account, out known))
                _known[account] = known = new Known();
        var now = time.GetUtcNow();
        if (now - known.At <= oldest && oldest > TimeSpan.Zero)
            return known;
        var used = await CountAsync(account, cancellationToken);
        lock (_known)
            (known.Used, known.Since, known.At) = (used, 0, now);
        return known;
    }

    Task<long> CountAsync(long account, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.ExecuteScalarAsync<long>(
            """
            SELECT CAST(
              COALESCE((SELECT SUM(c.size) FROM contents c WHERE c.id IN (SELECT rc.content_id FROM repo_contents rc JOIN repos r ON r.id = rc.repo_id WHERE r.owner_id = @account AND r.removed_at IS NULL)), 0)
              + COALESCE((SELECT SUM(g.size) FROM git_objects g JOIN repos r ON r.id = g.repo_id WHERE r.owner_id = @account AND r.removed_at IS NULL), 0)
              + COALESCE((SELECT SUM(bytes) FROM incoming WHERE owner_id = @account AND at > @Since), 0) AS BIGINT)
            """,
            new { account, Since }),
        cancellationToken);

    Task<Row?> RowAsync(string condition, long id, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Row>(
            $"""
            SELECT a.id, a.name, a.quota, (SELECT value FROM settings WHERE name = '{Default}') AS default_quota, (SELECT value FROM settings WHERE name = '{FloorName}') AS floor
            FROM accounts a WHERE {condition}
            """,
            new { id }),
        cancellationToken);

    static long? Number(byte[]? value) => value is { Length: sizeof(long) } ? BinaryPrimitives.ReadInt64LittleEndian(value) : null;

    async Task<long?> ReadAsync(string name, CancellationToken cancellationToken) =>
        Number(await database.ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @name", new { name }), cancellationToken));

    Task WriteAsync(string name, long? bytes, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("DELETE FROM settings WHERE name = @name", new { name });
        if (bytes is { } number)
        {
            var value = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(value, number);
            await t.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)", new { name, value });
        }
        await Audit.RecordAsync(t, null, "quota.set", name, bytes is null ? "none" : $"{bytes}");
    }, cancellationToken);

    sealed class Reservation : IDisposable
    {
        readonly StorageLimits _limits;
        readonly Known? _known;
        long _bytes;

        public Reservation(StorageLimits limits, Known? known, long bytes)
        {
            (_limits, _known, _bytes) = (limits, known, bytes);
            Interlocked.Add(ref limits._inFlight, bytes);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _bytes, 0) is not (> 0 and var bytes))
                return;
            Interlocked.Add(ref _limits._inFlight, -bytes);
            if (_known is null)
                return;
            // Until it is counted again it is taken for used.
            lock (_limits._known)
                (_known.InFlight, _known.Since) = (_known.InFlight - bytes, _known.Since + bytes);
        }
    }
}
