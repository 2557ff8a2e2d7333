using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using Banyan.Server.Git;
using Banyan.Server.Search;
using Dapper;
using FluentMigrator.Runner;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Banyan.Server.Storage.Databases;

/// <summary>
/// SQLite in one file: the default. Write-ahead log, flushed to the disk at every commit; any number of readers beside one writer,
/// and writers of this process queue instead of contending for the file lock.
/// </summary>
public sealed class SqliteDatabase(string path) : HubDatabase
{
    readonly string _connection = new SqliteConnectionStringBuilder
    {
        DataSource = path,
        ForeignKeys = true,
        DefaultTimeout = 30,
        Pooling = true,
    }.ToString();

    // Whoever commits moves the log into the database's file only where the job (Checkpoints) has not for so many pages of 4 KB.
    const int MostLogPages = 16_384, LogPages = 1000;

    // Of the file's pages a connection keeps, in KB: SQLite's own default, and enough for one path down a tree.
    const int CacheKilobytes = 2000, StreamKilobytes = 256;

    readonly SemaphoreSlim _writer = new(1);
    readonly Lock _watching = new();
    readonly ConcurrentBag<ChunkFinder> _finders = [];      // as many as ever asked at once
    SqliteCommand? _version;
    LogHead? _log;

    /// <inheritdoc/>
    public override async Task<DbConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = new SqliteConnection(_connection);
        await connection.OpenAsync(cancellationToken);
        await connection.ExecuteAsync(
            $"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {MostLogPages}; PRAGMA cache_size = -{CacheKilobytes}");
        return connection;
    }

    internal override async Task<DbConnection> OpenToStreamAsync(CancellationToken cancellationToken)
    {
        var connection = await OpenAsync(cancellationToken);
        await connection.ExecuteAsync($"PRAGMA cache_size = -{StreamKilobytes}");
        return connection;
    }

    /// <inheritdoc/>
    public override async Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken cancellationToken)
    {
        await _writer.WaitAsync(cancellationToken);
        try
        {
            return await base.WriteAsync(work, cancellationToken);
        }
        finally
        {
            _writer.Release();
        }
    }

    internal override async Task CheckpointAsync(CancellationToken cancellationToken)
    {
        if (new FileInfo(path + "-wal") is not { Exists: true, Length: var length } || length < LogPages * 4096L)
            return;
        await using var connection = await OpenAsync(cancellationToken);
        await connection.ExecuteAsync("PRAGMA wal_checkpoint(PASSIVE)");
    }

    /// <summary>
    /// By the head of the log, a look at shared memory; where that cannot be had, by what a connection that never writes sees.
    /// </summary>
    internal override long? Version() => (_log ?? Watch())?.Version() ?? SeenVersion();

    long SeenVersion()
    {
        lock (_watching)
            return (long)_version!.ExecuteScalar()!;
    }

    LogHead? Watch()
    {
        lock (_watching)
        {
            if (_version is null)
            {
                var connection = new SqliteConnection(_connection);
                connection.Open();
                _version = connection.CreateCommand();
                _version.CommandText = "PRAGMA data_version";
                _version.ExecuteScalar();       // what was read once has a log
                _log = LogHead.Of(connection);
            }
            return _log;
        }
    }

    /// <summary>Takes the write lock at once: a reader that turns writer would fail half-way.</summary>
    protected override async Task<DbTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken) =>
        await connection.BeginTransactionAsync(IsolationLevel.Serializable, cancellationToken);

    /// <summary>A reader beside the writer, for which the log keeps what it reads.</summary>
    protected override Task<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken) =>
        Task.FromResult<DbTransaction>(((SqliteConnection)connection).BeginTransaction(deferred: true));

    /// <inheritdoc/>
    public override string In(string parameter) => $"IN @{parameter}";

    /// <summary>Every megabyte of an upload asks: by a statement that stays prepared, which takes a third of the time.</summary>
    internal override async Task<IReadOnlyList<(byte[] Hash, long Xorb, int Number)>> FindChunksAsync(byte[][] wanted,
        CancellationToken cancellationToken)
    {
        if (!_finders.TryTake(out var finder))
            finder = new ChunkFinder((SqliteConnection)await OpenAsync(cancellationToken));
        try
        {
            var found = finder.Find(wanted);
            _finders.Add(finder);
            return found;
        }
        catch
        {
            finder.Dispose();
            throw;
        }
    }

    internal override Task InsertChunksAsync(DbTransaction transaction, IReadOnlyList<(byte[] Hash, long Xorb, int Number)> chunks)
    {
        // A statement of SQLite itself: the provider takes three times as long for a row as SQLite.
        var connection = ((SqliteConnection)transaction.Connection!).Handle;
        Check(raw.sqlite3_prepare_v2(connection,
            "INSERT INTO chunks (hash, xorb_id, number) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", out var insert));
        using (insert)
            foreach (var (hash, xorb, number) in chunks)
            {
                Check(raw.sqlite3_bind_blob(insert, 1, hash));
                Check(raw.sqlite3_bind_int64(insert, 2, xorb));
                Check(raw.sqlite3_bind_int(insert, 3, number));
                raw.sqlite3_step(insert);
                Check(raw.sqlite3_reset(insert));       // what the step came to
            }
        return Task.CompletedTask;

        void Check(int result) => SqliteException.ThrowExceptionForRC(result, connection);
    }

    internal override string RowFirst => "rowid, ";

    internal override ReadOnlySpan<byte> Bytes(DbDataReader reader, int column) =>
        raw.sqlite3_column_blob(((SqliteDataReader)(reader is IWrappedDataReader wrapped ? wrapped.Reader : reader)).Handle, column);

    internal override Task InsertGitObjectsAsync(DbTransaction transaction, long repo, IReadOnlyList<NewGitObject> objects)
    {
        using var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        command.CommandText =
            "INSERT INTO git_objects (repo_id, oid, kind, size, content) VALUES (@repo, @oid, @kind, @size, @content) ON CONFLICT DO NOTHING";
        DbParameter Parameter(string name, object? value = null)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
            return parameter;
        }
        Parameter("@repo", repo);
        var (oid, kind, size, content) = (Parameter("@oid"), Parameter("@kind"), Parameter("@size"), Parameter("@content"));
        foreach (var made in objects)
        {
            (oid.Value, kind.Value, size.Value, content.Value) = (made.Id.ToArray(), made.Kind.Text(), (long)made.Length, made.Content);
            command.ExecuteNonQuery();
        }
        return Task.CompletedTask;
    }

    internal override async Task KeepWordsAsync(DbTransaction transaction, KeptWords words)
    {
        var before = await transaction.ScalarAsync<long?>("SELECT word_place FROM listings WHERE repo_id = @Repo", words);
        if (before is not null)
            await transaction.ExecuteAsync("DELETE FROM listing_words WHERE rowid = @before", new { before });
        await transaction.ExecuteAsync("INSERT INTO listing_words (rowid, words) VALUES (@Place, @placed)",
            new { words.Place, placed = string.Join(' ', words.Placed) });
    }

    internal override string Places(WordSearch search, DynamicParameters parameters)
    {
        string In(WordField field) =>
            search.Words(w => $"\"{KeptWords.In(field)}{w}\"{(search.IsBeginning(w) ? " *" : "")}", " AND ", " OR ");
        var signs = string.Join(" AND ", search.Signs.Select(s => $"\"{s}\""));
        var match = !search.HasWords ? signs : signs.Length == 0 ? $"({In(search.In)})" : $"({In(search.In)}) AND ({signs})";
        parameters.Add("match", search.NotIn is { } not ? $"({match}) NOT ({In(not)})" : match);
        return $"SELECT rowid AS place, rowid & {KeptWords.IdMask} AS id FROM listing_words WHERE listing_words MATCH @match AND rowid > @after ORDER BY rowid LIMIT @most";
    }

    /// <inheritdoc/>
    protected override string TablesSql =>
        """
        SELECT m.name, f."table" FROM sqlite_master m LEFT JOIN pragma_foreign_key_list(m.name) f
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~' AND m.name NOT LIKE 'listing~_words%' ESCAPE '~' AND m.name NOT LIKE 'git~_pack%' ESCAPE '~' AND m.name <> 'VersionInfo'
        """;

    internal override string WithOwnIds => "";

    // SQLite keeps count of explicit ids itself.
    internal override Task CountOnAsync(DbTransaction transaction, string table) => Task.CompletedTask;

    // Busy, locked: another process holds the file.
    /// <inheritdoc/>
    protected override bool IsConflict(Exception exception) => exception is SqliteException { SqliteErrorCode: 5 or 6 };

    internal override bool HasSchema()
    {
        if (!File.Exists(path))
            return false;
        using var connection = new SqliteConnection(_connection);
        connection.Open();
        return connection.ExecuteScalar<long>("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'VersionInfo'") > 0;
    }

    internal override string Copy(string path)
    {
        var (copy, part) = (path + ".db", path + ".part");
        File.Delete(part);
        try
        {
            Private.Touch(part);
            using (var connection = new SqliteConnection(_connection))
            {
                connection.Open();
                connection.Execute("VACUUM INTO @part", new { part });
            }
            File.Move(part, copy, overwrite: true);
            return copy;
        }
        catch (Exception e) when (e is SqliteException or IOException)
        {
            File.Delete(part);
            throw new SchemaException(
                $"the database has to be brought up to date, and no copy of it can be made first in {Path.GetDirectoryName(copy)}: {e.Message} (is the disk full?)");
        }
    }

    /// <inheritdoc/>
    public override void Migrate(long? version = null)
    {
        Private.CreateFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        Private.Touch(path);   // its log and its shared memory get the same mode
        using (var connection = new SqliteConnection(_connection))
        {
            connection.Open();
            connection.Execute("PRAGMA journal_mode = WAL");
        }
        Migrate(version, r => r.AddSQLite().WithGlobalConnectionString(_connection));
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        while (_finders.TryTake(out var finder))
            finder.Dispose();
        var connection = _version?.Connection;
        _version?.Dispose();
        if (_log is not null)
            _log.Dispose();
        else
            connection?.Dispose();
        SqliteConnection.ClearPool(new SqliteConnection(_connection));
        _writer.Dispose();
        return ValueTask.CompletedTask;
    }
}
