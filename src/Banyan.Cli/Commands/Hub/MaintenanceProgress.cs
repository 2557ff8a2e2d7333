using Spectre.Console;

namespace Banyan.Cli.Commands.Hub;

/// <summary>A progress bar for long work on a hub: phase, speed and time left; on standard error, and only if that is a terminal.</summary>
static class MaintenanceProgress
{
    /// <summary>Runs <paramref name="work"/>, which reports its phase, the amount done and the total.</summary>
    public static async Task<T> RunAsync<T>(bool quiet, Func<Action<string, long, long>, Task<T>> work)
    {
        if (quiet || Console.IsErrorRedirected)
            return await work((_, _, _) => { });
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(),
                new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(context =>
            {
                var task = context.AddTask("starting");
                return work((phase, done, total) =>
                {
                    task.Description = Markup.Escape(phase);
                    task.MaxValue = Math.Max(total, done);
                    task.Value = done;
                });
            });
    }
}
