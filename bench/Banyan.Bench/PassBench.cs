using System.Diagnostics;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Bench;

/// <summary>What a pass of so many rows of one sequence takes at a depth, all logits wanted: what guesses cost beside one token.</summary>
static unsafe class PassBench
{
    /// <param name="path">The model.</param>
    /// <param name="threads">Of the model's pool.</param>
    /// <param name="depth">Tokens before.</param>
    /// <param name="only">Measures passes of that many rows alone, for a profiler; 0 for a table.</param>
    public static void Run(string path, int threads, int depth, int only)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = threads });
        Console.WriteLine(
            $"{Machine.Name}, {Path.GetFileName(path)}, {threads} threads, {depth} tokens before; microseconds, the median of passes");
        Console.WriteLine();
        Console.WriteLine("| rows | pass | of them logits to samples | × one row |");
        Console.WriteLine("|---|---|---|---|");
        const int most = 32;
        using var cache = new KvCache(model, depth + most + 64);
        using var forward = new Forward(model, cache, 256, most);
        var summaries = new LogitSummaries(most);
        var (batch, sequence) = (new Batch(256), new Sequence(cache, depth + most));
        int[] tokens = [.. Enumerable.Range(0, depth + most).Select(i => (i * 7919 + 13) % model.Config.VocabularySize)];
        sequence.TryReserve(depth + most);
        while (sequence.Length < depth)
        {
            var count = Math.Min(256, depth - sequence.Length);
            batch.Clear();
            batch.Add(sequence, tokens.AsSpan(sequence.Length, count), 0);
            forward.Run(batch);
            sequence.Advance(sequence.Length + count, tokens);
        }
        int[] sizes = only > 0 ? [only] : [1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32];
        var (passes, samples) = (sizes.Select(_ => new List<double>()).ToArray(), sizes.Select(_ => new List<double>()).ToArray());
        // All sizes in turn, so that what disturbs the machine disturbs all of them; until everything is compiled nothing counts.
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began).TotalSeconds < WarmUpSeconds + Seconds;)
            for (var i = 0; i < sizes.Length; i++)
            {
                batch.Clear();
                batch.Add(sequence, tokens.AsSpan(depth, sizes[i]), sizes[i]);
                var start = Stopwatch.GetTimestamp();
                forward.Run(batch);
                var computed = Stopwatch.GetTimestamp();
                summaries.Compute(forward.ResultRows, sizes[i], model.Config.VocabularySize, model.Pool);
                var end = Stopwatch.GetTimestamp();
                if (Stopwatch.GetElapsedTime(began).TotalSeconds < WarmUpSeconds)
                    continue;
                samples[i].Add(Stopwatch.GetElapsedTime(computed, end).TotalMicroseconds);
                passes[i].Add(Stopwatch.GetElapsedTime(start, end).TotalMicroseconds);
            }
        var one = Median(passes[0]);
        for (var i = 0; i < sizes.Length; i++)
            Console.WriteLine($"| {sizes[i]} | {Median(passes[i]):F0} | {Median(samples[i]):F0} | {Median(passes[i]) / one:F2} |");
    }

    const double WarmUpSeconds = 3, Seconds = 7;

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
