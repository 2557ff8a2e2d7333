using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

// Weights of 8 bits. The byte multiply wants one unsigned operand, and there is no instruction that gives an activation the sign of a weight. So an activation
// that meets a negative weight is inverted bit by bit, which makes it −x − 1:
//
//     w · x = |w| · (x ^ sign) + (|w| where w is negative)
//
// What is added is the same for all tokens; it is summed when a chunk is unpacked and is what a block's sum begins with. Magnitudes and signs are told apart
// then too: the instructions for that (absolute value, comparison, mask to bytes) would take the ports of the products, one cycle each. Four instructions for
// 64 products remain (inversion, bytes to 16 bits, 16 bits to 32, addition), of which the second and the third have one place a cycle on Zen 4.
internal unsafe partial class Avx512Rung
{
    public override void UnpackForTiles(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        base.UnpackForTiles(format, scales, quants, groups, to);
        if (format.Kind == WeightKind.I8)
            TakeSigns(to, groups * format.BlocksPerGroup);
    }

    /// <summary>The signs of blocks, 0 or −1 for each value: behind them.</summary>
    static sbyte* Signs(UnpackedBlock* w, int blocks) => (sbyte*)(w + blocks);

    /// <summary>Leaves magnitudes, and the sums of those that were negative, row by row, as minimums, which this kind has none of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void TakeSigns(UnpackedBlock* w, int blocks)
    {
        for (var signs = Signs(w, blocks); blocks > 0; blocks--, w++)
        {
            var sums = Vector512<short>.Zero; // at most 8 · 2 · 128
            for (var j = 0; j < 8; j++, signs += 64)
            {
                var weights = Vector512.Load((sbyte*)w->Values + j * 64);
                sums -= Avx512BW.MultiplyAddAdjacent(Vector512<byte>.One, Avx512BW.Min(weights, Vector512<sbyte>.Zero));
                Vector512.LessThan(weights, Vector512<sbyte>.Zero).Store(signs);
                Avx512BW.Abs(weights).Store(w->Values + j * 64);
            }
            Widen(sums).Store((int*)w->Mins);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(ref Vector512<int> sum, Vector512<byte> magnitude, Vector512<sbyte> sign, ActivationBlock* x, int j) =>
        sum += Widen(Avx512BW.MultiplyAddAdjacent(magnitude, Broadcast(x, j) ^ sign));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile8(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y)
    {
        ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
        var (ya, yb, yc, yd) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512.Load(y + 32), Vector512.Load(y + 48));
        for (var signs = Signs(w, blocks); blocks > 0; blocks--, w++, x++, x1++, x2++, x3++)
        {
            var a = Vector512.Load((int*)w->Mins);
            var (b, c, d) = (a, a, a);
            for (var j = 0; j < 8; j++, signs += 64)
            {
                var (magnitude, sign) = (Vector512.Load(w->Values + j * 64), Vector512.Load(signs));
                Add(ref a, magnitude, sign, x, j);
                Add(ref b, magnitude, sign, x1, j);
                Add(ref c, magnitude, sign, x2, j);
                Add(ref d, magnitude, sign, x3, j);
            }
            var scales = Vector512.Load(w->Scales);
            AddTo(ref ya, a, scales, x);
            AddTo(ref yb, b, scales, x1);
            AddTo(ref yc, c, scales, x2);
            AddTo(ref yd, d, scales, x3);
        }
        ya.Store(y);
        yb.Store(y + 16);
        yc.Store(y + 32);
        yd.Store(y + 48);
    }
}
