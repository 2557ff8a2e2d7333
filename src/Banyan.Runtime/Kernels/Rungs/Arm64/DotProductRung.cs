using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>
/// Arm64 with dot products (Armv8.2 and later: Cortex-A55 and A75, Neoverse, Apple): <c>sdot</c> multiplies four columns of four rows with
/// four activations that it picks from a vector by itself. Weights of up to 6 bits are the same signed or not.
/// </summary>
internal sealed unsafe class DotProductRung : NeonRung
{
    public override string Name => "dotprod";

    public override bool IsSupportedBy(ProcessorFacts facts) => facts.HasDp;

    protected override void MultiplyTile(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x,
        int stride, float* y, int terms) =>
        Tile<DotProducts>(kind, w, blocks, x, stride, y, terms);

    public override void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms = 1) =>
        Panel<DotProducts>(format, scales, quants, columns, x, y);

    readonly struct DotProducts : IProducts
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, sbyte* w, Vector128<sbyte> x)
        {
            sum = Dp.DotProductBySelectedQuadruplet(sum, Vector128.Load(w), x, 0);
            sum = Dp.DotProductBySelectedQuadruplet(sum, Vector128.Load(w + 64), x, 1);
            sum = Dp.DotProductBySelectedQuadruplet(sum, Vector128.Load(w + 128), x, 2);
            return Dp.DotProductBySelectedQuadruplet(sum, Vector128.Load(w + 192), x, 3);
        }
    }
}
