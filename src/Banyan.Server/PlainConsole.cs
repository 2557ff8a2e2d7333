using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Banyan.Server;

/// <summary>Log lines for a person who looks at a terminal: time, message; the level where it is worth a look.</summary>
sealed class PlainConsole() : ConsoleFormatter(Name)
{
    public new const string Name = "plain";

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var level = entry.LogLevel switch { LogLevel.Warning => "warning: ", LogLevel.Error or LogLevel.Critical => "error: ", _ => "" };
        textWriter.Write($"{TimeProvider.System.GetLocalNow():HH:mm:ss} {level}{entry.Formatter(entry.State, entry.Exception)}\n");
        if (entry.Exception is { } exception)
            textWriter.Write($"{exception}\n");
    }
}
