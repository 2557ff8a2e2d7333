using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;

namespace Banyan.Server.Connections;

/// <summary>Notifies systemd, if that started the process (NOTIFY_SOCKET), when the server is ready, when it stops, and that it is alive
/// (WATCHDOG_USEC): sd_notify(3).</summary>
sealed class ServiceManager(IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Reads the variable now and hands it to no process that is started later.
        var notifier = new SystemdNotifier();
        if (!notifier.IsEnabled)
            return;
        using var started = lifetime.ApplicationStarted.Register(() => notifier.Notify(ServiceState.Ready));
        using var stopping = lifetime.ApplicationStopping.Register(() => notifier.Notify(ServiceState.Stopping));
        if (!long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture,
            out var microseconds) || microseconds < 2)
        {
            await Task.Delay(Timeout.Infinite, stoppingToken);
            return;
        }
        // By the pool that answers requests: where its threads are all stuck, nothing is told.
        using var timer = new PeriodicTimer(TimeSpan.FromMicroseconds(microseconds / 2.0));
        while (await timer.WaitForNextTickAsync(stoppingToken))
            notifier.Notify(new ServiceState("WATCHDOG=1"));
    }
}
