namespace Banyan.Cli.Commands.Benchmark;

/// <summary>A line on standard error, if that is a terminal, that says what is being measured; removed at the end.</summary>
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
