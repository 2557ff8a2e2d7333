using System.CommandLine;
using Banyan.Cli.Settings;

namespace Banyan.Cli;

/// <summary>The one place where a failure becomes a line on stderr and an exit code.</summary>
static class Exit
{
    const int Failed = 1;

    /// <summary>The exit code after Ctrl-C.</summary>
    public const int Interrupted = 130;

    /// <summary>Runs the command line.</summary>
    public static async Task<int> Run(RootCommand banyan, string[] args)
    {
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeSpan.FromSeconds(5)
        };
        // In a chat Ctrl-C ends an answer and not the program, in a training it waits for a checkpoint; the command sees to it.
        if (args is ["chat" or "tune", ..])
            configuration.ProcessTerminationTimeout = null;
        try
        {
            Numbers.Check(banyan);
            var parsed = banyan.Parse(args.Length == 0 ? ["--help"] : RunFile.Complete(banyan, ServerSettings.Complete(banyan, args)));
            if (!ParseErrors.Any(parsed))
                configuration.ProcessTerminationTimeout += ServerChoice.DrainOf(parsed);
            if (!ParseErrors.Any(parsed))
                return await parsed.InvokeAsync(configuration);
            foreach (var line in ParseErrors.Describe(parsed))
                await Console.Error.WriteLineAsync($"banyan: {ServerSettings.Locate(line)}");
            return Failed;
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable("BANYAN_TRACE") != "1")
        {
            // A message says what to do; where it does not, the trace helps whoever reports it.
            Console.Error.WriteLine(
                $"banyan: {ServerSettings.Locate(Message(e))}{(IsBanyans(e) ? " (this is a fault of Banyan: BANYAN_TRACE=1 shows where)" : "")}");
            return Failed;
        }
    }

    // The name of a method's parameter tells a user nothing.
    static string Message(Exception e)
    {
        var message = e is IOException or UnauthorizedAccessException ? SystemProblem.Of(e) : e.Message.ReplaceLineEndings(" ");
        return e is ArgumentException { ParamName: { } name }
            ? message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : message;
    }

    static bool IsBanyans(Exception e) => e is NullReferenceException or IndexOutOfRangeException
        or InvalidCastException or KeyNotFoundException;
}
