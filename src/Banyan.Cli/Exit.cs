using System.CommandLine;

namespace Banyan.Cli;

/// <summary>The one place where a failure becomes a line on stderr and an exit code.</summary>
static class Exit
{
    const int Failed = 1, Interrupted = 130;

    /// <summary>Runs the command line.</summary>
    public static async Task<int> Run(RootCommand banyan, string[] args)
    {
        var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(5) };
        // In a chat Ctrl-C ends an answer and not the program; the command sees to it.
        if (args is ["chat", ..])
            configuration.ProcessTerminationTimeout = null;
        try
        {
            Help.Shorten(banyan);
            Numbers.Check(banyan);
            return await Help.Parse(banyan, args).InvokeAsync(configuration);
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable("BANYAN_TRACE") != "1")
        {
            // A message says what to do; where it does not, the trace helps whoever reports it.
            Console.Error.WriteLine($"banyan: {e.Message.ReplaceLineEndings(" ")}{(IsBanyans(e) ? " (this is a fault of Banyan: BANYAN_TRACE=1 shows where)" : "")}");
            return Failed;
        }
    }

    static bool IsBanyans(Exception e) => e is NullReferenceException or IndexOutOfRangeException or InvalidCastException or KeyNotFoundException;
}
