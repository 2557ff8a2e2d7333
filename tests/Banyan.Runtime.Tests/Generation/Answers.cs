using Banyan.Runtime.Generation;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>What an engine answers, whole.</summary>
static class Answers
{
    public static async Task<(int[] Tokens, float[] LogProbs, GenerationStatistics Statistics)> Generate(Engine engine, int[] prompt,
        GenerationOptions options)
    {
        var (tokens, logProbs) = (new List<int>(), new List<float>());
        GenerationStatistics? statistics = null;
        await foreach (var generated in engine.GenerateAsync(prompt, options, TestContext.Current.CancellationToken))
        {
            tokens.Add(generated.Token!.Value);
            logProbs.Add(generated.LogProb);
            statistics = generated.Statistics;
        }
        return ([.. tokens], [.. logProbs], statistics!);
    }

    /// <summary>The likeliest tokens, and how many of the prompt's came from the cache.</summary>
    public static async Task<(int[] Tokens, int Cached)> Likeliest(Engine engine, int[] prompt, int count)
    {
        var (tokens, _, statistics) = await Generate(engine, prompt, new() { Temperature = 0, MaxTokens = count, IgnoreEndOfText = true });
        return (tokens, statistics.CachedTokens);
    }

    /// <summary>
    /// Answers drawn many times: how often each third and fourth token comes, with guesses and without, is of one distribution.
    /// </summary>
    public static async Task HaveOneDistribution(Engine with, Engine without, int[] prompt)
    {
        var (first, second) = (new Dictionary<int, int>(), new Dictionary<int, int>());
        var drafted = 0;
        for (var i = 0; i < 400; i++)
        {
            // Other seeds on either side: what is compared is the distribution, not the coupling.
            Count(first, (await Generate(without, prompt, new() { MaxTokens = 4, Seed = (ulong)i, IgnoreEndOfText = true })).Tokens);
            var guessed = await Generate(with, prompt, new() { MaxTokens = 4, Seed = (ulong)(i + 1_000_000), IgnoreEndOfText = true });
            Count(second, guessed.Tokens);
            drafted += guessed.Statistics.DraftedTokens;
        }
        Assert.True(drafted > 0);
        // Two samples of a multinomial: chi-squared over what occurs often enough, its 99.99 % point approximated.
        var tested = first.Keys.Union(second.Keys).Where(t => first.GetValueOrDefault(t) + second.GetValueOrDefault(t) >= 10).ToArray();
        var chi =
            tested.Sum(t => Math.Pow(first.GetValueOrDefault(t) - second.GetValueOrDefault(t), 2)
                / (first.GetValueOrDefault(t) + second.GetValueOrDefault(t)));
        var freedom = tested.Length;
        Assert.True(freedom >= 5);
        Assert.True(chi < freedom * Math.Pow(1 - 2.0 / (9 * freedom) + 3.72 * Math.Sqrt(2.0 / (9 * freedom)), 3),
            $"chi² {chi} of {freedom}");

        static void Count(Dictionary<int, int> counts, int[] tokens)
        {
            for (var place = 2; place < 4; place++)
            {
                var key = place * 100_000 + tokens[place];
                counts[key] = counts.GetValueOrDefault(key) + 1;
            }
        }
    }
}
