using Spectre.Console;

namespace Banyan.Cli;

/// <summary>Progress bars, on standard error and only where that is a terminal, so that output stays clean.</summary>
static class Progress
{
    /// <summary>Runs <paramref name="work"/> under a bar with speed and time left; <paramref name="work"/> reports the bytes done so far.</summary>
    public static void Bytes(string title, long total, bool quiet, Action<Action<long>> work)
    {
        if (quiet || Console.IsErrorRedirected)
        {
            work(_ => { });
            return;
        }
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: total);
                work(done => task.Value = done);
            });
    }
}
