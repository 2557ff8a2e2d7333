using System.Diagnostics;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>Collects once a day, as <c>banyan hub gc</c> does. A new hub has nothing to collect: its first time is after a day.</summary>
sealed partial class DailyCollection(HubDatabase database, IObjectStore objects, HubOptions options, TimeProvider time,
    ILogger<DailyCollection> log) : Job
{
    /// <inheritdoc/>
    public override string Name => "collect";

    /// <inheritdoc/>
    public override string Purpose => "Removes what nothing leads to any more";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromDays(1);

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        var done = await new Collector(database, objects, time).RunAsync(new CollectionOptions { Grace = options.Grace },
            null, cancellationToken);
        LogDone(log, done.GitObjects, done.Contents, done.Objects, done.Bytes, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    [LoggerMessage(LogLevel.Information,
        "Collected {GitObjects} git objects, {Contents} large files and {Objects} stored objects ({Bytes} bytes) in {Seconds:0.0} s")]
    static partial void LogDone(ILogger log, long gitObjects, long contents, long objects, long bytes, double seconds);
}
