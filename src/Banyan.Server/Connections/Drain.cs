using Microsoft.Extensions.Hosting;

namespace Banyan.Server.Connections;

/// <summary>
/// The end of a server: nothing new is taken in, what is under way has so long to finish, and then it is cut off. Without a time streams of
/// text end at once.
/// </summary>
sealed class Drain : IDisposable
{
    /// <summary>What small answers have, also where no time is given.</summary>
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

    /// <summary>Whether the server stops: who asks whether it is ready gets no.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Cancelled when what is under way has had its time.</summary>
    public CancellationToken Over => _over.Token;

    public void Dispose() => _over.Dispose();
}
