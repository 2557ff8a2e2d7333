using Dapper;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Banyan.Server.Storage.Databases;

/// <summary>
/// Looks chunks up by statements of SQLite itself that are prepared once: the provider takes several times as long for a row. Owns its
/// connection. One caller at a time.
/// </summary>
sealed class ChunkFinder : IDisposable
{
    readonly SqliteConnection _connection;
    readonly sqlite3_stmt _begin, _find, _end;

    public ChunkFinder(SqliteConnection connection)
    {
        _connection = connection;
        connection.Execute("PRAGMA busy_timeout = 30000");      // what the provider does for its own statements
        (_begin, _find, _end) = (Prepare("BEGIN"), Prepare("SELECT xorb_id, number FROM chunks WHERE hash = ?"), Prepare("COMMIT"));
    }

    sqlite3_stmt Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_connection.Handle, sql, out var statement));
        return statement;
    }

    void Check(int result) => SqliteException.ThrowExceptionForRC(result, _connection.Handle);

    public List<(byte[] Hash, long Xorb, int Number)> Find(ReadOnlySpan<byte[]> wanted)
    {
        var found = new List<(byte[], long, int)>();
        Run(_begin);        // what is read is locked once
        foreach (var hash in wanted)
        {
            Check(raw.sqlite3_bind_blob(_find, 1, hash));
            if (raw.sqlite3_step(_find) == raw.SQLITE_ROW)
                found.Add((hash, raw.sqlite3_column_int64(_find, 0), raw.sqlite3_column_int(_find, 1)));
            Check(raw.sqlite3_reset(_find));
        }
        Run(_end);
        return found;
    }

    void Run(sqlite3_stmt statement)
    {
        raw.sqlite3_step(statement);
        Check(raw.sqlite3_reset(statement));        // what the step came to
    }

    public void Dispose()
    {
        _begin.Dispose();
        _find.Dispose();
        _end.Dispose();
        if (raw.sqlite3_get_autocommit(_connection.Handle) == 0)
            _connection.Execute("ROLLBACK");        // a look-up failed; the connection may go back to others
        _connection.Dispose();
    }
}
