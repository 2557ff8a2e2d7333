namespace Banyan.Cli.Commands.Benchmark;

/// <summary>A line on standard error that says what is measured now, where that is a terminal; gone when all is measured.</summary>
sealed class StatusLine : IDisposable
{
    int _shown;

    public void Show(string what)
    {
        if (Console.IsErrorRedirected)
            return;
        var line = $"measuring {what} …";
        Console.Error.Write($"\r{line.PadRight(_shown)}");
        _shown = line.Length;
    }

    public void Dispose()
    {
        if (_shown > 0)
            Console.Error.Write($"\r{new string(' ', _shown)}\r");
        _shown = 0;
    }
}
