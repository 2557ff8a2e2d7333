using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>vpdpwssd, assembled at run time: up to 6 queries stay in registers, with 64 lanes or 16, and no unneeded row is
/// computed.</summary>
internal sealed unsafe class AssembledDots(VectorForm form) : IntegerDots
{
    const int Lanes = 16;

    public override bool IsSupported =>
        ProcessorFacts.Current is { CanAssemble: true } facts && (form == VectorForm.Ymm ? facts.HasAvxVnni : facts.HasAvx512Vnni);

    public override void Score(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales, float* scores,
        nint stride, int queries)
    {
        var arguments = Arguments(q, qStride, keys, 2 * KvLayout.PagePositions, pairs, queryScales, scores, stride);
        arguments.LaneScales = keyScales;
        Run(arguments, isScore: true, queries, KvLayout.PagePositions);
    }

    public override void Add(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales,
        float* output, int queries) =>
        Run(Arguments(weights, weightStride, values, 2 * stride, pairs, scales, output, stride), isScore: false, queries, stride);

    public override float Weigh(float* scores, float maximum, float* lanes, float* valueScales, int begin, int end, short* to) =>
        form == VectorForm.Zmm
        ? PageWeights.Make512(scores, maximum, lanes, valueScales, begin, end, to)
        : base.Weigh(scores, maximum, lanes, valueScales, begin, end, to);

    public override void WeighFour(float* scores, nint stride, float* maxima, float* lanes, float* valueScales, short* to, float* scales)
    {
        if (form == VectorForm.Zmm)
            PageWeights.MakeFour512(scores, stride, maxima, lanes, valueScales, to, scales);
        else
            base.WeighFour(scores, stride, maxima, lanes, valueScales, to, scales);
    }

    protected override void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales,
        float* scores, nint stride) =>
        Score(q, qStride, keys, pairs, queryScales, keyScales, scores, stride, Queries);

    protected override void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride,
        float* scales, float* output) =>
        Add(weights, weightStride, values, pairs, stride, scales, output, Queries);

    static DotKernel.Arguments Arguments(short* x, nint xStride, short* w, nint wStride, int pairs, float* scales,
        float* y, nint yStride) => new()
        {
            X = x,
            XStrideBytes = xStride * sizeof(short),
            W = w,
            WStrideBytes = wStride * sizeof(short),
            Fours = pairs / 4,
            Rest = pairs % 4,
            Scales = scales,
            Y = y,
            YStrideBytes = yStride * sizeof(float),
        };

    // As even as it goes: 7 queries are 4 and 3, not 6 and 1. A page's keys or values stay in the first-level cache meanwhile.
    void Run(DotKernel.Arguments arguments, bool isScore, int queries, int lanes)
    {
        for (var blocks = (queries + DotKernel.MaxQueries - 1) / DotKernel.MaxQueries; blocks > 0; blocks--)
        {
            var count = (queries + blocks - 1) / blocks;
            var most = DotKernel.VectorsOf(form, count);
            var block = arguments;
            for (int left = lanes / Lanes, vectors; left > 0; left -= vectors)
            {
                vectors = Math.Min(most, left);
                KernelSet.Call(KernelSet.Dot(form, isScore, count, vectors), &block);
                block.W += 2 * Lanes * vectors;
                block.LaneScales += Lanes * vectors;
                block.Y += Lanes * vectors;
            }
            arguments.X += count * arguments.XStrideBytes / sizeof(short);
            arguments.Y += count * arguments.YStrideBytes / sizeof(float);
            arguments.Scales += count;
            queries -= count;
        }
    }
}
