using System.Diagnostics;
using System.Globalization;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;

namespace Banyan.Bench;

/// <summary>
/// How long short requests wait for their first token while a long prompt is read, sixteenth by sixteenth of it: this process's processor
/// time divided by its threads, which is what the clock would show on a machine that does nothing else, and the clock.
/// </summary>
static class BesideBench
{
    public static async Task<int> Run(string path, int threads, int prompt, int length, int together, int answer)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = threads, ContextLength = prompt + 1024 });
        await using var engine = new Engine(model, new EngineOptions { Clock = new ProcessorClock(threads) });
        var random = new Random(1);
        int[] Tokens(int count) =>
            [.. Enumerable.Range(0, count).Select(_ => random.Next(1000, Math.Min(20_000, model.Config.VocabularySize)))];
        await FirstTokenAsync(Tokens(64)); // compiles the kernels

        using var done = new CancellationTokenSource();
        var waits = new List<(double Processor, double Wall)>();
        var clients = Enumerable.Range(0, together).Select(client => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                int[] tokens;
                lock (random)
                    tokens = Tokens(length);
                var wait = await FirstTokenAsync(tokens);
                lock (waits)
                    waits.Add(wait);
            }
        })).ToArray();
        Console.WriteLine(
            $"{Machine.Name}, {Path.GetFileName(path)}, {threads} threads: {length} tokens, {together} at a time, {answer} tokens of answer each, beside a prompt of {prompt}\n");
        Console.WriteLine(
            "| of the prompt | its time, s | first tokens | median | p90 | p99 | most | by the clock: median | p99 |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        int[] tokensOfLong = Tokens(prompt);
        var (before, told) = (Processor(), 0);
        await foreach (var generated in engine.GenerateAsync(tokensOfLong, new GenerationOptions { MaxTokens = 1, ReportPrompt = true }))
            if (generated.Prompt is { } read && (read.Processed >= told + prompt / 16 || read.Processed == prompt))
                Tell(told = read.Processed);
        await done.CancelAsync();
        await Task.WhenAll(clients);
        return 0;

        void Tell(int read)
        {
            lock (waits)
            {
                double[] cpu = [.. waits.Select(w => w.Processor).Order()], wall = [.. waits.Select(w => w.Wall).Order()];
                double At(double[] times, double part) =>
                    times.Length == 0 ? 0 : times[(int)Math.Min(times.Length - 1, times.Length * part)];
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {read} | {(Processor() - before) / threads:0.0} | {waits.Count} | {At(cpu, 0.5):0.00} | {At(cpu, 0.9):0.00} | {At(cpu, 0.99):0.00} | {At(cpu, 1):0.00} | {At(wall, 0.5):0.00} | {At(wall, 0.99):0.00} |"));
                before = Processor();
                waits.Clear();
            }
        }

        async Task<(double Processor, double Wall)> FirstTokenAsync(int[] tokens)
        {
            var (cpu, wall, first) = (Processor(), Stopwatch.GetTimestamp(), (0.0, 0.0));
            await foreach (var generated in engine.GenerateAsync(tokens,
                new GenerationOptions { MaxTokens = answer, Temperature = 0, IgnoreEndOfText = true }))
                if (first == (0, 0))
                    first = ((Processor() - cpu) / threads, Stopwatch.GetElapsedTime(wall).TotalSeconds);
            return first;
        }

        static double Processor() => Environment.CpuUsage.TotalTime.TotalSeconds;
    }

    // The engine measures its passes by it too.
    sealed class ProcessorClock(int threads) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Environment.CpuUsage.TotalTime.Ticks / threads;
    }
}
