using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Generation;

/// <summary>Vectorized passes over one row of logits [vocabulary]. Nothing here allocates.</summary>
internal static class Distribution
{
    /// <summary>The largest logit; NaN if any logit is NaN.</summary>
    public static float Max(ReadOnlySpan<float> logits)
    {
        var max = float.NegativeInfinity;
        var rest = logits;
        if (logits.Length >= Vector<float>.Count)
        {
            var maxima = new Vector<float>(float.NegativeInfinity);
            var vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
            foreach (var vector in vectors)
                maxima = Vector.Max(maxima, vector);
            for (var i = 0; i < Vector<float>.Count; i++)
                max = MathF.Max(max, maxima[i]);
            rest = logits[(vectors.Length * Vector<float>.Count)..];
        }
        foreach (var logit in rest)
            max = MathF.Max(max, logit);
        return max;
    }

    /// <summary>The first token with the largest logit.</summary>
    public static int ArgMax(ReadOnlySpan<float> logits) => Math.Max(0, logits.IndexOf(Max(logits)));

    /// <summary>
    /// ln Σ exp(logit): subtracting it from a logit gives the token's log-probability. NaN or infinite for damaged logits.
    /// </summary>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var max = Max(logits);
        return max + Math.Log(SumExp(logits, max, 1));
    }

    /// <summary>Σ exp((logit − max) · scale), summed in blocks so that small terms are not lost.</summary>
    public static double SumExp(ReadOnlySpan<float> logits, float max, float scale)
    {
        double sum = 0;
        const int block = 4096;
        for (; !logits.IsEmpty; logits = logits[Math.Min(block, logits.Length)..])
            sum += SumExpBlock(logits[..Math.Min(block, logits.Length)], max, scale);
        return sum;
    }

    static float SumExpBlock(ReadOnlySpan<float> logits, float max, float scale)
    {
        if (VectorExp.HasSmall && Ladder.UsesVectors)
        {
            var wide = MemoryMarshal.Cast<float, Vector512<float>>(logits);
            var (even, odd, minus) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512.Create(max));
            for (var i = 0; i + 1 < wide.Length; i += 2)
            {
                even += VectorExp.ExpOfSmall((wide[i] - minus) * scale);
                odd += VectorExp.ExpOfSmall((wide[i + 1] - minus) * scale);
            }
            var total = Vector512.Sum(even + odd);
            foreach (var logit in logits[(wide.Length / 2 * 2 * Vector512<float>.Count)..])
                total += MathF.Exp((logit - max) * scale);
            return total;
        }
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        var (sums, maxima) = (Vector<float>.Zero, new Vector<float>(max));
        foreach (var vector in vectors)
            sums += Vector.Exp((vector - maxima) * scale);
        var sum = Vector.Sum(sums);
        foreach (var logit in logits[(vectors.Length * Vector<float>.Count)..])
            sum += MathF.Exp((logit - max) * scale);
        return sum;
    }

    /// <summary>
    /// Collects the <paramref name="values"/>.Length largest logits, best first, of equal ones the lower token first. Blocks in which no
    /// logit can enter are skipped a vector at a time.
    /// </summary>
    public static void Top(ReadOnlySpan<float> logits, Span<float> values, Span<int> tokens)
    {
        var (count, wanted, token) = (0, Math.Min(values.Length, logits.Length), 0);
        if (wanted == 0)
            return;
        while (token < logits.Length)
        {
            if (count == wanted && token + Vector<float>.Count <= logits.Length
                && !Vector.GreaterThanAny(new Vector<float>(logits[token..]), new Vector<float>(values[wanted - 1])))
            {
                token += Vector<float>.Count;
                continue;
            }
            for (var end = Math.Min(token + Vector<float>.Count, logits.Length); token < end; token++)
            {
                var logit = logits[token];
                if (count == wanted && !(logit > values[wanted - 1]))
                    continue;
                var at = count < wanted ? count++ : wanted - 1;
                for (; at > 0 && logit > values[at - 1]; at--)
                    (values[at], tokens[at]) = (values[at - 1], tokens[at - 1]);
                (values[at], tokens[at]) = (logit, token);
            }
        }
    }

    /// <summary>Collects every token whose logit is at least <paramref name="threshold"/>, in token order; returns how many.</summary>
    public static int AtLeast(ReadOnlySpan<float> logits, float threshold, Span<float> values, Span<int> tokens)
    {
        var (count, token) = (0, 0);
        while (token < logits.Length)
        {
            var end = Math.Min(token + Vector<float>.Count, logits.Length);
            if (end - token == Vector<float>.Count
                && !Vector.GreaterThanOrEqualAny(new Vector<float>(logits[token..]), new Vector<float>(threshold)))
            {
                token = end;
                continue;
            }
            for (; token < end; token++)
                if (logits[token] >= threshold)
                    (values[count], tokens[count++]) = (logits[token], token);
        }
        return count;
    }
}
