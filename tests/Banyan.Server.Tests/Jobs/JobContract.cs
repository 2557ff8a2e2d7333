using System.Net;
using System.Text.Json;
using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Banyan.Server.Tests.Jobs;

/// <summary>Jobs on any database: one node at a time, whatever becomes of it.</summary>
public abstract class JobContract : IAsyncLifetime
{
    protected abstract Task<HubDatabase> CreateAsync();

    readonly Clock _clock = new();
    HubDatabase _database = null!;
    JobStore _store = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await CreateAsync();
        _database.Migrate();
        _store = new(_database, _clock);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    async Task<JobState> StateAsync() => (await _store.ListAsync(default)).Single();

    [Fact]
    public async Task One_node_runs_a_job_at_a_time_and_another_goes_on_for_one_that_died()
    {
        var job = new Counting { Interval = TimeSpan.FromSeconds(10) };
        await _store.AddAsync([job], default);
        await _store.AddAsync([job], default);
        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => _store.TakeAsync("count", $"node{n}", default)));
        var mine = Assert.Single(taken, t => t is not null)!;
        Assert.Equal("running", (await StateAsync()).Status(_clock.GetUtcNow().ToUnixTimeMilliseconds()));
        Assert.False(await _store.IsDueAsync("count", default));

        // Whoever renews it keeps it; progress and cursor are told with that.
        _clock.Advance(TimeSpan.FromSeconds(50));
        Assert.True(await _store.RenewAsync(mine, new(null) { Progress = "half", Cursor = "7" }, default));
        _clock.Advance(TimeSpan.FromSeconds(50));
        Assert.Null(await _store.TakeAsync("count", "other", default));
        Assert.Equal(("half", "7"), ((await StateAsync()).Progress, (await StateAsync()).Cursor));

        // Whoever died loses it: another goes on where it was, and what the first says then is not heard.
        _clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal("interrupted", (await StateAsync()).Status(_clock.GetUtcNow().ToUnixTimeMilliseconds()));
        var others = (await _store.TakeAsync("count", "other", default))!;
        Assert.Equal("7", others.Cursor);
        Assert.False(await _store.RenewAsync(mine, new("8"), default));
        await _store.EndAsync(mine, new("8"), "late", TimeSpan.Zero);
        Assert.Equal(("other", "7", null), ((await StateAsync()).Node, (await StateAsync()).Cursor, (await StateAsync()).Error));

        await _store.EndAsync(others, new("9"), null, job.Every);
        Assert.False(await _store.IsDueAsync("count", default));
        _clock.Advance(job.Every);
        Assert.True(await _store.IsDueAsync("count", default));
        Assert.Equal(("ok", "9"), ((await StateAsync()).Status(_clock.GetUtcNow().ToUnixTimeMilliseconds()), (await StateAsync()).Cursor));
    }

    [Fact]
    public async Task A_daily_job_waits_a_day_unless_it_is_asked_for_and_its_pauses_grow_where_it_fails()
    {
        var job = new Counting { Interval = TimeSpan.FromDays(1) };
        await _store.AddAsync([job], default);
        Assert.False(await _store.IsDueAsync("count", default));
        Assert.False(await _store.DemandAsync("other", default));
        Assert.True(await _store.DemandAsync("count", default));

        using var runner = new JobRunner([job], _store, _clock, NullLogger<JobRunner>.Instance);
        job.Fails = true;
        foreach (var minutes in (int[])[1, 2, 4, 8, 16, 32, 60, 60])
        {
            await runner.RunAsync(job, (await _store.TakeAsync("count", "me", default))!, default);
            var state = await StateAsync();
            Assert.Equal(("failed", "not today", minutes),
                (state.Status(0), state.Error,
                    (int)TimeSpan.FromMilliseconds(state.DueAt - _clock.GetUtcNow().ToUnixTimeMilliseconds()).TotalMinutes));
            _clock.Advance(TimeSpan.FromMinutes(minutes));
        }
        job.Fails = false;
        await runner.RunAsync(job, (await _store.TakeAsync("count", "me", default))!, default);
        Assert.Equal(("ok", null, 0, "9"),
            ((await StateAsync()).Status(0), (await StateAsync()).Error, (await StateAsync()).Failures, (await StateAsync()).Cursor));

        // A server that ends gives its job back, with where it was.
        await _store.DemandAsync("count", default);
        using var stop = new CancellationTokenSource();
        job.Stops = stop;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await runner.RunAsync(job, (await _store.TakeAsync("count", "me", default))!, stop.Token));
        Assert.True(await _store.IsDueAsync("count", default));
        Assert.Equal("10", (await StateAsync()).Cursor);
    }

    [Fact]
    public async Task A_job_that_another_took_over_is_stopped()
    {
        var job = new Counting { Interval = TimeSpan.FromSeconds(10), Waits = true };
        await _store.AddAsync([job], default);
        using var runner = new JobRunner([job], _store, _clock, NullLogger<JobRunner>.Instance);
        var running = runner.RunAsync(job, (await _store.TakeAsync("count", "me", default))!, default);
        await job.Began.Task.WaitAsync(TimeSpan.FromMinutes(3));
        // As if the machine had stood still for an hour.
        await _database.WriteAsync(t => t.ExecuteAsync("UPDATE jobs SET node = 'other', began_at = began_at + 1"), default);
        await running.WaitAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(("other", null), ((await StateAsync()).Node, (await StateAsync()).Error));
    }

    sealed class Counting : Job
    {
        public TimeSpan Interval { get; init; }
        public bool Fails { get; set; }
        public bool Waits { get; init; }
        public CancellationTokenSource? Stops { get; set; }
        public TaskCompletionSource Began { get; } = new();
        public override string Name => "count";
        public override string Purpose => "Counts";
        public override TimeSpan Every => Interval;

        public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
        {
            run.Cursor = $"{int.Parse(run.Cursor ?? "0", System.Globalization.CultureInfo.InvariantCulture) + 1}";
            Began.TrySetResult();
            if (Fails)
                throw new InvalidOperationException("not today");
            Stops?.Cancel();
            cancellationToken.ThrowIfCancellationRequested();
            if (Waits)
                await Task.Delay(Timeout.Infinite, cancellationToken);
        }
    }

    /// <summary>Time goes on when a test says so, and timers a thousand times as fast as they should.</summary>
    sealed class Clock : TimeProvider
    {
        DateTimeOffset _now = DateTimeOffset.UnixEpoch.AddYears(50);

        public void Advance(TimeSpan by) => _now += by;

        public override DateTimeOffset GetUtcNow() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime / 1000, period / 1000);
    }
}

public sealed class SqliteJobTests : JobContract
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-jobs-").FullName;

    protected override Task<HubDatabase> CreateAsync() => Task.FromResult(HubDatabase.Open(Path.Combine(_folder, "hub.db")));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

public sealed class PostgresJobTests(PostgresServer server) : JobContract
{
    protected override async Task<HubDatabase> CreateAsync() => HubDatabase.Open(await server.CreateDatabaseAsync());
}

public sealed class JobEndpointsTests
{
    [Fact]
    public async Task Administrators_see_what_the_hub_does_by_itself_and_ask_for_it()
    {
        await using var hub = await HubServer.StartAsync();
        await hub.CreateRepoAsync("listed");
        await HubServer.AssertErrorAsync(await hub.GetAsync("/api/settings/jobs", hub.Ben), HttpStatusCode.Forbidden);
        await hub.Accounts.SetAdminAsync("ana", true, default);

        async Task<Dictionary<string, JsonElement>> JobsAsync() =>
            (await HubServer.JsonOf(await hub.GetAsync("/api/settings/jobs", hub.Ana))).EnumerateArray()
            .ToDictionary(j => j.GetProperty("name").GetString()!);
        var jobs = await JobsAsync();
        for (var i = 0; i < 600 && jobs.Count < 14; i++, jobs = await JobsAsync())
            await Task.Delay(100);
        Assert.Equal(["audit", "checkpoints", "collect", "downloads", "inboxes", "keep-packs", "leftovers", "lists", "mail",
            "notification-mail", "notifications", "parts", "ranks", "webhooks"], jobs.Keys.Order());
        Assert.Equal("not yet run", jobs["collect"].GetProperty("status").GetString());
        Assert.Equal("ok", jobs["leftovers"].GetProperty("status").GetString());

        Assert.Equal(HttpStatusCode.Accepted, (await hub.SendAsync(HttpMethod.Post, "/api/settings/jobs/collect/run", hub.Ana)).StatusCode);
        await HubServer.AssertErrorAsync(await hub.SendAsync(HttpMethod.Post, "/api/settings/jobs/nothing/run", hub.Ana),
            HttpStatusCode.NotFound);
        await HubServer.AssertErrorAsync(await hub.SendAsync(HttpMethod.Post, "/api/settings/jobs/collect/run", hub.Ben),
            HttpStatusCode.Forbidden);
        // Due at once, or begun already.
        var asked = (await JobsAsync())["collect"];
        Assert.True(asked.GetProperty("dueAt").GetString() == "1970-01-01T00:00:00Z"
            || asked.GetProperty("beganAt").GetString() is not null, asked.ToString());
        Assert.Contains("Removes what nothing leads to", await (await hub.GetAsync("/settings/jobs", hub.Ana)).Content.ReadAsStringAsync());
    }
}
