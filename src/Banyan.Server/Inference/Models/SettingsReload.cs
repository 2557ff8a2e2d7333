using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Inference.Models;

/// <summary>Applies the model settings of a changed settings file without a restart.</summary>
sealed partial class SettingsReload(Catalogue catalogue, InferenceOptions options, TimeProvider time, ILogger<SettingsReload> log)
    : BackgroundService
{
    static readonly TimeSpan s_every = TimeSpan.FromSeconds(0.5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options is not { SettingsFile: { } path, ReadSettings: { } read })
            return;
        var seen = Look(path);
        using var timer = new PeriodicTimer(s_every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                if (Look(path) is var now && now != seen)
                {
                    seen = now;
                    Take(path, read);
                }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    void Take(string path, Func<IReadOnlyDictionary<string, ModelSettings>> read)
    {
        try
        {
            catalogue.Set(read());
            LogRead(log, path);
        }
        catch (Exception e)
        {
            LogWrong(log, e.Message);
        }
    }

    static (DateTime, long) Look(string path) =>
        new FileInfo(path) is { Exists: true } info ? (info.LastWriteTimeUtc, info.Length) : default;

    [LoggerMessage(LogLevel.Information,
        "{Path} was read again: what it sets for single models holds from now on; what it sets for the server, from the next start")]
    static partial void LogRead(ILogger log, string path);

    [LoggerMessage(LogLevel.Error, "{Message}: what is set for single models stays as it was")]
    static partial void LogWrong(ILogger log, string message);
}
