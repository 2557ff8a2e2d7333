using System.Numerics;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Generation.Grammars.Vocabularies;

namespace Banyan.Runtime.Generation;

/// <summary>
/// Chooses the next token of one request. Operations, in this order:
/// <code>
/// 1. logit bias                          logit += bias
/// 2. repetition penalty                  seen in prompt or answer: logit > 0 ? logit / r : logit · r
/// 3. presence, frequency penalty         in the answer n times: logit −= presence + n · frequency
/// 4. grammar                             logit = −∞ for tokens that cannot follow
/// 5. temperature                         0: take the largest logit, done
/// 6. top-k, 7. top-p, 8. min-p           each keeps the front of the tokens sorted by probability
/// 9. draw                                with a number that depends on the seed and the answer's length alone
/// </code>
/// </summary>
internal sealed class Sampler
{
    // Up to here the best tokens are kept by insertion; for more, sorting is cheaper.
    const int FewTokens = 256;

    // Up to here what can follow is looked at token by token.
    const int FewAllowed = 8192;
    const double LeastShare = 0.01;

    readonly GenerationOptions _options;
    readonly ulong _seed;
    readonly KeyValuePair<int, float>[] _biases;
    // token → how often the answer has it; tokens of the prompt alone count 0. Null where no penalty asks.
    readonly Dictionary<int, int>? _seen;
    ulong _drawn;

    /// <param name="options">Valid options.</param>
    /// <param name="prompt">The prompt, which the repetition penalty counts as seen.</param>
    /// <param name="room">The maximum tokens the answer can have, so that nothing needs to grow later.</param>
    public Sampler(GenerationOptions options, ReadOnlySpan<int> prompt, int room)
    {
        _options = options;
        _seed = options.Seed ?? (ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue);
        _biases = options.LogitBias is { } biases ? [.. biases] : [];
        if (options.RepetitionPenalty == 1 && options.PresencePenalty == 0 && options.FrequencyPenalty == 0)
            return;
        _seen = [];
        if (options.RepetitionPenalty != 1)
            foreach (var token in prompt)
                _seen[token] = 0;
        _seen.EnsureCapacity(_seen.Count + room);
    }

    /// <summary>Whether <see cref="Next"/> changes the logits it is given.</summary>
    public bool Changes => _biases.Length > 0 || _seen is not null;

    /// <summary>Chooses a token; <see cref="Count"/> counts it as part of the answer.</summary>
    /// <param name="logits">[vocabulary], finite or −∞.</param>
    /// <param name="summary">Of the logits, before this changes them.</param>
    /// <param name="scratch">Room for candidates, shared by all requests of an engine.</param>
    /// <param name="allowed">The tokens that can follow; null for all.</param>
    /// <param name="ends">Tokens that end the answer.</param>
    /// <param name="canEnd">Whether they can follow, where others are not all allowed.</param>
    public int Next(Span<float> logits, LogitSummary summary, SamplerScratch scratch, TokenMask? allowed = null,
        HashSet<int>? ends = null, bool canEnd = true)
    {
        Penalize(logits);
        if (allowed is not null)
            summary = Mask(logits, summary, scratch, allowed, ends ?? [], canEnd);
        else if (Changes)
            summary = Summary(logits);
        return Choose(logits, summary, scratch);
    }

    // What follows is summed up from the smaller part of the vocabulary: from what is allowed where that is little, from what is not where
    // that is.
    LogitSummary Mask(Span<float> logits, LogitSummary before, SamplerScratch scratch, TokenMask allowed, HashSet<int> ends, bool canEnd)
    {
        var others = allowed.Count > FewAllowed && NeedsSum && !Changes
            ? SumOfOthers(logits, before.Max, scratch, allowed, ends, canEnd) : 0;
        allowed.Apply(logits, ends, canEnd);
        if (allowed.Count <= FewAllowed)
            return OfFew(logits, scratch, allowed, ends);
        if (Changes || float.IsNegativeInfinity(logits[before.Best]))
            return Summary(logits);
        if (!NeedsSum)
            return before with { LogSum = double.NaN };
        var all = Math.Exp(before.LogSum - before.Max);
        // Of nearly nothing a difference would not be exact.
        return all - others < LeastShare * all ? LogitSummaries.Of(logits) : before with { LogSum = before.Max + Math.Log(all - others) };
    }

    // Σ exp(logit − max) of the tokens that cannot follow.
    static double SumOfOthers(ReadOnlySpan<float> logits, float max, SamplerScratch scratch, TokenMask allowed,
        HashSet<int> ends, bool canEnd)
    {
        var count = 0;
        for (var word = 0; word * 64 < logits.Length; word++)
            for (var bits = word < allowed.Bits.Length ? ~allowed.Bits[word] : ~0UL; bits != 0; bits &= bits - 1)
                if (word * 64 + BitOperations.TrailingZeroCount(bits) is var token && token < logits.Length)
                    scratch.Values[count++] = logits[token];
        var sum = Distribution.SumExp(scratch.Values.AsSpan(0, count), max, 1);
        foreach (var end in ends)
            if (end < logits.Length && allowed.Allows(end) != canEnd)
                sum += canEnd ? -Math.Exp(logits[end] - max) : Math.Exp(logits[end] - max);
        return sum;
    }

    LogitSummary OfFew(ReadOnlySpan<float> logits, SamplerScratch scratch, TokenMask allowed, HashSet<int> ends)
    {
        var (count, max, best) = (0, float.NegativeInfinity, 0);
        for (var word = 0; word < allowed.Bits.Length; word++)
            for (var bits = allowed.Bits[word]; bits != 0; bits &= bits - 1)
                if (word * 64 + BitOperations.TrailingZeroCount(bits) is var token && token < logits.Length)
                    Take(logits, token);
        foreach (var end in ends)
            if (end < logits.Length && !allowed.Allows(end))
                Take(logits, end);
        return new(max, best, !NeedsSum ? double.NaN : float.IsNegativeInfinity(max) ? max
            : max + Math.Log(Distribution.SumExp(scratch.Values.AsSpan(0, count), max, 1)));

        void Take(ReadOnlySpan<float> logits, int token)
        {
            var logit = scratch.Values[count++] = logits[token];
            if (logit > max || (logit == max && token < best))
                (max, best) = (logit, token);
        }
    }

    /// <summary>Chooses again, of logits from which the last choice was taken out.</summary>
    public int Again(Span<float> logits, SamplerScratch scratch) => Choose(logits, Summary(logits), scratch);

    // The sum is needed where the whole distribution is drawn from as it is; it takes longer than all the rest.
    bool NeedsSum => _options is { Temperature: 1, TopK: 0, TopP: 1, MinP: 0 };

    LogitSummary Summary(ReadOnlySpan<float> logits) => NeedsSum ? LogitSummaries.Of(logits) : LogitSummaries.WithoutSum(logits);

    int Choose(Span<float> logits, LogitSummary summary, SamplerScratch scratch) =>
        _options.Temperature == 0 || _options.TopK == 1 ? summary.Best : Draw(logits, summary, scratch, _drawn);

    /// <summary>
    /// The likeliest tokens of what was just drawn from, best first, and the token's own log-probability in it. Allocates.
    /// </summary>
    /// <param name="logits">As <see cref="Next"/> left them.</param>
    /// <param name="scratch">As there.</param>
    /// <param name="wanted">How many; fewer where no others had a chance.</param>
    /// <param name="token">What was chosen.</param>
    public (TokenLogProb[] Top, float LogProb) Drawn(Span<float> logits, SamplerScratch scratch, int wanted, int token)
    {
        var scale = 1 / _options.Temperature;
        if (_options.Temperature == 0 || _options.TopK == 1 || !float.IsFinite(scale))
            return (wanted > 0 ? [new(token, 0)] : [], 0);
        var max = logits[Distribution.ArgMax(logits)];
        if (_options.TopK == 0 && _options.TopP == 1 && _options.MinP == 0)
        {
            var sum = Math.Log(Distribution.SumExp(logits, max, scale));
            return ([.. Engine.Top(logits, wanted, 0).Where(t => !float.IsNegativeInfinity(t.LogProb))
                .Select(t => t with { LogProb = LogProb(t.LogProb) })], LogProb(logits[token]));

            float LogProb(float logit) => (float)((logit - max) * scale - sum);
        }
        var (kept, mass, own) = (Truncate(logits, max, scale, scratch), 0.0, 0f);
        for (var i = 0; i < kept; i++)
            (mass, own) = (mass + scratch.Values[i], scratch.Tokens[i] == token ? scratch.Values[i] : own);
        return ([.. Enumerable.Range(0, Math.Min(wanted, kept)).Where(i => scratch.Values[i] > 0)
            .Select(i => new TokenLogProb(scratch.Tokens[i], (float)Math.Log(scratch.Values[i] / mass)))],
            (float)Math.Log(own / mass));
    }

    /// <summary>Counts a token as part of the answer.</summary>
    public void Count(int token)
    {
        _drawn++;
        if (_seen is not null)
            _seen[token] = _seen.GetValueOrDefault(token) + 1;
    }

    /// <summary>
    /// What it would choose, <paramref name="ahead"/> tokens from now, if these were the logits: with the number that it will draw with
    /// there. So where a small model's distribution is like the large one's, so are their choices, whatever the temperature. Changes the
    /// logits, but not itself.
    /// </summary>
    public int Guess(Span<float> logits, SamplerScratch scratch, int ahead)
    {
        Penalize(logits);
        var summary = LogitSummaries.Of(logits);
        return !double.IsFinite(summary.LogSum) || _options.Temperature == 0 || _options.TopK == 1 ? summary.Best
            : Draw(logits, summary, scratch, _drawn + (ulong)ahead);
    }

    void Penalize(Span<float> logits)
    {
        foreach (var (token, bias) in _biases)
            if (token < logits.Length)
                logits[token] += bias;
        if (_seen is null)
            return;
        var r = _options.RepetitionPenalty;
        foreach (var (token, times) in _seen)
        {
            if (token >= logits.Length)
                continue; // of a smaller model whose vocabulary ends earlier
            var logit = logits[token];
            logit = logit > 0 ? logit / r : logit * r;
            logits[token] = times == 0 ? logit : logit - _options.PresencePenalty - times * _options.FrequencyPenalty;
        }
    }

    int Draw(Span<float> logits, LogitSummary summary, SamplerScratch scratch, ulong drawn)
    {
        var max = summary.Max;
        var scale = 1 / _options.Temperature;
        var uniform = Uniform(_seed, drawn);
        // A temperature so low that the scale overflows is greedy.
        if (!float.IsFinite(scale))
            return summary.Best;
        if (_options.TopK == 0 && _options.TopP == 1 && _options.MinP == 0)
            return Walk(logits, max, scale,
                uniform * (scale == 1 ? Math.Exp(summary.LogSum - max) : Distribution.SumExp(logits, max, scale)));
        var kept = Truncate(logits, max, scale, scratch);
        double mass = 0;
        for (var i = 0; i < kept; i++)
            mass += scratch.Values[i];
        var target = uniform * mass;
        for (var i = 0; i < kept - 1; i++)
            if ((target -= scratch.Values[i]) < 0)
                return scratch.Tokens[i];
        return scratch.Tokens[kept - 1];
    }

    /// <summary>
    /// Fills the scratch with the kept tokens, best first, and their weights exp((logit − max) / temperature); returns how many.
    /// </summary>
    int Truncate(ReadOnlySpan<float> logits, float max, float scale, SamplerScratch scratch)
    {
        var (values, tokens) = (scratch.Values, scratch.Tokens);
        // min-p as a bound on the logit: p ≥ minP · pMax ⇔ (logit − max) · scale ≥ ln minP.
        var least = _options.MinP > 0 ? max + MathF.Log(_options.MinP) / scale : float.NegativeInfinity;
        int count;
        double enough;
        if (_options.TopK is > 0 and <= FewTokens && _options.TopK < logits.Length)
        {
            count = _options.TopK;
            Distribution.Top(logits, values.AsSpan(0, count), tokens.AsSpan(0, count));
            enough = Weigh(count) * _options.TopP;
        }
        else if (_options.TopK > 0 && _options.TopK < logits.Length)
        {
            Sort(count = Distribution.AtLeast(logits, float.NegativeInfinity, values, tokens));
            count = Math.Min(count, _options.TopK);
            enough = Weigh(count) * _options.TopP;
        }
        else
        {
            // The likely tokens hold nearly all the mass: sort only those, and look further where they are not enough.
            enough = _options.TopP == 1 ? double.PositiveInfinity : Distribution.SumExp(logits, max, scale) * _options.TopP;
            var threshold = least;
            var reach = _options.TopP == 1 ? float.PositiveInfinity : 7f;
            do
            {
                threshold = reach > 100 ? least : Math.Max(least, max - reach / scale);
                count = Distribution.AtLeast(logits, threshold, values, tokens);
                reach *= 1.4f; // to look once more is cheaper than to sort many that are not needed
            }
            while (threshold > least && Distribution.SumExp(values.AsSpan(0, count), max, scale) < enough);
            Sort(count);
            Weigh(count);
        }
        // top-p: up to and with the token that reaches it; min-p: no further than its bound. The best token always stays.
        var kept = 0;
        for (double mass = 0; kept < count && (kept == 0 || (mass < enough && values[kept] >= _options.MinP)); kept++)
            mass += values[kept];
        return kept;

        void Sort(int candidates)
        {
            values.AsSpan(0, candidates).Sort(tokens.AsSpan(0, candidates));
            values.AsSpan(0, candidates).Reverse();
            tokens.AsSpan(0, candidates).Reverse();
        }

        double Weigh(int candidates)
        {
            double mass = 0;
            for (var i = 0; i < candidates; i++)
                mass += values[i] = MathF.Exp((values[i] - max) * scale);
            return mass;
        }
    }

    // Without truncation nothing needs sorting: walk the distribution in token order to where the drawn mass lies.
    static int Walk(ReadOnlySpan<float> logits, float max, float scale, double target)
    {
        var last = 0;
        for (var token = 0; token < logits.Length; token++)
        {
            // Where a grammar allows little, there is nothing for long stretches.
            while (float.IsNegativeInfinity(logits[token]) && token + Vector512<float>.Count < logits.Length
                && Vector512.EqualsAll(Vector512.Create(logits.Slice(token, Vector512<float>.Count)),
                    Vector512.Create(float.NegativeInfinity)))
                token += Vector512<float>.Count;
            var weight = MathF.Exp((logits[token] - max) * scale);
            if (weight == 0)
                continue;
            last = token;
            if ((target -= weight) < 0)
                return token;
        }
        return last;
    }

    /// <summary>
    /// A number in [0, 1) from the seed and a counter alone (SplitMix64), so that a request's draws depend on nothing beside it.
    /// </summary>
    internal static double Uniform(ulong seed, ulong counter)
    {
        var z = unchecked(seed + (counter + 1) * 0x9E3779B97F4A7C15);
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}

/// <summary>Room for the candidates of one draw, [vocabulary].</summary>
internal sealed class SamplerScratch(int vocabularySize)
{
    /// <summary>A copy of logits that a sampler changes.</summary>
    public float[] Raw { get; } = new float[vocabularySize];

    public float[] Values { get; } = new float[vocabularySize];
    public int[] Tokens { get; } = new int[vocabularySize];
}
