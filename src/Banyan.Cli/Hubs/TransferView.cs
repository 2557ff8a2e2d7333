using System.Diagnostics;
using System.Globalization;
using Banyan.Client;
using Spectre.Console;

namespace Banyan.Cli.Hubs;

/// <summary>Shows a transfer: a bar with speed and time left on a terminal, nothing elsewhere.</summary>
static class TransferView
{
    /// <summary>Runs a transfer under a bar on standard error.</summary>
    public static async Task<T> RunAsync<T>(string title, bool quiet, Func<IProgress<TransferProgress>?, Task<T>> work)
    {
        if (quiet || Console.IsErrorRedirected)
            return await work(null);
        return await Cli.Progress.Bar(Console.Error)
            .StartAsync(async context =>
            {
                var task = context.AddTask(Cli.Progress.Title(title), maxValue: 1);
                return await work(new Shown(task, title));
            });
    }

    /// <summary>Prints a line while a transfer runs, above the bar.</summary>
    public static void Say(string line) => Console.Error.WriteLine(Console.IsErrorRedirected ? line : $"\r\e[K{line}");

    sealed class Shown(ProgressTask task, string title) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress progress)
        {
            // Large files are read and hashed before anything is sent.
            var hashes = progress.BytesHashed < progress.BytesToHash;
            var (of, done) = hashes ? (progress.BytesToHash, progress.BytesHashed) : (progress.Bytes, progress.BytesDone);
            task.MaxValue = Math.Max(1, of);
            task.Value = Math.Min(done, of);
            task.Description = hashes ? Cli.Progress.Title("Hashing")
                : $"{Cli.Progress.Title(title)} {progress.FilesDone}/{progress.Files}";
        }
    }

    /// <summary><c>3.2 s</c>, <c>4 min 10 s</c>.</summary>
    public static string Time(long began)
    {
        var elapsed = Stopwatch.GetElapsedTime(began);
        return elapsed.TotalMinutes < 1
            ? string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds:0.0} s")
            : string.Create(CultureInfo.InvariantCulture, $"{(int)elapsed.TotalMinutes} min {elapsed.Seconds} s");
    }

    /// <summary><c>1 file</c>, <c>3 files</c>.</summary>
    public static string Files(int count) => count == 1 ? "1 file" : $"{count} files";
}
