using System.Diagnostics;
using System.Globalization;

namespace Banyan.Cli.Commands;

/// <summary>A terminal's progress bar: chunks done, and the time left.</summary>
sealed class ChunkBar(int chunks) : IProgress<int>, IDisposable
{
    readonly long _began = Stopwatch.GetTimestamp();
    bool _shown;

    public void Report(int done)
    {
        if (Console.IsErrorRedirected || Stopwatch.GetElapsedTime(_began) is not { TotalSeconds: > 0.5 } spent)
            return;
        _shown = true;
        Console.Error.Write(string.Create(CultureInfo.InvariantCulture,
            $"\rchunk {done} of {chunks}, {spent / done * (chunks - done):hh\\:mm\\:ss} left\e[K"));
    }

    public void Dispose()
    {
        if (_shown)
            Console.Error.Write("\r\e[K");
    }
}
