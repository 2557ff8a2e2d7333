using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>Which two values of a head turn together.</summary>
internal enum RopeStyle
{
    /// <summary>2·i and 2·i + 1: Llama in GGUF files.</summary>
    Interleaved,

    /// <summary>i and i + pairs: Qwen, and all of Hugging Face's models.</summary>
    Halves,
}

/// <summary>
/// The angles of a batch's positions, computed once for all layers and heads. Scalings of the rope (linear, Llama 3, YaRN) are in the
/// frequencies; YaRN's attention factor multiplies both cosine and sine.
/// </summary>
internal sealed unsafe class RopeAngles : IDisposable
{
    readonly float[] _inverseFrequencies;
    readonly float _factor;
    readonly AlignedBuffer _buffer;

    /// <param name="inverseFrequencies">One a pair: radians a position.</param>
    /// <param name="maxTokens">The largest batch.</param>
    /// <param name="factor">YaRN's attention factor.</param>
    public RopeAngles(float[] inverseFrequencies, int maxTokens, float factor = 1)
    {
        (_inverseFrequencies, _factor, MaxTokens) = (inverseFrequencies, factor, maxTokens);
        _buffer = new AlignedBuffer((long)maxTokens * Pairs * 2 * sizeof(float));
    }

    public int MaxTokens { get; }

    public int Pairs => _inverseFrequencies.Length;

    /// <summary>[tokens, pairs] cosines and sines, as of the last <see cref="Compute"/>.</summary>
    public float* Cosines => _buffer.Floats;

    public float* Sines => _buffer.Floats + (long)MaxTokens * Pairs;

    public void Compute(ReadOnlySpan<int> positions)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(positions.Length, MaxTokens);
        var cosines = Cosines;
        var sines = Sines;
        foreach (var position in positions)
            foreach (var frequency in _inverseFrequencies)
            {
                var (sine, cosine) = Math.SinCos((double)position * frequency);
                *cosines++ = (float)cosine * _factor;
                *sines++ = (float)sine * _factor;
            }
    }

    public void Dispose() => _buffer.Dispose();
}

/// <summary>Rotary position embedding (Su et al. 2021), in place.</summary>
internal static unsafe class Rope
{
    /// <summary>
    /// Turns the first 2·pairs values of every head of x[tokens, heads, headDim] by its token's angles; rows of tokens are
    /// <paramref name="stride"/> floats apart.
    /// </summary>
    public static void Apply(float* x, int tokens, int heads, int headDim, nint stride, RopeAngles angles, RopeStyle style, WorkerPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, angles.MaxTokens);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(2 * angles.Pairs, headDim);
        var job = new Job { X = x, Tokens = tokens, Heads = heads, HeadDim = headDim, Stride = stride, Angles = angles, Style = style };
        pool.Run(ref job, Parts.ForWork((long)tokens * heads * headDim, tokens));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Turn(float* head, float* cosines, float* sines, int pairs, RopeStyle style)
    {
        var i = 0;
        if (style == RopeStyle.Halves)
        {
            if (Ladder.UsesVectors)
                for (; i + 8 <= pairs; i += 8)
                {
                    var (a, b) = (Vector256.Load(head + i), Vector256.Load(head + pairs + i));
                    var (cosine, sine) = (Vector256.Load(cosines + i), Vector256.Load(sines + i));
                    (a * cosine - b * sine).Store(head + i);
                    (a * sine + b * cosine).Store(head + pairs + i);
                }
            for (; i < pairs; i++)
            {
                var (a, b) = (head[i], head[pairs + i]);
                head[i] = a * cosines[i] - b * sines[i];
                head[pairs + i] = a * sines[i] + b * cosines[i];
            }
            return;
        }
        for (; i < pairs; i++)
        {
            var (a, b) = (head[2 * i], head[2 * i + 1]);
            head[2 * i] = a * cosines[i] - b * sines[i];
            head[2 * i + 1] = a * sines[i] + b * cosines[i];
        }
    }

    struct Job : IJob
    {
        public float* X;
        public int Tokens, Heads, HeadDim;
        public nint Stride;
        public RopeAngles Angles;
        public RopeStyle Style;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Tokens);
            for (var token = first; token < end; token++)
            {
                var offset = (long)token * Angles.Pairs;
                for (var head = 0; head < Heads; head++)
                    Turn(X + token * Stride + (long)head * HeadDim, Angles.Cosines + offset, Angles.Sines + offset, Angles.Pairs, Style);
            }
        }
    }
}
