using Banyan.Server.Files;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Maintenance;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

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
    public async Task A_database_that_fails_for_a_while_ends_nothing_and_loses_no_download()
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
        var clock = new TickingClock();
        var log = new WaitedForLog();
        using var downloads = new Downloads(_database, clock, log);
        await downloads.StartAsync(default);
        downloads.Count(repo);
        downloads.Count(repo);

        // As a full disk does: every write fails.
        await _database.WriteAsync(t => t.ExecuteAsync("CREATE TRIGGER full BEFORE UPDATE ON repos BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"), default);
        await Assert.ThrowsAsync<SqliteException>(() => downloads.SaveAsync(default));
        await clock.TickAsync();
        await log.Written.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.False(downloads.ExecuteTask!.IsCompleted);

        await _database.WriteAsync(t => t.ExecuteAsync("DROP TRIGGER full"), default);
        await downloads.StopAsync(default);
        Assert.True(downloads.ExecuteTask!.IsCompletedSuccessfully);
        Assert.Equal(2, await _database.ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT downloads FROM repos"), default));
    }

    sealed class WaitedForLog : ILogger<Downloads>
    {
        readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Written => _written.Task;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _written.TrySetResult();

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    }

    /// <summary>Its timer fires when a test says so.</summary>
    sealed class TickingClock : TimeProvider
    {
        readonly TaskCompletionSource<(TimerCallback Callback, object? State)> _timer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Fires the first timer, once there is one: the service begins on a thread of its own.</summary>
        public async Task TickAsync()
        {
            var (callback, state) = await _timer.Task.WaitAsync(TimeSpan.FromMinutes(1));
            callback(state);
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _timer.TrySetResult((callback, state));
            return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
