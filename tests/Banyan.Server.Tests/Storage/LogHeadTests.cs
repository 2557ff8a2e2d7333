using Banyan.Server.Storage.Databases;
using Microsoft.Data.Sqlite;

namespace Banyan.Server.Tests.Storage;

public sealed class LogHeadTests
{
    [Fact]
    public void Every_commit_is_seen_and_nothing_else()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-log-").FullName;
        try
        {
            var watching = Open(folder);
            Run(watching, "PRAGMA journal_mode = WAL");
            Run(watching, "CREATE TABLE t (n INTEGER)");
            using var head = LogHead.Of(watching)!;
            using var writing = Open(folder);
            var last = head.Version()!.Value;
            for (var i = 0; i < 200; i++)
            {
                Run(writing, i % 50 == 49 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "SELECT COUNT(*) FROM t");
                var before = head.Version()!.Value;
                Assert.True(before == last || i % 50 == 49, $"read {i}");
                Run(i % 3 == 0 ? watching : writing, "INSERT INTO t VALUES (1)");
                last = head.Version()!.Value;
                Assert.NotEqual(before, last);
                Run(writing, "BEGIN; DELETE FROM t; ROLLBACK");
                Assert.Equal(last, head.Version());
            }
            head.Dispose();
            Assert.Throws<ObjectDisposedException>(() => head.Version());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_database_without_a_log_has_none()
    {
        using var connection = new SqliteConnection("Data Source=:memory:");
        connection.Open();
        Assert.Null(LogHead.Of(connection));
    }

    static SqliteConnection Open(string folder)
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "x.db")};Pooling=False");
        connection.Open();
        return connection;
    }

    static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
