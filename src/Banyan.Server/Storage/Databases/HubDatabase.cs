using System.Data.Common;
using Banyan.Server.Git;
using Banyan.Server.Search;
using Dapper;
using FluentMigrator.Runner;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Storage.Databases;

/// <summary>
/// The hub's SQL database: everything that must be consistent. The same plain SQL runs on both implementations,
/// <see cref="SqliteDatabase"/> and <see cref="PostgresDatabase"/>, and one contract suite runs against both. Times are Unix milliseconds.
/// </summary>
public abstract class HubDatabase : IAsyncDisposable
{
    const int Attempts = 20;

    static HubDatabase()
    {
        DefaultTypeMap.MatchNamesWithUnderscores = true;
        SqlMapper.ConnectionStringComparer = new ByKind();
    }

    /// <summary>Databases of a kind have the same schema, so Dapper's compiled query for one serves all of them in this process.</summary>
    sealed class ByKind : IEqualityComparer<string>
    {
        public bool Equals(string? x, string? y) => x is not null && y is not null && IsPostgres(x) == IsPostgres(y);

        public int GetHashCode(string obj) => IsPostgres(obj) ? 1 : 0;
    }

    /// <summary>Opens SQLite in a file, or PostgreSQL if <paramref name="connection"/> names a host.</summary>
    /// <param name="connection">A PostgreSQL connection string (<c>Host=…</c>), or the path of a SQLite file.</param>
    public static HubDatabase Open(string connection) =>
        IsPostgres(connection) ? new PostgresDatabase(connection) : new SqliteDatabase(connection);

    /// <summary>Whether a text is a connection string of PostgreSQL rather than the path of a file.</summary>
    public static bool IsPostgres(string connection) => connection.Contains("Host=", StringComparison.OrdinalIgnoreCase);

    /// <summary>An open connection of the pool, for reading.</summary>
    public abstract Task<DbConnection> OpenAsync(CancellationToken cancellationToken);

    /// <summary>As <see cref="OpenAsync"/>, for reading much of which nothing is read twice: little of it stays in memory.</summary>
    internal virtual Task<DbConnection> OpenToStreamAsync(CancellationToken cancellationToken) => OpenAsync(cancellationToken);

    /// <summary>Brings the schema up to date: safe to call from several nodes at once.</summary>
    /// <param name="version">Stops at this version of it, or null for the newest.</param>
    public abstract void Migrate(long? version = null);

    /// <summary>The tables, each after those that its rows refer to.</summary>
    internal async Task<IReadOnlyList<string>> TablesAsync(DbTransaction transaction)
    {
        var links = (await transaction.QueryAsync<(string Table, string? To)>(TablesSql)).ToLookup(l => l.Table, l => l.To);
        var ordered = new List<string>();
        while (links.Select(l => l.Key).Except(ordered).Order(StringComparer.Ordinal)
            .Where(t => links[t].All(to => to is null || to == t || ordered.Contains(to))).ToArray() is { Length: > 0 } next)
            ordered.AddRange(next);
        return ordered;
    }

    /// <summary>Selects tables with the tables that their rows refer to, one a row, null for none.</summary>
    protected abstract string TablesSql { get; }

    /// <summary>What an INSERT that brings its own ids says before VALUES.</summary>
    internal abstract string WithOwnIds { get; }

    /// <summary>After rows came with their ids: new rows get ids above them.</summary>
    internal abstract Task CountOnAsync(DbTransaction transaction, string table);

    /// <summary>The version of the schema.</summary>
    internal static Task<long> VersionAsync(DbTransaction transaction) =>
        transaction.ScalarAsync<long>("SELECT MAX(\"Version\") FROM \"VersionInfo\"");

    static readonly long[] s_versions = [.. typeof(HubDatabase).Assembly.GetTypes()
        .SelectMany(t => t.GetCustomAttributes(typeof(FluentMigrator.MigrationAttribute), false)).Cast<FluentMigrator.MigrationAttribute>()
        .Select(m => m.Version)];

    /// <summary>The newest version of the schema that this program knows.</summary>
    internal static long NewestVersion { get; } = s_versions.Max();

    /// <summary>How many steps lead there.</summary>
    internal static int Migrations => s_versions.Length;

    /// <summary>Version of the schema, and how many steps were made; 0 of a new database.</summary>
    internal (long Version, int Applied) Schema()
    {
        if (!HasSchema())
            return default;
        using var connection = OpenAsync(CancellationToken.None).GetAwaiter().GetResult();
        return connection.QuerySingle<(long, int)>("SELECT COALESCE(MAX(\"Version\"), 0), COUNT(*) FROM \"VersionInfo\"");
    }

    /// <summary>Whether there is a schema at all.</summary>
    internal abstract bool HasSchema();

    /// <summary>Waits until no other node upgrades; released by disposing.</summary>
    internal virtual IDisposable? TakeTurnToUpgrade() => null;

    /// <summary>Writes a copy of the whole database into a file.</summary>
    /// <param name="path">The file, without what its name ends with.</param>
    /// <returns>The file.</returns>
    /// <exception cref="SchemaException">It cannot be.</exception>
    internal abstract string Copy(string path);

    /// <summary>The condition "is one of the array <paramref name="parameter"/>": the one thing the two spell differently.</summary>
    public abstract string In(string parameter);

    /// <summary>Keeps the words that a repository is found by, in place of those before.</summary>
    internal abstract Task KeepWordsAsync(DbTransaction transaction, KeptWords words);

    /// <summary>
    /// Selects place and id of the repositories that a search finds after the place <c>@after</c>, at most <c>@most</c>: all if there are
    /// fewer, or any so many of them.
    /// </summary>
    /// <param name="search">What is looked for.</param>
    /// <param name="parameters">Receives what the SQL compares with.</param>
    internal abstract string Places(WordSearch search, DynamicParameters parameters);

    /// <summary>Selects the first of them, in order of their places.</summary>
    /// <param name="search">What is looked for.</param>
    /// <param name="parameters">Receives what the SQL compares with.</param>
    /// <param name="after">The value of <c>@after</c>.</param>
    internal virtual string PlacesInOrder(WordSearch search, DynamicParameters parameters, long after) => Places(search, parameters);

    /// <summary>
    /// Adds chunks to the index; those that are known stay where they are. Given in the order of their hashes, those that are neighbours in
    /// the index are written together.
    /// </summary>
    internal abstract Task InsertChunksAsync(DbTransaction transaction, IReadOnlyList<(byte[] Hash, long Xorb, int Number)> chunks);

    /// <summary>Stands before a column of bytes that is read piece by piece, where a database needs it to know the row.</summary>
    internal virtual string RowFirst => "";

    /// <summary>
    /// Bytes of the row that a reader stands at, valid until it moves on: not copied where the driver has them in memory.
    /// </summary>
    internal virtual ReadOnlySpan<byte> Bytes(DbDataReader reader, int column) => reader.GetFieldValue<byte[]>(column);

    /// <summary>Adds git objects to a repository; those that are there stay.</summary>
    internal abstract Task InsertGitObjectsAsync(DbTransaction transaction, long repo, IReadOnlyList<NewGitObject> objects);

    /// <summary>Which of these chunks the index holds, and where.</summary>
    internal virtual async Task<IReadOnlyList<(byte[] Hash, long Xorb, int Number)>> FindChunksAsync(byte[][] wanted,
        CancellationToken cancellationToken) =>
        (await ReadAsync(c =>
            c.QueryAsync<(byte[] Hash, long Xorb, int Number)>($"SELECT hash, xorb_id, number FROM chunks WHERE hash {In("wanted")}",
                new { wanted }), cancellationToken)).AsList();

    /// <summary>
    /// A number that differs after any change that any process committed; null if finding out costs as much as a query.
    /// </summary>
    internal virtual long? Version() => null;

    /// <summary>Whether the same transaction, tried again, may succeed: somebody else was writing.</summary>
    protected abstract bool IsConflict(Exception exception);

    /// <summary>Begins a transaction that sees one state of the database and fails rather than overwrite another's change.</summary>
    protected abstract Task<DbTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken);

    /// <summary>Moves committed data from the log to its final place, if the database leaves that to us. Readers and writers do not
    /// wait.</summary>
    internal virtual Task CheckpointAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Reads outside of a transaction.</summary>
    public async Task<T> ReadAsync<T>(Func<DbConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        return await work(connection);
    }

    /// <summary>Begins a read-only transaction that sees one state of the database and blocks nobody.</summary>
    protected abstract Task<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken);

    /// <summary>Reads one state of the database while others write.</summary>
    public async Task<T> SnapshotAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await BeginSnapshotAsync(connection, cancellationToken);
        return await work(transaction);
    }

    /// <summary>
    /// Runs <paramref name="work"/> in one transaction: it takes effect as a whole and survives a power cut, or not at all. It is retried
    /// after a conflict with another transaction, so it must have no effects outside the database.
    /// </summary>
    public virtual async Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await OpenAsync(cancellationToken);
                await using var transaction = await BeginAsync(connection, cancellationToken);
                var result = await work(transaction);
                await transaction.CommitAsync(cancellationToken);
                return result;
            }
            catch (Exception e) when (IsConflict(e) && attempt < Attempts)
            {
                await Task.Delay(Random.Shared.Next(1, 10 * attempt), cancellationToken);
            }
        }
    }

    /// <summary>As <see cref="WriteAsync{T}"/>, without a result.</summary>
    public Task WriteAsync(Func<DbTransaction, Task> work, CancellationToken cancellationToken) =>
        WriteAsync(async t =>
        {
            await work(t);
            return true;
        }, cancellationToken);

    /// <summary>Runs the migrations of this assembly.</summary>
    protected static void Migrate(long? version, Action<IMigrationRunnerBuilder> database)
    {
        using var services = new ServiceCollection()
            .AddFluentMigratorCore()
            .ConfigureRunner(runner =>
            {
                database(runner);
                runner.WithGlobalCommandTimeout(TimeSpan.FromDays(1));     // an index of a large hub takes its time
                runner.ScanIn(typeof(HubDatabase).Assembly).For.Migrations();
            })
            .AddLogging(l => l.SetMinimumLevel(LogLevel.Warning))
            .BuildServiceProvider();
        using var scope = services.CreateScope();
        var migrations = scope.ServiceProvider.GetRequiredService<IMigrationRunner>();
        if (version is { } to)
            migrations.MigrateUp(to);
        else
            migrations.MigrateUp();
    }

    /// <summary>Closes all connections.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>Shorthands over Dapper for transactions.</summary>
static class TransactionSql
{
    public static Task<int> ExecuteAsync(this DbTransaction transaction, string sql, object? parameters = null) =>
        transaction.Connection!.ExecuteAsync(sql, parameters, transaction);

    public static Task<T?> ScalarAsync<T>(this DbTransaction transaction, string sql, object? parameters = null) =>
        transaction.Connection!.ExecuteScalarAsync<T>(sql, parameters, transaction);

    public static Task<T?> FirstAsync<T>(this DbTransaction transaction, string sql, object? parameters = null) =>
        transaction.Connection!.QueryFirstOrDefaultAsync<T>(sql, parameters, transaction);

    public static async Task<IReadOnlyList<T>> QueryAsync<T>(this DbTransaction transaction, string sql, object? parameters = null) =>
        (await transaction.Connection!.QueryAsync<T>(sql, parameters, transaction)).AsList();
}
