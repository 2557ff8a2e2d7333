using System.Globalization;
using System.Text;
using Banyan.Server.Search;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;
using SQLitePCL;

namespace Banyan.Bench.Hub;

/// <summary>A database that a <see cref="Catalogue"/> is written into.</summary>
interface ICatalogueTarget : IDisposable
{
    /// <summary>Adds a row. Rows of a table are added after those that they refer to.</summary>
    /// <param name="into">The table and its columns, as INSERT names them.</param>
    /// <param name="values">Numbers, texts, truth values and nulls.</param>
    void Add(string into, params object?[] values);

    /// <summary>Adds the words that a repository is found by.</summary>
    void Add(KeptWords words);

    /// <summary>Writes what was added.</summary>
    void Write();

    /// <summary>Makes the database what it is after its usual maintenance.</summary>
    void Finish();

    /// <summary>Bytes of the database.</summary>
    long Bytes { get; }
}

/// <summary>
/// A SQLite file: one statement a table, prepared by SQLite itself, in one transaction; plain indexes are made at the end. Words are added
/// by place: a row whose place is before the last one's makes the index of words write what it has gathered.
/// </summary>
sealed class SqliteTarget : ICatalogueTarget
{
    const int WordsTogether = 64 << 20, WordsUsual = 1 << 20;     // bytes of the index of words that are gathered (FTS5's hashsize)

    readonly string _file;
    readonly SqliteConnection _connection;
    readonly Dictionary<string, sqlite3_stmt> _inserts = [];
    readonly List<KeptWords> _words = [];
    readonly string[] _indexes;

    public SqliteTarget(string file)
    {
        (_file, _connection) = (file, new SqliteConnection($"Data Source={file};Pooling=false"));
        _connection.Open();
        _connection.Execute("PRAGMA cache_size = -4000000; PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; BEGIN");
        var indexes =
            _connection.Query<(string Name, string Sql)>(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND sql NOT LIKE 'CREATE UNIQUE%'").AsList();
        _indexes = [.. indexes.Select(i => i.Sql)];
        foreach (var (name, _) in indexes)
            _connection.Execute($"DROP INDEX \"{name}\"");
        GatherWords(WordsTogether);
    }

    public long Bytes => new FileInfo(_file).Length;

    void GatherWords(int bytes) =>
        _connection.Execute("INSERT INTO listing_words (listing_words, rank) VALUES ('hashsize', @bytes)", new { bytes });

    public void Add(string into, params object?[] values)
    {
        if (!_inserts.TryGetValue(into, out var insert))
        {
            Check(raw.sqlite3_prepare_v2(_connection.Handle,
                $"INSERT INTO {into} VALUES ({string.Join(", ", values.Select(_ => "?"))})", out insert));
            _inserts[into] = insert;
        }
        for (var i = 0; i < values.Length; i++)
            Check(values[i] switch
            {
                null => raw.sqlite3_bind_null(insert, i + 1),
                string text => raw.sqlite3_bind_text(insert, i + 1, text),
                var number => raw.sqlite3_bind_int64(insert, i + 1, Convert.ToInt64(number, CultureInfo.InvariantCulture)),
            });
        raw.sqlite3_step(insert);
        Check(raw.sqlite3_reset(insert));
    }

    void Check(int result) => SqliteException.ThrowExceptionForRC(result, _connection.Handle);

    public void Add(KeptWords words) => _words.Add(words);

    public void Write()
    {
        foreach (var words in _words.OrderBy(w => w.Place))
            Add("listing_words (rowid, words)", words.Place, string.Join(' ', words.Placed));
        _words.Clear();
    }

    public void Finish()
    {
        GatherWords(WordsUsual);
        foreach (var index in _indexes)
            _connection.Execute(index, commandTimeout: 0);
        foreach (var insert in _inserts.Values)
            insert.Dispose();
        _connection.Execute("COMMIT; PRAGMA journal_mode = WAL", commandTimeout: 0);
    }

    public void Dispose() => _connection.Dispose();
}

/// <summary>PostgreSQL: rows are copied table by table, and the indexes of words are made at the end.</summary>
sealed class PostgresTarget : ICatalogueTarget
{
    readonly NpgsqlConnection _connection;
    readonly Dictionary<string, StringBuilder> _rows = [];
    string[]? _indexes; // dropped with the first row: a database that is full keeps its own

    public PostgresTarget(string connection)
    {
        _connection = new NpgsqlConnection($"{connection};Command Timeout=0;Pooling=false");
        _connection.Open();
    }

    string[] DropIndexes()
    {
        var indexes = _connection.Query<(string Name, string Sql)>(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'listing_words' AND indexdef LIKE '% USING gin %'").AsList();
        foreach (var (name, _) in indexes)
            _connection.Execute($"DROP INDEX {name}");
        return [.. indexes.Select(i => i.Sql)];
    }

    public long Bytes => _connection.ExecuteScalar<long>("SELECT pg_database_size(current_database())");

    public void Add(string into, params object?[] values)
    {
        _indexes ??= DropIndexes();
        if (!_rows.TryGetValue(into, out var rows))
            rows = _rows[into] = new();
        for (var i = 0; i < values.Length; i++)
            rows.Append(i == 0 ? "" : "\t").Append(values[i] switch
            {
                null => "\\N",
                string text => text.Replace("\\", "\\\\", StringComparison.Ordinal),
                var value => Convert.ToString(value, CultureInfo.InvariantCulture),
            });
        rows.Append('\n');
    }

    public void Add(KeptWords words) =>
        Add("listing_words (repo_id, place, words)", words.Repo, words.Place, string.Join(' ', words.Placed.Select(w => $"'{w}'")));

    public void Write()
    {
        foreach (var (into, rows) in _rows)
        {
            using (var copy = _connection.BeginTextImport($"COPY {into} FROM STDIN"))
                copy.Write(rows);
            rows.Clear();
        }
    }

    public void Finish()
    {
        _connection.Execute("SET maintenance_work_mem = '1GB'");
        foreach (var index in _indexes ?? [])
            _connection.Execute(index);
        foreach (var table in (string[])["accounts", "repos"])
            _connection.Execute($"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))");
        _connection.Execute("VACUUM ANALYZE");
    }

    public void Dispose() => _connection.Dispose();
}
