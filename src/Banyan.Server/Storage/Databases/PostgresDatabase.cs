using System.Data;
using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Banyan.Server.Git;
using Banyan.Server.Search;
using Dapper;
using FluentMigrator.Runner;
using Npgsql;

namespace Banyan.Server.Storage.Databases;

/// <summary>PostgreSQL: for several hub nodes over one database.</summary>
public sealed class PostgresDatabase(string connection) : HubDatabase
{
    const long MigrationLock = 0x42616E79616E, UpgradeLock = MigrationLock + 1;   // "Banyan"

    /// <summary>Unless the connection string says how many (<c>Maximum Pool Size</c>): a server accepts 100 by default, from all nodes and
    /// other clients. A request that finds none free waits.</summary>
    const int MostConnections = 40;

    /// <summary>
    /// Prepared statements per connection, from their second use on, unless the connection string sets another number
    /// (<c>Max Auto Prepare=0</c> for a pooler that does not support them). A few dozen statements answer most requests.
    /// </summary>
    const int MostPrepared = 100;

    /// <summary>
    /// Prepared statements are planned once for all values: they are written so that the best plan does not depend on the values, and
    /// planning takes longer than most of them run. None runs long enough to be worth starting parallel workers.
    /// </summary>
    const string Planning = "-c plan_cache_mode=force_generic_plan -c max_parallel_workers_per_gather=0";

    readonly NpgsqlDataSource _source = NpgsqlDataSource.Create(WithDefaults(connection));

    /// <summary>The connection string with the hub's defaults where it sets nothing else.</summary>
    internal static NpgsqlConnectionStringBuilder WithDefaults(string connection)
    {
        var settings = new NpgsqlConnectionStringBuilder(connection);
        if (!settings.ShouldSerialize("Maximum Pool Size"))
            settings.MaxPoolSize = MostConnections;
        if (!settings.ShouldSerialize("Max Auto Prepare"))
            (settings.MaxAutoPrepare, settings.AutoPrepareMinUsages) = (MostPrepared, 2);
        if (!settings.ShouldSerialize("No Reset On Close"))
            settings.NoResetOnClose = true;                       // no connection is returned with session state
        if (settings.MaxAutoPrepare > 0)
            settings.Options = $"{Planning} {settings.Options}".TrimEnd();
        return settings;
    }

    /// <inheritdoc/>
    public override async Task<DbConnection> OpenAsync(CancellationToken cancellationToken) =>
        await _source.OpenConnectionAsync(cancellationToken);

    /// <inheritdoc/>
    protected override async Task<DbTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken) =>
        await connection.BeginTransactionAsync(IsolationLevel.Serializable, cancellationToken);

    /// <inheritdoc/>
    protected override async Task<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken) =>
        await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);

    /// <inheritdoc/>
    public override string In(string parameter) => $"= ANY(@{parameter})";

    // One round trip, where a row each would take a thousand.
    internal override Task InsertChunksAsync(DbTransaction transaction, IReadOnlyList<(byte[] Hash, long Xorb, int Number)> chunks) =>
        transaction.ExecuteAsync(
        "INSERT INTO chunks (hash, xorb_id, number) SELECT * FROM unnest(@hashes, @xorbs, @numbers) ON CONFLICT DO NOTHING",
        new
        {
            hashes = chunks.Select(c => c.Hash).ToArray(),
            xorbs = chunks.Select(c => c.Xorb).ToArray(),
            numbers = chunks.Select(c => c.Number).ToArray()
        });

    internal override async Task InsertGitObjectsAsync(DbTransaction transaction, long repo, IReadOnlyList<NewGitObject> objects)
    {
        // A statement has its objects in memory.
        for (int first = 0, end = 0; first < objects.Count; first = end)
        {
            for (var bytes = 0L; end < objects.Count && bytes < GitObjects.BatchBytes; end++)
                bytes += objects[end].Length;
            var some = objects.Skip(first).Take(end - first).ToList();
            await transaction.ExecuteAsync(
                "INSERT INTO git_objects (repo_id, oid, kind, size, content) SELECT @repo, u.* FROM unnest(@oids, @kinds, @sizes, @contents) AS u ON CONFLICT DO NOTHING",
                new
                {
                    repo,
                    oids = some.Select(o => o.Id.ToArray()).ToArray(),
                    kinds = some.Select(o => o.Kind.Text()).ToArray(),
                    sizes = some.Select(o => (long)o.Length).ToArray(),
                    contents = some.Select(o => o.Content).ToArray(),
                });
        }
    }

    internal override Task KeepWordsAsync(DbTransaction transaction, KeptWords words) => transaction.ExecuteAsync(
        """
        INSERT INTO listing_words (repo_id, place, words) SELECT id, @Place, array_to_tsvector(@Placed) FROM repos WHERE id = @Repo
        ON CONFLICT (repo_id) DO UPDATE SET place = excluded.place, words = excluded.words
        """,
        new { words.Repo, words.Place, Placed = words.Placed.ToArray() });

    internal override string Places(WordSearch search, DynamicParameters parameters) =>
        Joined(Parts(search, parameters, -1, "LIMIT @most"));

    // The sum keeps it from going through rows by place instead.
    internal override string PlacesInOrder(WordSearch search, DynamicParameters parameters, long after) =>
        Joined(Parts(search, parameters, after, "AND place + 0 > @after ORDER BY place + 0 LIMIT @most"));

    // PostgreSQL runs the parts in order (parts with a LIMIT are never run in parallel) and stops at the limit, so later parts are searched
    // only if earlier ones have too few rows.
    static string Joined(IEnumerable<string> parts) =>
        $"SELECT place, id FROM ({string.Join(" UNION ALL ", parts.Select(p => $"({p})"))}) placed LIMIT @most";

    // One part of the index after the other.
    static IEnumerable<string> Parts(WordSearch search, DynamicParameters parameters, long after, string end)
    {
        string In(WordField field) =>
            $"({search.Words(w => $"'{KeptWords.In(field)}{w}'{(search.IsBeginning(w) ? ":*" : "")}", " & ", " | ")})";
        List<string> match = [.. search.HasWords ? [In(search.In)] : Array.Empty<string>(), .. search.Signs.Select(s => $"'{s}'"),
            .. search.NotIn is { } not ? [$"!{In(not)}"] : Array.Empty<string>()];
        parameters.Add("match", string.Join(" & ", match));
        return WordTiers.All.Where(t => t.Before > after).Select(t =>
            $"SELECT place, repo_id AS id FROM listing_words WHERE words @@ CAST(@match AS tsquery) AND {WordTiers.Condition(t)} {end}");
    }

    /// <inheritdoc/>
    protected override string TablesSql =>
        """
        SELECT t.relname, f.relname FROM pg_class t
        LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' LEFT JOIN pg_class f ON f.oid = k.confrelid
        WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace AND t.relname NOT IN ('VersionInfo', 'listing_words', 'git_packs', 'git_pack_parts', 'git_pack_ids')
        """;

    internal override string WithOwnIds => "OVERRIDING SYSTEM VALUE";

    internal override async Task CountOnAsync(DbTransaction transaction, string table)
    {
        foreach (var column in await transaction.QueryAsync<string>(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = @table AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')", new { table }))
            await transaction.ScalarAsync<long?>(
                $"SELECT setval(pg_get_serial_sequence(@table, @column), GREATEST((SELECT COALESCE(MAX(\"{column}\"), 0) FROM \"{table}\"), 1))", new { table, column });
    }

    // Serialization failure, deadlock; a unique key that a concurrent transaction took first is seen by the next attempt.
    /// <inheritdoc/>
    protected override bool IsConflict(Exception exception) => exception is PostgresException { SqlState: "40001" or "40P01" };

    internal override bool HasSchema()
    {
        using var open = _source.OpenConnection();
        return open.ExecuteScalar<bool>("SELECT to_regclass('\"VersionInfo\"') IS NOT NULL");
    }

    // The lock ends with the connection, which is not given back to the pool with it.
    internal override IDisposable? TakeTurnToUpgrade()
    {
        var turn = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false }.ToString());
        turn.Open();
        turn.Execute("SELECT pg_advisory_lock(@UpgradeLock)", new { UpgradeLock });
        return turn;
    }

    /// <summary>By pg_dump, whose password and address it gets in variables, as the connection string has them.</summary>
    internal override string Copy(string path)
    {
        var settings = new NpgsqlConnectionStringBuilder(connection);
        var copy = path + ".pgdump";
        var start = new ProcessStartInfo("pg_dump", ["--format=custom", "--file", copy])
        {
            RedirectStandardError = true,
            UseShellExecute = false
        };
        foreach (var (name, value) in (ReadOnlySpan<(string, string?)>)[("PGHOST", settings.Host),
            ("PGPORT", settings.Port.ToString(CultureInfo.InvariantCulture)), ("PGDATABASE", settings.Database ?? settings.Username),
            ("PGUSER", settings.Username), ("PGPASSWORD", settings.Password)])
            if (!string.IsNullOrEmpty(value))
                start.Environment[name] = value;
        try
        {
            using var dump = Process.Start(start)!;
            var said = dump.StandardError.ReadToEnd();
            dump.WaitForExit();
            if (dump.ExitCode == 0)
            {
                if (!OperatingSystem.IsWindows())
                    File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                return copy;
            }
            File.Delete(copy);
            throw new SchemaException(
                $"the database has to be brought up to date, and pg_dump cannot copy it first: {said.Trim()}. Make a copy yourself and set BANYAN_UPGRADE_WITHOUT_COPY=1");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new SchemaException(
                "the database has to be brought up to date, and there is no pg_dump to copy it first: install PostgreSQL's client, or make a copy yourself and set BANYAN_UPGRADE_WITHOUT_COPY=1");
        }
    }

    /// <inheritdoc/>
    public override void Migrate(long? version = null)
    {
        // Nodes that start together take turns.
        using var gate = _source.OpenConnection();
        gate.Execute("SELECT pg_advisory_lock(@MigrationLock)", new { MigrationLock });
        try
        {
            Migrate(version, r => r.AddPostgres().WithGlobalConnectionString(connection));
        }
        finally
        {
            gate.Execute("SELECT pg_advisory_unlock(@MigrationLock)", new { MigrationLock });
        }
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => _source.DisposeAsync();
}
