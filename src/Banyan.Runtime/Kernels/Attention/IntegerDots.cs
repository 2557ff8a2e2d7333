using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Assembled;

namespace Banyan.Runtime.Kernels;

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
        .. Enum.GetValues<VectorForm>().Select(form => new AssembledDots(form)), new Avx512Dots(), new Avx2Dots(), new PortableDots(), new ScalarDots(),
    ];

    /// <summary>The kernels for the rung in use.</summary>
    public static IntegerDots Current => Ladder.Current.Dots;

    /// <summary>Whether this machine has what it needs.</summary>
    public abstract bool IsSupported { get; }

    /// <summary>scores[queries, 64] = (Σ q[queries, 2 · pairs] · keys[pairs, 64, 2]) · keyScales[64] · queryScales[queries]; strides in elements.</summary>
    public virtual void Score(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales, float* scores, nint stride, int queries)
    {
        for (var i = 0; i < queries; i += Queries)
            ScoreFour(q + i * qStride, qStride, keys, pairs, queryScales + i, keyScales, scores + i * stride, stride);
    }

    /// <summary>output[queries, stride] += (Σ weights[queries, 2 · pairs] · values[pairs, stride, 2]) · scales[queries]; stride is a multiple of 16.</summary>
    public virtual void Add(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output, int queries)
    {
        for (var i = 0; i < queries; i += Queries)
            AddFour(weights + i * weightStride, weightStride, values, pairs, stride, scales + i, output + i * (nint)stride);
    }

    /// <inheritdoc cref="PageWeights.Make"/>
    public virtual float Weigh(float* scores, float maximum, float* lanes, float* valueScales, int begin, int end, short* to) =>
        PageWeights.Make(scores, maximum, lanes, valueScales, begin, end, to);

    /// <summary>The same of four rows of scores, all of which are seen; <paramref name="to"/> and <paramref name="scales"/> get theirs.</summary>
    public virtual void WeighFour(float* scores, nint stride, float* maxima, float* lanes, float* valueScales, short* to, float* scales)
    {
        for (var i = 0; i < Queries; i++)
            scales[i] = Weigh(scores + i * stride, AttentionTile.Finite(maxima[i]), lanes + 8 * i, valueScales, 0, KvLayout.PagePositions, to + i * KvLayout.PagePositions);
    }

    protected abstract void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales, float* scores, nint stride);

    protected abstract void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output);
}

/// <summary>The reference.</summary>
internal sealed unsafe class ScalarDots : IntegerDots
{
    public override bool IsSupported => true;

    protected override void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales, float* scores, nint stride)
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

/// <summary>Any vectors: a pair's halves are shifted out and multiplied as 32 bits.</summary>
internal sealed unsafe class PortableDots : IntegerDots
{
    public override bool IsSupported => Vector128.IsHardwareAccelerated;

    protected override void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales, float* scores, nint stride)
    {
        for (var position = 0; position < KvLayout.PagePositions; position += 4)
        {
            var (a, b, c, d) = Sum(q, qStride, keys + 2 * position, 2 * KvLayout.PagePositions, pairs);
            var scale = Vector128.Load(keyScales + position);
            (Vector128.ConvertToSingle(a) * scale * queryScales[0]).Store(scores + position);
            (Vector128.ConvertToSingle(b) * scale * queryScales[1]).Store(scores + stride + position);
            (Vector128.ConvertToSingle(c) * scale * queryScales[2]).Store(scores + 2 * stride + position);
            (Vector128.ConvertToSingle(d) * scale * queryScales[3]).Store(scores + 3 * stride + position);
        }
    }

    protected override void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output)
    {
        for (var column = 0; column < stride; column += 4)
        {
            var (a, b, c, d) = Sum(weights, weightStride, values + 2 * column, 2 * stride, pairs);
            Store(a, scales[0], output + column);
            Store(b, scales[1], output + stride + column);
            Store(c, scales[2], output + 2 * stride + column);
            Store(d, scales[3], output + 3 * stride + column);
        }

        static void Store(Vector128<int> sum, float scale, float* to) =>
            Vector128.FusedMultiplyAdd(Vector128.ConvertToSingle(sum), Vector128.Create(scale), Vector128.Load(to)).Store(to);
    }

    static (Vector128<int>, Vector128<int>, Vector128<int>, Vector128<int>) Sum(short* x, nint xStride, short* w, nint wStride, int pairs)
    {
        var (a, b, c, d) = (Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero);
        for (var pair = 0; pair < pairs; pair++, x += 2, w += wStride)
        {
            var both = Vector128.Load((int*)w);
            var (first, second) = (both << 16 >> 16, both >> 16);
            a += first * x[0] + second * x[1];
            b += first * x[xStride] + second * x[xStride + 1];
            c += first * x[2 * xStride] + second * x[2 * xStride + 1];
            d += first * x[3 * xStride] + second * x[3 * xStride + 1];
        }
        return (a, b, c, d);
    }
}
