using Microsoft.Extensions.Hosting;

namespace Banyan.Server.Connections;

/// <summary>A graceful shutdown: no new requests are accepted, running ones have a limited time to finish, and are then aborted. Without a
/// time, text streams end at once.</summary>
sealed class Drain : IDisposable
{
    /// <summary>The time for short responses, also if none was set.</summary>
    public static readonly TimeSpan Least = TimeSpan.FromSeconds(3);

    readonly CancellationTokenSource _over = new();

    public Drain(ServerOptions options, IHostApplicationLifetime lifetime)
    {
        lifetime.ApplicationStopping.Register(() =>
        {
            IsStopping = true;
            if (options.Drain == TimeSpan.Zero)
                _over.Cancel();
            else
                _over.CancelAfter(options.Drain);
        });
    }

    /// <summary>Whether the server is stopping; it then reports that it is not ready.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Cancelled when the time for running requests is over.</summary>
    public CancellationToken Over => _over.Token;

    public void Dispose() => _over.Dispose();
}
