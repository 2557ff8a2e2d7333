using System.Buffers.Binary;
using System.Diagnostics;
using Banyan.Server.Hub;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>Collects once a day, on one node of a hub; and at the start clears up what the last run of this node left.</summary>
sealed partial class CollectionSchedule(HubDatabase database, IObjectStore objects, HubOptions options, TimeProvider time, ILogger<CollectionSchedule> log) : BackgroundService
{
    const string Name = "collected-at";

    static readonly TimeSpan s_every = TimeSpan.FromDays(1), s_look = TimeSpan.FromHours(1), s_deadFile = TimeSpan.FromDays(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var collector = new Collector(database, objects, time);
        using var timer = new PeriodicTimer(s_look, time);
        do
        {
            try
            {
                SweepFiles();
                await collector.FinishAsync(stoppingToken);
                await new RepoChanges(database, time).FinishAsync(stoppingToken);
                await new StorageLimits(database, options, time).ForgetAsync(stoppingToken);
                if (await IsDueAsync(stoppingToken))
                {
                    var began = Stopwatch.GetTimestamp();
                    var done = await collector.RunAsync(new CollectionOptions { Grace = options.Grace }, null, stoppingToken);
                    LogDone(log, done.GitObjects, done.Contents, done.Objects, done.Bytes, Stopwatch.GetElapsedTime(began).TotalSeconds);
                }
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // A store's time limit comes as a cancellation too, and must not end the hub.
                LogFailed(log, e);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Whether a day has passed since any node began to collect; if so, this one has the day.</summary>
    internal Task<bool> IsDueAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var value = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(value, now);
        return database.WriteAsync(async t =>
        {
            var last = await t.ScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @Name", new { Name });
            if (last is not null && now - BinaryPrimitives.ReadInt64LittleEndian(last) < s_every.TotalMilliseconds)
                return false;
            await t.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@Name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value", new { Name, value });
            return last is not null;   // a new hub has nothing to collect
        }, cancellationToken);
    }

    /// <summary>Temporary files of requests that died with the process.</summary>
    void SweepFiles()
    {
        (objects as DiskObjectStore)?.Sweep(s_deadFile);
        foreach (var file in new DirectoryInfo(options.SpoolFolder).EnumerateFiles())
            if (time.GetUtcNow() - file.LastWriteTimeUtc > s_deadFile)
                file.Delete();
    }

    [LoggerMessage(LogLevel.Information, "Collected {GitObjects} git objects, {Contents} large files and {Objects} stored objects ({Bytes} bytes) in {Seconds:0.0} s")]
    static partial void LogDone(ILogger log, long gitObjects, long contents, long objects, long bytes, double seconds);

    [LoggerMessage(LogLevel.Warning, "The collection of what is no longer needed stopped; it goes on in an hour")]
    static partial void LogFailed(ILogger log, Exception exception);
}
