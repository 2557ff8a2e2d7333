using System.Globalization;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars.Vocabularies;

namespace Banyan.Bench;

/// <summary>
/// What choosing a token takes, of logits that are summed up already, by how many tokens a grammar allows: microseconds of processor time,
/// of one thread.
/// </summary>
static class SamplerBench
{
    const int Vocabulary = 151_936, Runs = 200;

    static readonly (string Name, GenerationOptions Options)[] s_ways =
    [
        ("temperature 1", new()),
        ("temperature 0.7, top-p 0.95", new() { Temperature = 0.7f, TopP = 0.95f }),
        ("temperature 0.7, top-k 40", new() { Temperature = 0.7f, TopK = 40 }),
        ("temperature 0", new() { Temperature = 0 }),
    ];

    public static int Run()
    {
        Console.WriteLine(
            $"{Machine.Name}, {Vocabulary} tokens\n\n| | any | 1 % are not allowed | 1 % are allowed | 20 tokens |\n|---|---:|---:|---:|---:|");
        var random = new Random(1);
        var logits = new float[Vocabulary];
        foreach (ref var logit in logits.AsSpan())
            logit = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()) * 3);
        TokenMask Allowed(Func<int, bool> isAllowed)
        {
            var bits = new ulong[(Vocabulary + 63) / 64];
            for (var token = 0; token < Vocabulary; token++)
                if (isAllowed(token))
                    bits[token >> 6] |= 1UL << (token & 63);
            return TokenMask.Of(bits);
        }
        TokenMask?[] masks = [null, Allowed(t => t % 100 != 7), Allowed(t => t % 100 == 7), Allowed(t => t % 7000 == 33)];
        var (scratch, work, summary, ends) = (new SamplerScratch(Vocabulary), new float[Vocabulary], LogitSummaries.Of(logits),
            new HashSet<int> { Vocabulary - 1 });
        foreach (var (name, options) in s_ways)
            Console.WriteLine(
                $"| {name} | {string.Join(" | ", masks.Select(mask => Time(options, mask).ToString("0", CultureInfo.InvariantCulture)))} |");
        return 0;

        double Time(GenerationOptions options, TokenMask? mask)
        {
            var sampler = new Sampler(options with { Seed = 1 }, [], 10);
            double chosen = 0;
            for (var run = -Runs; run < Runs; run++)
            {
                logits.CopyTo(work, 0);
                var began = Environment.CpuUsage.TotalTime;
                var token = sampler.Next(work, summary, scratch, mask, ends, false);
                sampler.Count(token);
                if (run >= 0) // before, it compiles
                    chosen += (Environment.CpuUsage.TotalTime - began).TotalMicroseconds;
            }
            return chosen / Runs;
        }
    }
}
