using Banyan.Runtime.Kernels.Assembled;

namespace Banyan.Runtime.Kernels;

/// <summary>vpdpwssd, assembled at run time: up to 6 queries × 64 lanes stay in registers, and no row is computed that nobody asked for.</summary>
internal sealed unsafe class AssembledDots : Avx512Dots
{
    const int VectorLanes = 16;

    public override bool IsSupported => base.IsSupported && ProcessorFacts.Current is { HasAvx512Vnni: true, CanAssemble: true };

    public override void Score(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales, float* scores, nint stride, int queries)
    {
        var arguments = Arguments(q, qStride, keys, 2 * KvLayout.PagePositions, pairs, queryScales, scores, stride);
        arguments.LaneScales = keyScales;
        Run(arguments, isScore: true, queries, KvLayout.PagePositions / VectorLanes);
    }

    public override void Add(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output, int queries)
    {
        for (var d = 0; d < stride; d += DotKernel.MaxVectors * VectorLanes)
            Run(Arguments(weights, weightStride, values + 2 * d, 2 * stride, pairs, scales, output + d, stride), isScore: false, queries,
                Math.Min(DotKernel.MaxVectors, (stride - d) / VectorLanes));
    }

    static DotKernel.Arguments Arguments(short* x, nint xStride, short* w, nint wStride, int pairs, float* scales, float* y, nint yStride) => new()
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

    // As even as it goes: 7 queries are 4 and 3, not 6 and 1.
    static void Run(DotKernel.Arguments arguments, bool isScore, int queries, int vectors)
    {
        for (var blocks = (queries + DotKernel.MaxQueries - 1) / DotKernel.MaxQueries; blocks > 0; blocks--)
        {
            var count = (queries + blocks - 1) / blocks;
            KernelSet.Call(KernelSet.Dot(isScore, count, vectors), &arguments);
            arguments.X += count * arguments.XStrideBytes / sizeof(short);
            arguments.Y += count * arguments.YStrideBytes / sizeof(float);
            arguments.Scales += count;
            queries -= count;
        }
    }
}
