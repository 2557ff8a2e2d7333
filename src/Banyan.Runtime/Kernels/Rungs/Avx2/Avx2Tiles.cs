using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

// 16 rows × 4 tokens: eight running sums in registers, two weight vectors, one broadcast of four activations. The float totals stay in
// memory (first-level cache): they are touched once in 32 columns.
internal unsafe partial class Avx2Rung
{
    public override void MultiplyTiles(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, int tokens, float* y,
        byte* next, long nextBytes, int terms = 1)
    {
        // What is unpacked next would be waited for: each tile brings some of it nearer.
        var step = Activations.TokenTile / terms;
        var tiles = (tokens + step - 1) / step;
        var each = (nextBytes / 64 + tiles - 1) / tiles * 64;
        for (var first = 0; first < tokens; first += step)
        {
            for (var end = next + each; next < end; next += 64)
                Sse.Prefetch1(next);
            MultiplyTile(kind, w, blocks, x + (long)first * terms * stride, stride, y + first * UnpackedBlock.Rows, terms);
        }
    }

    protected override void MultiplyTile(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, float* y, int terms)
    {
        switch (kind)
        {
            case WeightKind.U4: Tile<Sums4<One>>(w, blocks, x, stride, y, terms); break;
            case WeightKind.U5: Tile<Sums5<One>>(w, blocks, x, stride, y, terms); break;
            case WeightKind.I4: Tile<Sums4<Sixteen>>(w, blocks, x, stride, y, terms); break;
            case WeightKind.I5: Tile<Sums5<Eight>>(w, blocks, x, stride, y, terms); break;
            case WeightKind.U6: Tile<Sums6>(w, blocks, x, stride, y, terms); break;
            case WeightKind.Halves: TileOfHalves(w, blocks, x, stride, y, terms); break;
            case WeightKind.NumbersAndMins: TileOfTwoMins(w, blocks, x, stride, y, terms); break;
            default: Tile<Sums8>(w, blocks, x, stride, y, terms); break;
        }
    }

    /// <summary>How the products of a block with four tokens are summed.</summary>
    interface ISums
    {
        static abstract bool HasMins { get; }

        /// <summary>
        /// Of rows 0…7 and 8…15, of tokens <paramref name="stride"/> blocks apart; <paramref name="signs"/> are the block's
        /// <see cref="Signs"/>, which only I8 has.
        /// </summary>
        static abstract void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride,
            out Vector256<int> a0, out Vector256<int> a1, out Vector256<int> b0, out Vector256<int> b1,
            out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> d0, out Vector256<int> d1);
    }

    // A method of its own: where the runtime put it into the switch above, sums no longer had registers of their own.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Tile<TSums>(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y, int terms) where TSums : struct, ISums
    {
        for (var signs = Signs(w, blocks); blocks > 0; blocks--, w++, signs += SignBytes, x++)
        {
            TSums.Sum(w, signs, x, stride, out var a0, out var a1, out var b0, out var b1, out var c0, out var c1, out var d0, out var d1);
            ActivationBlock* x1 = x + stride, x2 = x1 + stride;
            if (terms == 2)
            {
                Add<TSums>(Together(a0, b0), Together(a1, b1), w, x, y);
                Add<TSums>(Together(c0, d0), Together(c1, d1), w, x2, y + 16);
                continue;
            }
            Add<TSums>(Float(a0), Float(a1), w, x, y);
            Add<TSums>(Float(b0), Float(b1), w, x1, y + 16);
            Add<TSums>(Float(c0), Float(c1), w, x2, y + 32);
            Add<TSums>(Float(d0), Float(d1), w, x2 + stride, y + 48);
        }
    }

    static Vector256<float> Float(Vector256<int> sum) => Avx.ConvertToVector256Single(sum);

    /// <summary>Both terms of a token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Together(Vector256<int> first, Vector256<int> second) =>
        Fma.MultiplyAdd(Float(first), Vector256.Create((float)(1 << ActivationBlock.SecondBits)), Float(second));

    /// <summary>total += sum × (row scale × token scale), then min × the token's scaled sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<TSums>(Vector256<float> sum0, Vector256<float> sum1, UnpackedBlock* w, ActivationBlock* x, float* y)
        where TSums : struct, ISums
    {
        var scale = Vector256.Create(x->Scale);
        var y0 = Fma.MultiplyAdd(sum0, Vector256.Load(w->Scales) * scale, Vector256.Load(y));
        var y1 = Fma.MultiplyAdd(sum1, Vector256.Load(w->Scales + 8) * scale, Vector256.Load(y + 8));
        if (TSums.HasMins)
        {
            var scaledSum = Vector256.Create(x->ScaledSum);
            y0 = Fma.MultiplyAdd(Vector256.Load(w->Mins), scaledSum, y0);
            y1 = Fma.MultiplyAdd(Vector256.Load(w->Mins + 8), scaledSum, y1);
        }
        y0.Store(y);
        y1.Store(y + 8);
    }
}
