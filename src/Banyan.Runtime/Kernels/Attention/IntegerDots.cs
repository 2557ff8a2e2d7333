using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>
/// The two products of attention over integers of 16 bits, exact in 32 bits: a query's integers add up to at most <see cref="MaxSum"/> in
/// magnitude, so that no sum of products with integers of 16 bits overflows. Between them, scores become weights.
/// </summary>
internal abstract unsafe class IntegerDots
{
    /// <summary>Rows of queries, scales, scores and outputs up to a multiple of this may be read and written.</summary>
    public const int Queries = 4;

    /// <summary>The most that the magnitudes of the integers of one query, or of its weights of one page, may add up to.</summary>
    public const int MaxSum = ushort.MaxValue;

    public static IReadOnlyList<IntegerDots> All { get; } =
    [
        .. Enum.GetValues<VectorForm>().Select(form => new AssembledDots(form)), new Avx512Dots(), new Avx2Dots(),
        new NeonDots(), new ScalarDots(),
    ];

    /// <summary>The kernels for the rung in use.</summary>
    public static IntegerDots Current => Ladder.Current.Dots;

    /// <summary>Whether this machine has what it needs.</summary>
    public abstract bool IsSupported { get; }

    /// <summary>
    /// scores[queries, 64] = (Σ q[queries, 2 · pairs] · keys[pairs, 64, 2]) · keyScales[64] · queryScales[queries]; strides in elements.
    /// </summary>
    public virtual void Score(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales, float* scores,
        nint stride, int queries)
    {
        for (var i = 0; i < queries; i += Queries)
            ScoreFour(q + i * qStride, qStride, keys, pairs, queryScales + i, keyScales, scores + i * stride, stride);
    }

    /// <summary>
    /// output[queries, stride] += (Σ weights[queries, 2 · pairs] · values[pairs, stride, 2]) · scales[queries]; stride is a multiple of 16.
    /// </summary>
    public virtual void Add(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales,
        float* output, int queries)
    {
        for (var i = 0; i < queries; i += Queries)
            AddFour(weights + i * weightStride, weightStride, values, pairs, stride, scales + i, output + i * (nint)stride);
    }

    /// <inheritdoc cref="PageWeights.Make"/>
    public virtual float Weigh(float* scores, float maximum, float* lanes, float* valueScales, int begin, int end, short* to) =>
        PageWeights.Make(scores, maximum, lanes, valueScales, begin, end, to);

    /// <summary>
    /// The same of four rows of scores, all of which are seen; <paramref name="to"/> and <paramref name="scales"/> get theirs.
    /// </summary>
    public virtual void WeighFour(float* scores, nint stride, float* maxima, float* lanes, float* valueScales, short* to, float* scales)
    {
        for (var i = 0; i < Queries; i++)
            scales[i] = Weigh(scores + i * stride, AttentionTile.Finite(maxima[i]), lanes + 8 * i, valueScales, 0, KvLayout.PagePositions,
                to + i * KvLayout.PagePositions);
    }

    protected abstract void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales,
        float* scores, nint stride);

    protected abstract void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output);
}

/// <summary>The reference.</summary>
internal sealed unsafe class ScalarDots : IntegerDots
{
    public override bool IsSupported => true;

    protected override void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales,
        float* scores, nint stride)
    {
        for (var i = 0; i < Queries; i++)
            for (var position = 0; position < KvLayout.PagePositions; position++)
            {
                var sum = 0;
                for (var pair = 0; pair < pairs; pair++)
                    for (var half = 0; half < 2; half++)
                        sum += q[i * qStride + 2 * pair + half] * keys[(pair * KvLayout.PagePositions + position) * 2 + half];
                scores[i * stride + position] = sum * keyScales[position] * queryScales[i];
            }
    }

    protected override void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output)
    {
        for (var i = 0; i < Queries; i++)
            for (var d = 0; d < stride; d++)
            {
                var sum = 0;
                for (var pair = 0; pair < pairs; pair++)
                    for (var half = 0; half < 2; half++)
                        sum += weights[i * weightStride + 2 * pair + half] * values[(pair * stride + d) * 2 + half];
                output[i * stride + d] = MathF.FusedMultiplyAdd(sum, scales[i], output[i * stride + d]);
            }
    }
}
