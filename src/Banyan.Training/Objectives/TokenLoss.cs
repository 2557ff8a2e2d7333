using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Training.Objectives;

/// <summary>The loss of one target's logits; threads compute rows in parallel.</summary>
internal abstract unsafe class TokenLoss
{
    /// <summary>
    /// The loss of the logits of target <paramref name="index"/> of the pass, in nats; the logits become
    /// <paramref name="coefficient"/> times its gradient.
    /// </summary>
    public abstract double Row(int index, int token, float* logits, int count, float coefficient);
}

/// <summary>−ln p of the target: cross-entropy. Its gradient is softmax − one at the target.</summary>
internal sealed unsafe class CrossEntropy : TokenLoss
{
    public static CrossEntropy Instance { get; } = new();

    public override double Row(int index, int token, float* logits, int count, float coefficient)
    {
        double target = logits[token];
        var largest = Softmax.Largest(logits, count);
        var sum = Exp(logits, largest, count);
        Scale.Apply(logits, (float)(coefficient / sum), count);
        logits[token] -= coefficient;
        return Math.Log(sum) + largest - target;
    }

    // x = e^(x − minus); returns the sum, exact enough for a vocabulary.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Exp(float* x, float minus, int count)
    {
        const int Run = 4096; // numbers that are added as floats
        var sum = 0.0;
        for (var first = 0; first < count; first += Run)
        {
            var (sums, end, i) = (Vector256<float>.Zero, Math.Min(first + Run, count), first);
            for (; i + 8 <= end; i += 8)
            {
                var e = VectorExp.Exp(Vector256.Load(x + i) - Vector256.Create(minus));
                e.Store(x + i);
                sums += e;
            }
            sum += Vector256.Sum(sums);
            for (; i < end; i++)
                sum += x[i] = MathF.Exp(x[i] - minus);
        }
        return sum;
    }
}
