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
// What is added is the same for all tokens; it is summed when a chunk is unpacked and is what a block's sum begins with. Four instructions for 64 products
// (inversion, bytes to 16 bits, 16 bits to 32, addition), of which the processor (Zen 4) starts two a cycle.
internal unsafe partial class Avx512Rung
{
    /// <summary>Tokens of a large tile.</summary>
    const int ManyTokens = 8;

    public override void UnpackForTiles(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        base.UnpackForTiles(format, scales, quants, groups, to);
        if (format.Kind == WeightKind.I8)
            SumNegatives(to, groups * format.BlocksPerGroup);
    }

    /// <summary>Sums the magnitudes of a block's negative weights, row by row, into its minimums, which this kind has none of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void SumNegatives(UnpackedBlock* w, int blocks)
    {
        for (; blocks > 0; blocks--, w++)
        {
            var sums = Vector512<short>.Zero; // at most 8 · 2 · 128
            for (var j = 0; j < 8; j++)
                sums -= Avx512BW.MultiplyAddAdjacent(Vector512<byte>.One, Avx512BW.Min(Vector512.Load((sbyte*)w->Values + j * 64), Vector512<sbyte>.Zero));
            Widen(sums).Store((int*)w->Mins);
        }
    }

    public override void MultiplyTiles(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, int tokens, float* y, byte* next, long nextBytes)
    {
        for (; kind == WeightKind.I8 && tokens >= ManyTokens; tokens -= ManyTokens, x += ManyTokens * (long)stride, y += ManyTokens * UnpackedBlock.Rows)
            TileOfEight(w, blocks, x, stride, y);
        base.MultiplyTiles(kind, w, blocks, x, stride, tokens, y, next, nextBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(ref Vector512<int> sum, Vector512<byte> magnitude, Vector512<sbyte> sign, ActivationBlock* x, int j) =>
        sum += Widen(Avx512BW.MultiplyAddAdjacent(magnitude, Broadcast(x, j) ^ sign));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile8(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y)
    {
        ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
        var (ya, yb, yc, yd) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512.Load(y + 32), Vector512.Load(y + 48));
        for (; blocks > 0; blocks--, w++, x++, x1++, x2++, x3++)
        {
            var a = Vector512.Load((int*)w->Mins);
            var (b, c, d) = (a, a, a);
            for (var j = 0; j < 8; j++)
            {
                var weights = Vector512.Load((sbyte*)w->Values + j * 64);
                var (magnitude, sign) = (Avx512BW.Abs(weights), Vector512.LessThan(weights, Vector512<sbyte>.Zero));
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

    /// <summary>The same for eight tokens: what is done once a vector of weights is done half as often.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void TileOfEight(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y)
    {
        ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride, x6 = x5 + stride, x7 = x6 + stride;
        var (ya, yb, yc, yd) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512.Load(y + 32), Vector512.Load(y + 48));
        var (ye, yf, yg, yh) = (Vector512.Load(y + 64), Vector512.Load(y + 80), Vector512.Load(y + 96), Vector512.Load(y + 112));
        for (; blocks > 0; blocks--, w++, x++, x1++, x2++, x3++, x4++, x5++, x6++, x7++)
        {
            var a = Vector512.Load((int*)w->Mins);
            var (b, c, d) = (a, a, a);
            var (e, f, g, h) = (a, a, a, a);
            for (var j = 0; j < 8; j++)
            {
                var weights = Vector512.Load((sbyte*)w->Values + j * 64);
                var (magnitude, sign) = (Avx512BW.Abs(weights), Vector512.LessThan(weights, Vector512<sbyte>.Zero));
                Add(ref a, magnitude, sign, x, j);
                Add(ref b, magnitude, sign, x1, j);
                Add(ref c, magnitude, sign, x2, j);
                Add(ref d, magnitude, sign, x3, j);
                Add(ref e, magnitude, sign, x4, j);
                Add(ref f, magnitude, sign, x5, j);
                Add(ref g, magnitude, sign, x6, j);
                Add(ref h, magnitude, sign, x7, j);
            }
            var scales = Vector512.Load(w->Scales);
            AddTo(ref ya, a, scales, x);
            AddTo(ref yb, b, scales, x1);
            AddTo(ref yc, c, scales, x2);
            AddTo(ref yd, d, scales, x3);
            AddTo(ref ye, e, scales, x4);
            AddTo(ref yf, f, scales, x5);
            AddTo(ref yg, g, scales, x6);
            AddTo(ref yh, h, scales, x7);
        }
        ya.Store(y);
        yb.Store(y + 16);
        yc.Store(y + 32);
        yd.Store(y + 48);
        ye.Store(y + 64);
        yf.Store(y + 80);
        yg.Store(y + 96);
        yh.Store(y + 112);
    }
}
