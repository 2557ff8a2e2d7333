using System.Buffers.Binary;
using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Quotas;

/// <summary>What a namespace stores, and its limits.</summary>
/// <param name="Name">The user or organization.</param>
/// <param name="Used">Bytes of the large files and git objects of its repositories, with a file that several hold counted once, and of
/// uploads that are not committed yet.</param>
/// <param name="Own">Its own quota, or null.</param>
/// <param name="Quota">Its own or the hub's default, or null for none.</param>
/// <param name="Repos">How many repositories it has.</param>
/// <param name="RepoLimit">How many it may have: its own limit or the hub's default.</param>
public sealed record NamespaceUse(string Name, long Used, long? Own, long? Quota, long Repos, long RepoLimit);

/// <summary>
/// The limits of what the hub stores: a quota and a number of repositories for each namespace, and disk space that stays free, all set by
/// an administrator. Bytes are accepted only if they fit: space is reserved first, so that concurrent uploads do not count on the same
/// space.
/// </summary>
public sealed class StorageLimits(HubDatabase database, HubOptions options, TimeProvider time)
{
    const string Default = "quota", FloorName = "free-space-floor", ReposName = "repo-limit";

    /// <summary>How many repositories a namespace may have by default.</summary>
    public const long DefaultRepoLimit = 10_000;

    // Where nobody says otherwise, a full hub leaves its database and the machine some room: 2 %, which small disks have too.
    const long DefaultFloor = 2_000_000_000, DefaultFloorPart = 50;

    /// <summary>How long an unfinished upload counts: as long as what it brought is kept.</summary>
    static readonly TimeSpan s_incoming = TimeSpan.FromDays(31), s_fresh = TimeSpan.FromSeconds(5);

    sealed record Row
    {
        public long Id { get; init; }
        public string Name { get; init; } = "";
        public long? Quota { get; init; }
        public byte[]? DefaultQuota { get; init; }
        public byte[]? Floor { get; init; }
        public long? RepoLimit { get; init; }
        public byte[]? DefaultRepoLimit { get; init; }
    }

    /// <summary>This node's record of a namespace: bytes used at the last count, added since, and reserved.</summary>
    sealed class Known
    {
        public long Used, Since, InFlight;
        public DateTimeOffset At;
    }

    readonly Dictionary<long, Known> _known = [];
    long _inFlight;

    /// <summary>The quota of namespaces that have none of their own; null for none.</summary>
    public Task<long?> DefaultQuotaAsync(CancellationToken cancellationToken) => ReadAsync(Default, cancellationToken);

    /// <summary>
    /// Bytes of the data folder's disk that stay free: what an administrator set, or 2 % of the disk and no more than 2 GB.
    /// </summary>
    public async Task<long> FloorAsync(CancellationToken cancellationToken) => FloorOf(await ReadAsync(FloorName, cancellationToken));

    long FloorOf(long? set) => set ?? Math.Min(DefaultFloor, DiskSize / DefaultFloorPart);

    /// <summary>How many repositories a namespace may have that has no limit of its own.</summary>
    public async Task<long> RepoLimitAsync(CancellationToken cancellationToken) =>
        await ReadAsync(ReposName, cancellationToken) ?? DefaultRepoLimit;

    /// <summary>Sets <see cref="RepoLimitAsync"/>; null for <see cref="DefaultRepoLimit"/>.</summary>
    public Task SetRepoLimitAsync(long? count, CancellationToken cancellationToken) => WriteAsync(ReposName, count, cancellationToken);

    /// <summary>Sets how many repositories a namespace may have; null for the hub's default.</summary>
    public Task SetRepoLimitAsync(long account, long? count, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("UPDATE accounts SET repo_limit = @count WHERE id = @account", new { account, count });
        await Audit.RecordAsync(t, "quota.set", await Audit.NameAsync(t, account),
            count is null ? "repositories: default" : $"repositories: {count}");
    }, cancellationToken);

    /// <summary>Checks, in the transaction that adds a repository to a namespace, that its limit is not exceeded.</summary>
    /// <exception cref="HubException">507: the limit is exceeded.</exception>
    internal static async Task CheckReposAsync(DbTransaction t, long account)
    {
        var row = (await t.FirstAsync<Row>($"SELECT {Columns} FROM accounts a WHERE a.id = @account", new { account }))!;
        var limit = row.RepoLimit ?? Number(row.DefaultRepoLimit) ?? DefaultRepoLimit;
        if (await t.ScalarAsync<long>(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM repos WHERE owner_id = @account AND removed_at IS NULL LIMIT @most) counted",
            new { account, most = limit + 1 }) > limit)
            throw new HubException(507, "QuotaExceeded",
                $"{row.Name} may have {limit} repositories: remove some that are not needed, or ask this hub's administrators for more.");
    }

    /// <summary>Sets <see cref="DefaultQuotaAsync"/>.</summary>
    public Task SetDefaultQuotaAsync(long? bytes, CancellationToken cancellationToken) => WriteAsync(Default, bytes, cancellationToken);

    /// <summary>Sets <see cref="FloorAsync"/>; 0 for none, null for the default.</summary>
    public Task SetFloorAsync(long? bytes, CancellationToken cancellationToken) => WriteAsync(FloorName, bytes, cancellationToken);

    /// <summary>Sets a namespace's own quota; null for the hub's default.</summary>
    public Task SetQuotaAsync(long account, long? bytes, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("UPDATE accounts SET quota = @bytes WHERE id = @account", new { account, bytes });
        await Audit.RecordAsync(t, "quota.set", await Audit.NameAsync(t, account), bytes is null ? "default" : $"{bytes}");
    }, cancellationToken);

    /// <summary>Bytes that are free on the data folder's disk.</summary>
    public long FreeSpace => options.FreeSpace?.Invoke() ?? new DriveInfo(Path.GetFullPath(options.DataFolder)).AvailableFreeSpace;

    long DiskSize => options.DiskSize ?? new DriveInfo(Path.GetFullPath(options.DataFolder)).TotalSize;

    /// <summary>What a namespace keeps, counted now.</summary>
    public async Task<NamespaceUse> UseAsync(long account, CancellationToken cancellationToken)
    {
        var row = (await RowAsync("a.id = @id", account, cancellationToken))!;
        var repos =
            await database.ReadAsync(c =>
                c.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM repos WHERE owner_id = @account AND removed_at IS NULL", new { account }),
                cancellationToken);
        return new NamespaceUse(
            row.Name, await CountAsync(account, cancellationToken), row.Quota, row.Quota ?? Number(row.DefaultQuota), repos,
            row.RepoLimit ?? Number(row.DefaultRepoLimit) ?? DefaultRepoLimit);
    }

    /// <summary>Reserves space for bytes about to arrive for a repository; dispose it when they have arrived or failed.</summary>
    /// <exception cref="HubException">507: there is not enough space.</exception>
    public async Task<IDisposable> ReserveAsync(long repo, long bytes, CancellationToken cancellationToken) =>
        await ReserveAsync(await RowAsync("a.id = (SELECT owner_id FROM repos WHERE id = @id)", repo, cancellationToken),
            bytes, cancellationToken);

    /// <summary>As <see cref="ReserveAsync"/>, for a namespace.</summary>
    public async Task<IDisposable> ReserveOfAsync(long account, long bytes, CancellationToken cancellationToken) =>
        await ReserveAsync(await RowAsync("a.id = @id", account, cancellationToken), bytes, cancellationToken);

    /// <summary>Bytes that may still come to a repository.</summary>
    internal async Task<long> RoomAsync(long repo, CancellationToken cancellationToken)
    {
        if (await RowAsync("a.id = (SELECT owner_id FROM repos WHERE id = @id)", repo, cancellationToken) is not { } row)
            return long.MaxValue;
        var room = (row.Quota ?? Number(row.DefaultQuota)) is { } quota
            ? Math.Max(0, quota - await CountAsync(row.Id, cancellationToken)) : long.MaxValue;
        return options.S3 is null ? Math.Min(room, Math.Max(0, FreeSpace - FloorOf(Number(row.Floor)))) : room;
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
        var floor = FloorOf(Number(row.Floor));
        if (floor > 0 && FreeSpace - (options.S3 is null ? Interlocked.Read(ref _inFlight) + bytes : 0) < floor)
            throw new HubException(507, "NoSpace",
                $"The hub's disk has no room for {bytes} bytes more: {floor} bytes stay free (banyan hub quota floor). Nothing was taken.");
        if ((row.Quota ?? Number(row.DefaultQuota)) is not { } quota)
            return new Reservation(this, null, bytes);
        var known = await KnownAsync(row.Id, s_fresh, cancellationToken);
        if (TryTake(known, bytes, quota) || TryTake(known = await KnownAsync(row.Id, TimeSpan.Zero, cancellationToken), bytes, quota))
            return new Reservation(this, known, bytes);
        throw new HubException(
            507, "QuotaExceeded",
            $"{row.Name} uses {known.Used} of {quota} bytes: {bytes} more do not fit. Remove repositories or large files that are not needed, or ask this hub's administrators for more.");
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

    const string Columns = $"""
        a.id, a.name, a.quota, a.repo_limit, (SELECT value FROM settings WHERE name = '{Default}') AS default_quota,
        (SELECT value FROM settings WHERE name = '{FloorName}') AS floor, (SELECT value FROM settings WHERE name = '{ReposName}') AS default_repo_limit
        """;

    Task<Row?> RowAsync(string condition, long id, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Row>(
            $"SELECT {Columns} FROM accounts a WHERE {condition}", new { id }),
        cancellationToken);

    static long? Number(byte[]? value) => value is { Length: sizeof(long) } ? BinaryPrimitives.ReadInt64LittleEndian(value) : null;

    async Task<long?> ReadAsync(string name, CancellationToken cancellationToken) =>
        Number(await database.ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @name", new { name }),
            cancellationToken));

    Task WriteAsync(string name, long? bytes, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("DELETE FROM settings WHERE name = @name", new { name });
        if (bytes is { } number)
        {
            var value = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(value, number);
            await t.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)", new { name, value });
        }
        await Audit.RecordAsync(t, "quota.set", name, bytes is null ? "default" : $"{bytes}");
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
