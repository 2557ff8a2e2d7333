using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars.Vocabularies;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>The sampler draws from the distribution that its options describe.</summary>
public class SamplerTests
{
    static int Next(Sampler sampler, float[] logits, SamplerScratch scratch)
    {
        var token = sampler.Next(logits, LogitSummaries.Of(logits), scratch);
        sampler.Count(token);
        return token;
    }

    const int Draws = 40_000;

    // Eight tokens with plain probabilities, among many impossible ones, so that vectors and remainders both matter.
    static readonly double[] s_probabilities = [0.4, 0.25, 0.12, 0.1, 0.06, 0.04, 0.02, 0.01];

    static float[] Logits(int vocabulary = 100)
    {
        var logits = new float[vocabulary];
        Array.Fill(logits, -60f);
        for (var i = 0; i < s_probabilities.Length; i++)
            logits[i * 11 + 3] = (float)Math.Log(s_probabilities[i]) + 5;
        return logits;
    }

    static int[] Count(GenerationOptions options, int draws = Draws)
    {
        var scratch = new SamplerScratch(100);
        var sampler = new Sampler(options with { Seed = options.Seed ?? 7 }, [], 0);
        var counts = new int[100];
        for (var i = 0; i < draws; i++)
            counts[Next(sampler, Logits(), scratch)]++;
        return counts;
    }

    /// <summary>χ² of the counts against the expected distribution, below its 99.99 % quantile; nothing outside it drawn.</summary>
    static void Matches(double[] expected, GenerationOptions options)
    {
        var counts = Count(options);
        var sum = expected.Sum();
        var chi = 0.0;
        for (var i = 0; i < s_probabilities.Length; i++)
        {
            var count = counts[i * 11 + 3];
            var wanted = expected[i] / sum * Draws;
            if (wanted == 0)
                Assert.Equal(0, count);
            else
                chi += (count - wanted) * (count - wanted) / wanted;
            counts[i * 11 + 3] = 0;
        }
        Assert.All(counts, c => Assert.Equal(0, c));
        Assert.InRange(chi, 0, 29.9); // 7 degrees of freedom
    }

    static double[] Kept(int count) => [.. s_probabilities.Select((p, i) => i < count ? p : 0)];

    [Theory]
    [InlineData(1f)]
    [InlineData(0.5f)]
    [InlineData(1.7f)]
    public void Temperature_sharpens_or_flattens(float temperature) =>
        Matches([.. s_probabilities.Select(p => Math.Pow(p, 1 / temperature))], new GenerationOptions { Temperature = temperature });

    [Fact]
    public void Top_k_keeps_the_k_best() => Matches(Kept(3), new GenerationOptions { TopK = 3 });

    [Theory]
    [InlineData(0.3f, 1)]
    [InlineData(0.41f, 2)]
    [InlineData(0.66f, 3)]
    [InlineData(0.93f, 6)]
    [InlineData(0.999f, 8)]
    public void Top_p_keeps_the_best_that_reach_p(float p, int kept) => Matches(Kept(kept), new GenerationOptions { TopP = p });

    [Theory]
    [InlineData(0.5f, 2)]
    [InlineData(0.12f, 5)]
    [InlineData(1f, 1)]
    public void Min_p_keeps_what_is_likely_enough_beside_the_best(float p, int kept) =>
        Matches(Kept(kept), new GenerationOptions { MinP = p });

    [Fact]
    public void Top_p_counts_what_top_k_has_left()
    {
        // Of the best two, 0.4 / 0.65 = 0.615 is enough for p = 0.6; of all it would not be.
        Matches(Kept(1), new GenerationOptions { TopK = 2, TopP = 0.6f });
        Matches(Kept(2), new GenerationOptions { TopP = 0.6f });
        // Many candidates take the sorting path: the same answer.
        Matches(Kept(8), new GenerationOptions { TopK = 99, MinP = 0.01f });
    }

    [Fact]
    public void Temperature_comes_before_truncation()
    {
        // At temperature 0.5 the best has 0.16 / 0.2426 = 0.66 of the mass, so top-p 0.6 keeps it alone.
        Matches(Kept(1), new GenerationOptions { Temperature = 0.5f, TopP = 0.6f });
    }

    [Fact]
    public void The_same_seed_draws_the_same_and_another_does_not()
    {
        Assert.Equal(Count(new GenerationOptions { Seed = 5 }, 500), Count(new GenerationOptions { Seed = 5 }, 500));
        Assert.NotEqual(Count(new GenerationOptions { Seed = 5 }, 500), Count(new GenerationOptions { Seed = 6 }, 500));
    }

    [Fact]
    public void Penalties_change_the_logits_of_what_was_seen()
    {
        var scratch = new SamplerScratch(100);
        int Greedy(GenerationOptions options, int[] prompt, int times = 1)
        {
            var sampler = new Sampler(options with { Temperature = 0 }, prompt, 10);
            var token = -1;
            for (var i = 0; i < times; i++)
                token = Next(sampler, Logits(), scratch);
            return token;
        }

        Assert.Equal(3, Greedy(new(), []));
        // ln 0.4 + 5 = 4.08 and ln 0.25 + 5 = 3.61: divided by 1.2 the best falls behind the second.
        Assert.Equal(14, Greedy(new() { RepetitionPenalty = 1.2f }, [3]));
        Assert.Equal(14, Greedy(new() { RepetitionPenalty = 1.2f }, [], times: 2));
        // Presence and frequency count the answer alone.
        Assert.Equal(3, Greedy(new() { PresencePenalty = 1 }, [3]));
        Assert.Equal(14, Greedy(new() { PresencePenalty = 1 }, [3], times: 2));
        Assert.Equal(3, Greedy(new() { FrequencyPenalty = 0.3f }, [], times: 2));
        Assert.Equal(14, Greedy(new() { FrequencyPenalty = 0.3f }, [], times: 3));
        Assert.Equal(58, Greedy(new() { LogitBias = new Dictionary<int, float> { [58] = 70 } }, []));
    }

    [Fact]
    public void A_draw_allocates_nothing()
    {
        var options = new GenerationOptions
        {
            TopP = 0.9f,
            MinP = 0.01f,
            RepetitionPenalty = 1.1f,
            FrequencyPenalty = 0.1f,
            LogitBias = new Dictionary<int, float> { [3] = 1 }
        };
        var (sampler, scratch, logits) = (new Sampler(options, [1, 2, 3], 2000), new SamplerScratch(100), Logits());
        Next(sampler, logits, scratch);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            Next(sampler, logits, scratch);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(1000)]
    [InlineData(10_007)]
    public void Passes_over_the_logits_agree_with_plain_loops(int length)
    {
        var random = new Random(length);
        var logits = Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() * 40 - 20)).ToArray();
        Assert.Equal(logits.Max(), Distribution.Max(logits));
        Assert.Equal(Array.IndexOf(logits, logits.Max()), Distribution.ArgMax(logits));
        Assert.Equal(Math.Log(logits.Sum(l => Math.Exp(l))), Distribution.LogSumExp(logits), 5e-6);
        var (values, tokens) = (new float[Math.Min(12, length)], new int[Math.Min(12, length)]);
        Distribution.Top(logits, values, tokens);
        var best = Enumerable.Range(0, length).OrderByDescending(i => logits[i]).Take(tokens.Length).ToArray();
        Assert.Equal(best, tokens);
        Assert.Equal(best.Select(i => logits[i]), values);
        logits[length / 2] = float.NaN;
        Assert.True(double.IsNaN(Distribution.LogSumExp(logits)));
    }
}

/// <summary>One pass over the vocabulary finds what several did.</summary>
public unsafe class LogitSummaryTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(2048)]
    [InlineData(16384)]
    [InlineData(40001)]
    public void It_is_what_separate_passes_find(int vocabulary)
    {
        using var pool = new Banyan.Runtime.Kernels.Threads.WorkerPool(3);
        const int Rows = 4;
        var logits = new float[Rows * vocabulary];
        var random = new Random(vocabulary);
        for (var i = 0; i < logits.Length; i++)
            logits[i] = MathF.Round((float)(random.NextDouble() * 30 - 15), 1); // many are equal: the first counts
        logits.AsSpan(vocabulary, vocabulary / 2).Fill(float.NegativeInfinity);
        logits[3 * vocabulary + vocabulary / 3] = float.NaN;
        var summaries = new LogitSummaries(Rows);
        fixed (float* p = logits)
            summaries.Compute(p, Rows, vocabulary, pool);
        for (var row = 0; row < 3; row++)
        {
            var one = logits.AsSpan(row * vocabulary, vocabulary);
            Assert.Equal(Distribution.Max(one), summaries[row].Max);
            Assert.Equal(Distribution.ArgMax(one), summaries[row].Best);
            Assert.Equal(Distribution.LogSumExp(one), summaries[row].LogSum, 1e-5);
            Assert.Equal(summaries[row].LogSum, LogitSummaries.Of(one).LogSum, 1e-9);
        }
        Assert.True(double.IsNaN(summaries[3].LogSum));
    }

    // Of 20,000 tokens nearly all are allowed, half, few, one, or those alone that end.
    [Theory]
    [InlineData(1, 1f, 0)]
    [InlineData(1, 0.7f, 0)]
    [InlineData(1, 0.7f, 40)]
    [InlineData(0, 1f, 0)]
    public void A_mask_changes_nothing_but_what_can_be_chosen(float temperature, float topP, int topK)
    {
        var random = new Random(1);
        float[] logits = [.. Enumerable.Range(0, 20_000).Select(_ => random.NextSingle() * 12)];
        logits[77] = 15; // the best, which some masks leave
        var (scratch, ends, summary) = (new SamplerScratch(logits.Length), new HashSet<int> { 5, 9_000, 30_000 },
            LogitSummaries.Of(logits));
        var options = new GenerationOptions { Temperature = temperature, TopP = topP, TopK = topK, Seed = 2 };
        foreach (var penalty in (float[])[1, 1.2f])
            foreach (var isAllowed in (Func<int, bool>[])[i => i % 50 != 3, i => i % 2 == 0, i => i % 2 == 1, i => i % 100 == 77,
                i => i == 19_999, i => i < 0])
            {
                var bits = new ulong[(logits.Length + 63) / 64];
                for (var i = 0; i < logits.Length; i++)
                    bits[i >> 6] |= isAllowed(i) ? 1UL << (i & 63) : 0;
                var mask = TokenMask.Of(bits);
                Sampler sampler = new(options with { RepetitionPenalty = penalty }, [77, 3], 60), plain =
                    new(options with { RepetitionPenalty = penalty }, [77, 3], 60);
                for (var draw = 0; draw < 20; draw++)
                {
                    var canEnd = mask.Count == 0 || draw % 2 == 0;
                    float[] masked = [.. logits], expected = [.. logits];
                    var token = sampler.Next(masked, summary, scratch, mask, ends, canEnd);
                    for (var i = 0; i < expected.Length; i++)
                        if (ends.Contains(i) ? !canEnd : !mask.Allows(i))
                            expected[i] = float.NegativeInfinity;
                    Assert.Equal(plain.Next(expected, LogitSummaries.Of(expected), scratch), token);
                    Assert.False(float.IsNegativeInfinity(masked[token]));
                    sampler.Count(token);
                    plain.Count(token);
                }
            }
    }
}
