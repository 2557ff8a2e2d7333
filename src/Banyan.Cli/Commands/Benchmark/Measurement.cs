using System.Diagnostics;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;

namespace Banyan.Cli.Commands.Benchmark;

/// <summary>What to measure.</summary>
sealed record Plan(int Prompt, int Generate, int Repetitions, int[] Depths, int[] Streams);

/// <summary>Tokens a second with the given number of tokens before, and what part of the machine's limit that is.</summary>
/// <remarks>PrefillOfCeiling: of the products with the scales that belong to them; 0 if the kernels do not tell.</remarks>
readonly record struct AtDepth(int Depth, double Prefill, double PrefillOfPeak, double PrefillOfCeiling, double Decode,
    double DecodeOfBandwidth);

/// <summary>
/// Tokens a second of all streams together, as a multiple of one alone; steadiness: the slowest stream's speed ÷ the fastest's.
/// </summary>
readonly record struct Together(int Streams, double Decode, double OfOne, double Steadiness);

/// <summary>Tokens a second with a draft model or the model's own prediction layer, as a multiple of the speed without; how many tokens
/// were guessed, and how many of them were right.</summary>
readonly record struct Drafted(double Decode, double OfAlone, int Guessed, int Right);

/// <summary>What was measured.</summary>
sealed record Result(IReadOnlyList<AtDepth> Depths, IReadOnlyList<Together> Streams, Drafted? Drafted);

/// <summary>Measures with random prompts and without speculative decoding: text from random weights would repeat itself.</summary>
static class Measurement
{
    const int StreamPrompt = 32, MostRunsApart = 50;

    /// <summary>Maximum tokens of a stream: the first already generates while others still read their prompts.</summary>
    public static int StreamTokens(Plan plan) => StreamPrompt + plan.Generate + 2 * plan.Streams.Max();

    /// <param name="model">The model to measure.</param>
    /// <param name="draft">Its draft model, or null.</param>
    /// <param name="limits">The machine's limits.</param>
    /// <param name="plan">What to measure.</param>
    /// <param name="doing">Receives a description of the current measurement.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public static async Task<Result> Run(Model model, Model? draft, MachineLimits limits, Plan plan, Action<string> doing,
        CancellationToken cancellationToken)
    {
        var depths = new List<AtDepth>();
        await using (var engine = new Engine(model, new EngineOptions { MaxRequests = 1, CacheTokens = 1, Speculation = false }))
            foreach (var depth in plan.Depths)
                depths.Add(await Depth(engine, limits, plan, depth, doing, cancellationToken));
        var streams = new List<Together>();
        var one = 0.0;
        foreach (var count in plan.Streams is [1] ? [] : plan.Streams.Prepend(1).Distinct())
        {
            doing(count == 1 ? "one stream" : $"{count} streams together");
            await using var engine = new Engine(model,
                new EngineOptions { MaxRequests = count, CacheTokens = count * (StreamTokens(plan) + 64), Speculation = false });
            var (rate, steadiness) = await Streams(engine, plan, count, cancellationToken);
            one = count == 1 ? rate : one;
            if (plan.Streams.Contains(count))
                streams.Add(new Together(count, rate, rate / one, steadiness));
        }
        var guesses = draft is not null || model.GuessesAhead;
        if (guesses)
            doing("with guesses and without");
        return new Result(depths, streams, !guesses ? null : await WithGuesses(model, draft, plan, cancellationToken));
    }

    // The same prompts with guesses and without, in turn; who guesses decides how many, as in earnest.
    static async Task<Drafted> WithGuesses(Model model, Model? draft, Plan plan, CancellationToken cancellationToken)
    {
        await using var with = new Engine(model, new EngineOptions { MaxRequests = 1, CacheTokens = 1, Draft = draft });
        await using var without = new Engine(model, new EngineOptions { MaxRequests = 1, CacheTokens = 1, Speculation = false });
        var (guessed, alone) = (new List<GenerationStatistics>(), new List<GenerationStatistics>());
        for (var run = -1; run < plan.Repetitions; run++)
        {
            var prompt = Random(model, plan.Prompt, run);
            var (first, second) = (await Generate(with, prompt, plan.Generate, cancellationToken),
                await Generate(without, prompt, plan.Generate, cancellationToken));
            if (run < 0)
                continue;
            guessed.Add(first);
            alone.Add(second);
        }
        return new Drafted(Median(guessed.Select(r => r.GenerateSpeed)),
            Median(guessed.Zip(alone, (a, b) => a.GenerateSpeed / b.GenerateSpeed)),
            guessed.Sum(r => r.DraftedTokens), guessed.Sum(r => r.AcceptedTokens));
    }

    static async Task<AtDepth> Depth(Engine engine, MachineLimits limits, Plan plan, int depth, Action<string> doing,
        CancellationToken cancellationToken)
    {
        // Whole pages of what stands before are kept from one prompt to the next.
        var before = Random(engine.Model, depth, -1);
        if (depth > 0)
        {
            doing($"a depth of {depth} (computing what stands before)");
            await Generate(engine, [.. before, .. Random(engine.Model, 1, -2)], 2, cancellationToken);
        }
        var runs = new List<GenerationStatistics>();
        for (var run = -1; run < plan.Repetitions; run++)
        {
            doing($"a depth of {depth} ({(run < 0 ? "warming up" : $"{run + 1} of {plan.Repetitions}")})");
            var statistics = await Generate(engine, [.. before, .. Random(engine.Model, plan.Prompt, run)],
                plan.Generate, cancellationToken);
            if (run >= 0) // the first only warms up: code is compiled and pages are touched
                runs.Add(statistics);
        }
        var (prefill, decode) = (Median(runs.Select(r => r.PromptSpeed)), Median(runs.Select(r => r.GenerateSpeed)));
        var work = engine.Model.Work;
        var (promptMiddle, answerMiddle) = (depth + plan.Prompt / 2, depth + plan.Prompt + plan.Generate / 2);
        var ofOnePeak = limits.IntegerPeak == 0 ? 0 : prefill / limits.IntegerPeak;
        // Attention's products are of 16 bits, half as many an instruction.
        var ceiling = work.ProductsWithScales == 0 || engine.Model.Options.Activations == ActivationFormat.Float ? 0
            : work.ProductsWithScales + 2 * work.PositionProducts * promptMiddle;
        return new AtDepth(depth, prefill, ofOnePeak * (work.Products + work.PositionProducts * promptMiddle), ofOnePeak * ceiling,
            decode, decode * (work.WeightBytes + work.CacheBytes * answerMiddle) / limits.ReadBandwidth);
    }

    static async Task<GenerationStatistics> Generate(Engine engine, int[] prompt, int tokens, CancellationToken cancellationToken)
    {
        GenerationStatistics? statistics = null;
        await foreach (var generated in engine.GenerateAsync(prompt, Options(tokens), cancellationToken))
            statistics = generated.Statistics;
        return statistics!;
    }

    // From when the last stream has begun to when the first has ended, all are generating. A small model's first may have ended before;
    // such a run says nothing.
    static async Task<(double Rate, double Steadiness)> Streams(Engine engine, Plan plan, int count, CancellationToken cancellationToken)
    {
        var (rates, steadiness) = (new List<double>(), new List<double>());
        for (var run = -1; rates.Count < plan.Repetitions; run++)
        {
            if (run == plan.Repetitions + MostRunsApart)
                throw new CommandException(
                    $"{count} streams were seldom generating at the same time: a stream's {plan.Generate} tokens are over too soon. Try more, --generate {4 * plan.Generate}.");
            var times =
                await Task.WhenAll(Enumerable.Range(0, count)
                    .Select(stream => Times(engine, Random(engine.Model, StreamPrompt, run * 1000 + stream + 7))));
            var (begin, end) = (times.Max(t => t[0]), times.Min(t => t[^1]));
            var tokens = times.Select(t => t.Count(at => at > begin && at <= end)).ToArray();
            if (run < 0 || tokens.Sum() == 0)
                continue;
            rates.Add(tokens.Sum() / Stopwatch.GetElapsedTime(begin, end).TotalSeconds);
            steadiness.Add((double)tokens.Min() / tokens.Max());
        }
        return (Median(rates), Median(steadiness));

        async Task<List<long>> Times(Engine engine, int[] prompt)
        {
            var times = new List<long>(plan.Generate);
            await foreach (var _ in engine.GenerateAsync(prompt, Options(plan.Generate + 2 * count), cancellationToken))
                times.Add(Stopwatch.GetTimestamp());
            return times;
        }
    }

    static GenerationOptions Options(int tokens) => new() { MaxTokens = tokens, Temperature = 0, IgnoreEndOfText = true };

    static int[] Random(Model model, int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(model.Config.VocabularySize))];
    }

    static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
