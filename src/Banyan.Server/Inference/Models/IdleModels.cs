using Microsoft.Extensions.Hosting;

namespace Banyan.Server.Inference.Models;

/// <summary>Unloads models that had no request for their keep-alive time.</summary>
sealed class IdleModels(Catalogue catalogue, TimeProvider time) : BackgroundService
{
    static readonly TimeSpan s_every = TimeSpan.FromSeconds(0.5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                foreach (var model in catalogue.Known)
                    if (model.ExpiresAt <= time.GetUtcNow())
                        await model.UnloadAsync();
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }
}
