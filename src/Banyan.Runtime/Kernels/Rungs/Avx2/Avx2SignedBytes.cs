using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;

namespace Banyan.Runtime.Kernels.Rungs;

// Weights of 8 bits. The byte multiply wants one unsigned operand, and there is no instruction that gives an activation the sign of a
// weight. So an activation that meets a negative weight is inverted bit by bit, which makes it −x − 1:
//
//     w · x = |w| · (x ^ sign) + (|w| where w is negative)
//
// What is added is the same for all tokens; it is summed when a chunk is unpacked and is what a block's sum begins with. Magnitudes and
// signs are told apart then too: the instructions for that (absolute value, comparison, mask to bytes) would take the ports of the
// products, one cycle each. Four instructions for 64 products remain (inversion, bytes to 16 bits, 16 bits to 32, addition), of which the
// second and the third have one place a cycle on Zen 4.
internal unsafe partial class Avx2Rung
{
    protected const int SignBytes = UnpackedBlock.Rows * UnpackedBlock.Columns;

    /// <summary>The signs of blocks, 0 or −1 for each value: after them.</summary>
    protected static sbyte* Signs(UnpackedBlock* w, int blocks) => (sbyte*)(w + blocks);

    /// <summary>
    /// Leaves magnitudes, and the sums of those that were negative, row by row, as minimums, which this kind has none of.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void TakeSigns(UnpackedBlock* w, int blocks)
    {
        for (var signs = Signs(w, blocks); blocks > 0; blocks--, w++, signs += SignBytes)
            for (var half = 0; half < 64; half += 32)
            {
                var sums = Vector256<short>.Zero; // at most 8 · 2 · 128
                for (var at = half; at < SignBytes; at += 64)
                {
                    var weights = Vector256.Load((sbyte*)w->Values + at);
                    var sign = Vector256.LessThan(weights, Vector256<sbyte>.Zero);
                    var magnitude = Avx2.Abs(weights);
                    sums += Avx2.MultiplyAddAdjacent(magnitude & sign.AsByte(), Vector256<sbyte>.One);
                    sign.Store(signs + at);
                    magnitude.Store(w->Values + at);
                }
                Widen(sums).Store((int*)w->Mins + half / 4);
            }
    }

    readonly struct Sums8 : ISums
    {
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride,
            out Vector256<int> a0, out Vector256<int> a1, out Vector256<int> b0, out Vector256<int> b1,
            out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> d0, out Vector256<int> d1)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            (a0, a1) = (Vector256.Load((int*)w->Mins), Vector256.Load((int*)w->Mins + 8));
            (b0, b1, c0, c1, d0, d1) = (a0, a1, a0, a1, a0, a1);
            for (var j = 0; j < 8; j++)
            {
                var (w0, w1) = (Vector256.Load(w->Values + j * 64), Vector256.Load(w->Values + j * 64 + 32));
                var (s0, s1) = (Vector256.Load(signs + j * 64), Vector256.Load(signs + j * 64 + 32));
                var (t, u) = (Broadcast(x, j), Broadcast(x1, j));
                var (p0, p1, q0, q1) = (Avx2.MultiplyAddAdjacent(w0, t ^ s0), Avx2.MultiplyAddAdjacent(w1, t ^ s1),
                    Avx2.MultiplyAddAdjacent(w0, u ^ s0), Avx2.MultiplyAddAdjacent(w1, u ^ s1));
                (a0, a1, b0, b1) = (a0 + Widen(p0), a1 + Widen(p1), b0 + Widen(q0), b1 + Widen(q1));
                (t, u) = (Broadcast(x2, j), Broadcast(x3, j));
                (p0, p1, q0, q1) = (Avx2.MultiplyAddAdjacent(w0, t ^ s0), Avx2.MultiplyAddAdjacent(w1, t ^ s1),
                    Avx2.MultiplyAddAdjacent(w0, u ^ s0), Avx2.MultiplyAddAdjacent(w1, u ^ s1));
                (c0, c1, d0, d1) = (c0 + Widen(p0), c1 + Widen(p1), d0 + Widen(q0), d1 + Widen(q1));
            }
        }
    }
}
