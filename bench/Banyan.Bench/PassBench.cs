using System.Diagnostics;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;

namespace Banyan.Bench;

/// <summary>What a pass of so many rows of one sequence takes at a depth, all logits wanted: what guesses cost beside one token.</summary>
static unsafe class PassBench
{
    public static void Run(string path, int threads, int depth)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = threads });
        Console.WriteLine($"{Machine.Name}, {Path.GetFileName(path)}, {threads} threads, {depth} tokens before; microseconds, the median of passes");
        Console.WriteLine();
        Console.WriteLine("| rows | pass | of them logits to samples | × one row |");
        Console.WriteLine("|---|---|---|---|");
        const int most = 32;
        using var cache = new KvCache(model.Config, model.Options.KvCache, depth + most + 64);
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
        var one = 0.0;
        foreach (var rows in (int[])[1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32])
        {
            var (pass, after) = (new List<double>(), new List<double>());
            for (var began = Stopwatch.GetTimestamp(); pass.Count < 10 || Stopwatch.GetElapsedTime(began).TotalSeconds < 0.6;)
            {
                batch.Clear();
                batch.Add(sequence, tokens.AsSpan(depth, rows), rows);
                var start = Stopwatch.GetTimestamp();
                forward.Run(batch);
                var computed = Stopwatch.GetTimestamp();
                summaries.Compute(forward.LogitRows, rows, model.Config.VocabularySize, model.Pool);
                after.Add(Stopwatch.GetElapsedTime(computed).TotalMicroseconds);
                pass.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
            var median = Median(pass);
            if (rows == 1)
                one = median;
            Console.WriteLine($"| {rows} | {median:F0} | {Median(after):F0} | {median / one:F2} |");
        }
    }

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
