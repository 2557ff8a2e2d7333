using System.Diagnostics;
using Banyan.Runtime.Models;
using Spectre.Console;

namespace Banyan.Cli;

/// <summary>
/// Progress bars, on standard error and only where that is a terminal, so that output stays clean. They fit its width, whatever that is.
/// </summary>
static class Progress
{
    /// <summary>
    /// Runs <paramref name="work"/> under a bar with speed and time left; <paramref name="work"/> reports the bytes done so far.
    /// </summary>
    public static void Bytes(string title, long total, bool quiet, Action<Action<long>> work) =>
        Bytes(title, total, quiet, report => work(done => report(done, total)));

    static void Bytes(string title, long total, bool quiet, Action<Action<long, long>> work)
    {
        if (quiet || Console.IsErrorRedirected)
        {
            work((_, _) => { });
            return;
        }
        Bar(Console.Error).Start(context =>
        {
            var task = context.AddTask(Title(title), maxValue: total);
            work((done, all) => (task.MaxValue, task.Value) = (all, done));
        });
    }

    /// <summary>Runs <paramref name="work"/>, which writes a model, under a bar with speed and time left.</summary>
    public static void Writing(string path, Action<IProgress<LoadProgress>> work) =>
        Bytes($"writing {Path.GetFileName(Path.TrimEndingDirectorySeparator(path))}", 1, quiet: false, report => work(new Written(report)));

    sealed class Written(Action<long, long> report) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => report(value.Bytes, value.Total);
    }

    /// <summary>A bar of bytes on a terminal, with as many columns as fit its width.</summary>
    public static Spectre.Console.Progress Bar(TextWriter terminal)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal) });
        var columns = new List<ProgressColumn> { new TaskDescriptionColumn(), new PercentageColumn() };
        if (console.Profile.Width >= 60)
            columns.Insert(1, new ProgressBarColumn { Width = Math.Min(40, console.Profile.Width / 4) });
        if (console.Profile.Width >= 50)
            columns.Add(new DownloadedColumn { Base = FileSizeBase.Decimal });
        if (console.Profile.Width >= 80)
            columns.AddRange([new TransferSpeedColumn { Base = FileSizeBase.Decimal }, new RemainingTimeColumn()]);
        return console.Progress().AutoClear(true).Columns([.. columns]);
    }

    /// <summary>A task's name, shortened to leave space for the bar.</summary>
    public static string Title(string title) => Markup.Escape(Shorten(title, Math.Max(10, TerminalWidth() / 3)));

    /// <summary>A progress line while a model is loaded, removed afterwards; shown only if loading takes longer than a moment.</summary>
    public sealed class LoadingBar(string name) : IProgress<LoadProgress>, IDisposable
    {
        const int Widest = 30;
        readonly long _began = Stopwatch.GetTimestamp();
        int _shown = -1;

        public void Report(LoadProgress progress)
        {
            var percent = progress.Total == 0 ? 100 : (int)(progress.Bytes * 100 / progress.Total);
            if (Console.IsErrorRedirected || percent == _shown || Stopwatch.GetElapsedTime(_began).TotalSeconds < 0.5)
                return;
            _shown = percent;
            Console.Error.Write($"\r{Line(name, percent, TerminalWidth() - 1)}\e[K");
        }

        /// <summary>The line for a terminal of the given width, one column shorter so that it does not wrap.</summary>
        public static string Line(string name, int percent, int width)
        {
            var end = $" {percent,3} %";
            var start = $"loading {name}";
            var bar = Math.Min(Widest, width - end.Length - start.Length - 1);
            if (bar < 6)
            {
                start = Shorten(start, Math.Max(0, width - end.Length - 7));
                bar = Math.Max(0, Math.Min(6, width - end.Length - start.Length - 1));
            }
            return $"{start} {new string('━', percent * bar / 100).PadRight(bar, '╌')}{end}";
        }

        public void Dispose()
        {
            if (_shown >= 0)
                Console.Error.Write("\r\e[K");
        }
    }

    static string Shorten(string text, int length) => text.Length <= length ? text : length < 1 ? "" : text[..(length - 1)] + "…";

    static int TerminalWidth()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : 80;
        }
        catch (IOException)
        {
            return 80;
        }
    }
}
