using Banyan.Server.Inference.Requests;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Inference.Models;

/// <summary>Loads the default model when the server starts; <c>/health</c> turns to 200 when that is done.</summary>
sealed partial class Preload(Catalogue catalogue, ILogger<Preload> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        if (catalogue.Default is not { } model)
            return;
        try
        {
            using var asked = await model.AskAsync(1, loaded => loaded, stoppingToken, generates: false);
            await asked.Model.WarmUpAsync(stoppingToken);
        }
        catch (ApiException e)
        {
            LogFailed(log, e.Message);
        }
        catch (OperationCanceledException)
        {
            // Stopped before it was loaded.
        }
    }

    [LoggerMessage(LogLevel.Error, "{Message}")]
    static partial void LogFailed(ILogger log, string message);
}
