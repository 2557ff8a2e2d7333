using System.Diagnostics;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// Notices that this process was stopped for a while and goes on (SIGSTOP, a laptop that slept): time limits have passed then in which
/// nobody could do anything.
/// </summary>
sealed class Stops : IDisposable
{
    static readonly TimeSpan s_look = TimeSpan.FromSeconds(1), s_longest = TimeSpan.FromSeconds(8);

    readonly Timer _timer;
    long _last = Stopwatch.GetTimestamp();
    int _count;

    public Stops() => _timer = new Timer(_ => Look(), null, s_look, s_look);

    /// <summary>How often.</summary>
    public int Count
    {
        get
        {
            Look();
            return _count;
        }
    }

    void Look()
    {
        lock (_timer)
        {
            if (Stopwatch.GetElapsedTime(_last) > s_longest)
                _count++;
            _last = Stopwatch.GetTimestamp();
        }
    }

    public void Dispose() => _timer.Dispose();
}
