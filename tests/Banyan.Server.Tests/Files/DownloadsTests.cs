using Banyan.Server.Files;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Maintenance;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Banyan.Server.Tests.Files;

public sealed class DownloadsTests : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-downloads-").FullName;
    readonly HubDatabase _database;

    public DownloadsTests()
    {
        _database = HubDatabase.Open(Path.Combine(_folder, "hub.db"));
        _database.Migrate();
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_database_that_fails_for_a_while_loses_no_download()
    {
        var repo = await _database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("INSERT INTO accounts (id, kind, name, name_key, created_at) VALUES (1, 'user', 'ana', 'ana', 0)");
            return await t.ScalarAsync<long>(
                """
                INSERT INTO repos (type, owner_id, name, name_key, private, disabled, default_branch, downloads, created_at, updated_at)
                VALUES ('model', 1, 'm', 'm', false, false, 'main', 0, 0, 0) RETURNING id
                """);
        }, default);
        var clock = new TestClock();
        var downloads = new Downloads(_database, clock);
        downloads.Count(repo);
        downloads.Count(repo);

        // As a full disk does: every write fails.
        await _database.WriteAsync(t =>
            t.ExecuteAsync("CREATE TRIGGER full BEFORE UPDATE ON repos BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"),
            default);
        await Assert.ThrowsAsync<SqliteException>(() => downloads.SaveAsync(default));

        await _database.WriteAsync(t => t.ExecuteAsync("DROP TRIGGER full"), default);
        await downloads.EndAsync();
        Assert.Equal(2, await _database.ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT downloads FROM repos"), default));

        // What was counted is told by the day, and forgotten after a year; of a repository that is gone nothing is kept.
        clock.Ahead = TimeSpan.FromDays(2);
        downloads.Count(repo);
        downloads.Count(repo + 1);
        await downloads.SaveAsync(default);
        Assert.Equal([0, 2, 0, 1], await downloads.DaysAsync(repo, 4, default));
        clock.Ahead = TimeSpan.FromDays(Downloads.DaysKept + 1);
        downloads.Count(repo);
        await downloads.SaveAsync(default);
        Assert.Equal(2, await _database.ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT count(*) FROM download_days"), default));
    }
}
