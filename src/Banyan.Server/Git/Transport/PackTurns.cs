using Banyan.Server.Access;

namespace Banyan.Server.Git.Transport;

/// <summary>Limits how many packs are sent or received at once: each takes memory and a processor, and further requests are told when to
/// retry.</summary>
sealed class PackTurns
{
    const int AtOnce = 16, RetrySeconds = 10;

    int _taken;

    /// <summary>A place, given back when it is disposed.</summary>
    /// <exception cref="HubException">503: all are taken.</exception>
    public IDisposable Take()
    {
        if (Interlocked.Increment(ref _taken) <= AtOnce)
            return new Place(this);
        Interlocked.Decrement(ref _taken);
        throw HubException.Busy(RetrySeconds, $"{AtOnce} clones, fetches and pushes are under way: try again in {RetrySeconds} seconds.");
    }

    sealed class Place(PackTurns turns) : IDisposable
    {
        PackTurns? _turns = turns;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _turns, null) is { } held)
                Interlocked.Decrement(ref held._taken);
        }
    }
}
