using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

// 16 rows × 4 tokens: eight running sums in registers, two weight vectors, one broadcast of four activations. The float totals stay in memory
// (first-level cache): they are touched once in 32 columns.
internal unsafe partial class Avx2Rung
{
    protected override void MultiplyTile(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, float* y)
    {
        switch (kind)
        {
            case WeightKind.U4: Tile4<One>(w, blocks, x, stride, y); break;
            case WeightKind.U5: Tile5<One>(w, blocks, x, stride, y); break;
            case WeightKind.I4: Tile4<Sixteen>(w, blocks, x, stride, y); break;
            case WeightKind.I5: Tile5<Eight>(w, blocks, x, stride, y); break;
            case WeightKind.U6: Tile6(w, blocks, x, stride, y); break;
            default: Tile8(w, blocks, x, stride, y); break;
        }
    }

    /// <summary>total += sum × (row scale × token scale), then min × the token's scaled sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddWithMin(Vector256<int> sum0, Vector256<int> sum1, UnpackedBlock* w, ActivationBlock* x, float* y)
    {
        var (scale, scaledSum) = (Vector256.Create(x->Scale), Vector256.Create(x->ScaledSum));
        var y0 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(sum0), Vector256.Load(w->Scales) * scale, Vector256.Load(y));
        var y1 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(sum1), Vector256.Load(w->Scales + 8) * scale, Vector256.Load(y + 8));
        Fma.MultiplyAdd(Vector256.Load(w->Mins), scaledSum, y0).Store(y);
        Fma.MultiplyAdd(Vector256.Load(w->Mins + 8), scaledSum, y1).Store(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Widen<TStep>(Vector256<short> sums) where TStep : struct, IStep => Avx2.MultiplyAddAdjacent(sums, Vector256.Create(TStep.Value));

    /// <summary>Sums of steps into a total: with the minimum, or less what 128 makes too much of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<TStep>(Vector256<int> sum0, Vector256<int> sum1, UnpackedBlock* w, ActivationBlock* x, float* y) where TStep : struct, IStep
    {
        if (TStep.HasMins)
            AddWithMin(sum0, sum1, w, x, y);
        else
            AddTo(sum0 + Vector256.Create(x->Offset128), sum1 + Vector256.Create(x->Offset128), w, x, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddTo(Vector256<int> sum0, Vector256<int> sum1, UnpackedBlock* w, ActivationBlock* x, float* y)
    {
        var scale = Vector256.Create(x->Scale);
        Fma.MultiplyAdd(Avx.ConvertToVector256Single(sum0), Vector256.Load(w->Scales) * scale, Vector256.Load(y)).Store(y);
        Fma.MultiplyAdd(Avx.ConvertToVector256Single(sum1), Vector256.Load(w->Scales + 8) * scale, Vector256.Load(y + 8)).Store(y + 8);
    }

    /// <summary>
    /// Sums in 16 bits of the products of <paramref name="vectors"/> (4 or 8) vectors from number <paramref name="first"/> on with four tokens;
    /// 0: rows 0…7, 1: rows 8…15. Unrolled by hand: RyuJIT keeps all of it in registers and spends nothing on a loop.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Sum(byte* values, ActivationBlock* x, ActivationBlock* x1, ActivationBlock* x2, ActivationBlock* x3, int first, int vectors,
        out Vector256<short> a0, out Vector256<short> a1, out Vector256<short> b0, out Vector256<short> b1,
        out Vector256<short> c0, out Vector256<short> c1, out Vector256<short> d0, out Vector256<short> d1)
    {
        var (w0, w1) = (Vector256.Load(values + first * 64), Vector256.Load(values + first * 64 + 32));
        var t = Broadcast(x, first);
        a0 = Avx2.MultiplyAddAdjacent(w0, t);
        a1 = Avx2.MultiplyAddAdjacent(w1, t);
        t = Broadcast(x1, first);
        b0 = Avx2.MultiplyAddAdjacent(w0, t);
        b1 = Avx2.MultiplyAddAdjacent(w1, t);
        t = Broadcast(x2, first);
        c0 = Avx2.MultiplyAddAdjacent(w0, t);
        c1 = Avx2.MultiplyAddAdjacent(w1, t);
        t = Broadcast(x3, first);
        d0 = Avx2.MultiplyAddAdjacent(w0, t);
        d1 = Avx2.MultiplyAddAdjacent(w1, t);
        Step(values, x, x1, x2, x3, first + 1, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
        Step(values, x, x1, x2, x3, first + 2, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
        Step(values, x, x1, x2, x3, first + 3, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
        if (vectors == 4)
            return;
        Step(values, x, x1, x2, x3, first + 4, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
        Step(values, x, x1, x2, x3, first + 5, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
        Step(values, x, x1, x2, x3, first + 6, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
        Step(values, x, x1, x2, x3, first + 7, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Step(byte* values, ActivationBlock* x, ActivationBlock* x1, ActivationBlock* x2, ActivationBlock* x3, int j,
        ref Vector256<short> a0, ref Vector256<short> a1, ref Vector256<short> b0, ref Vector256<short> b1,
        ref Vector256<short> c0, ref Vector256<short> c1, ref Vector256<short> d0, ref Vector256<short> d1)
    {
        var (w0, w1) = (Vector256.Load(values + j * 64), Vector256.Load(values + j * 64 + 32));
        var t = Broadcast(x, j);
        a0 += Avx2.MultiplyAddAdjacent(w0, t);
        a1 += Avx2.MultiplyAddAdjacent(w1, t);
        t = Broadcast(x1, j);
        b0 += Avx2.MultiplyAddAdjacent(w0, t);
        b1 += Avx2.MultiplyAddAdjacent(w1, t);
        t = Broadcast(x2, j);
        c0 += Avx2.MultiplyAddAdjacent(w0, t);
        c1 += Avx2.MultiplyAddAdjacent(w1, t);
        t = Broadcast(x3, j);
        d0 += Avx2.MultiplyAddAdjacent(w0, t);
        d1 += Avx2.MultiplyAddAdjacent(w1, t);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile4<TStep>(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y) where TStep : struct, IStep
    {
        var x1 = x + stride;
        var x2 = x1 + stride;
        var x3 = x2 + stride;
        for (; blocks > 0; blocks--, w++, x++, x1++, x2++, x3++)
        {
            Sum(w->Values, x, x1, x2, x3, 0, 8, out var a0, out var a1, out var b0, out var b1, out var c0, out var c1, out var d0, out var d1);
            Add<TStep>(Widen<TStep>(a0), Widen<TStep>(a1), w, x, y);
            Add<TStep>(Widen<TStep>(b0), Widen<TStep>(b1), w, x1, y + 16);
            Add<TStep>(Widen<TStep>(c0), Widen<TStep>(c1), w, x2, y + 32);
            Add<TStep>(Widen<TStep>(d0), Widen<TStep>(d1), w, x3, y + 48);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile5<TStep>(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y) where TStep : struct, IStep
    {
        var x1 = x + stride;
        var x2 = x1 + stride;
        var x3 = x2 + stride;
        for (; blocks > 0; blocks--, w++, x++, x1++, x2++, x3++)
        {
            Sum(w->Values, x, x1, x2, x3, 0, 4, out var a0, out var a1, out var b0, out var b1, out var c0, out var c1, out var d0, out var d1);
            var (e0, e1, f0, f1) = (Widen<TStep>(a0), Widen<TStep>(a1), Widen<TStep>(b0), Widen<TStep>(b1));
            var (g0, g1, h0, h1) = (Widen<TStep>(c0), Widen<TStep>(c1), Widen<TStep>(d0), Widen<TStep>(d1));
            Sum(w->Values, x, x1, x2, x3, 4, 4, out a0, out a1, out b0, out b1, out c0, out c1, out d0, out d1);
            Add<TStep>(e0 + Widen<TStep>(a0), e1 + Widen<TStep>(a1), w, x, y);
            Add<TStep>(f0 + Widen<TStep>(b0), f1 + Widen<TStep>(b1), w, x1, y + 16);
            Add<TStep>(g0 + Widen<TStep>(c0), g1 + Widen<TStep>(c1), w, x2, y + 32);
            Add<TStep>(h0 + Widen<TStep>(d0), h1 + Widen<TStep>(d1), w, x3, y + 48);
        }
    }

    /// <summary>What takes 32 off every weight of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Offset(short* halfScales, ActivationBlock* x) =>
        Avx2.MultiplyAddAdjacent(Vector256.Load(halfScales), HalfOffset(x->FirstOffset32))
        + Avx2.MultiplyAddAdjacent(Vector256.Load(halfScales + 32), HalfOffset(x->LastOffset32));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile6(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y)
    {
        for (; blocks > 0; blocks--, w++, x++)
        {
            var x1 = x + stride;
            var x2 = x1 + stride;
            var x3 = x2 + stride;
            var scales = w->HalfScales;
            var values = w->Values;
            var (a0, a1) = (Offset(scales, x), Offset(scales + 16, x));
            var (b0, b1) = (Offset(scales, x1), Offset(scales + 16, x1));
            var (c0, c1) = (Offset(scales, x2), Offset(scales + 16, x2));
            var (d0, d1) = (Offset(scales, x3), Offset(scales + 16, x3));
            for (var j = 0; j < 8; j += 2, values += 128)
            {
                if (j == 4)
                    scales += 32;
                var (w0, w1) = (Vector256.Load(values), Vector256.Load(values + 32));
                var (v0, v1) = (Vector256.Load(values + 64), Vector256.Load(values + 96));
                var (s, t) = (Broadcast(x, j), Broadcast(x, j + 1));
                a0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                a1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t), Vector256.Load(scales + 16));
                (s, t) = (Broadcast(x1, j), Broadcast(x1, j + 1));
                b0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                b1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t), Vector256.Load(scales + 16));
                (s, t) = (Broadcast(x2, j), Broadcast(x2, j + 1));
                c0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                c1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t), Vector256.Load(scales + 16));
                (s, t) = (Broadcast(x3, j), Broadcast(x3, j + 1));
                d0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                d1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t), Vector256.Load(scales + 16));
            }
            AddTo(a0, a1, w, x, y);
            AddTo(b0, b1, w, x1, y + 16);
            AddTo(c0, c1, w, x2, y + 32);
            AddTo(d0, d1, w, x3, y + 48);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile8(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y)
    {
        for (; blocks > 0; blocks--, w++, x++)
        {
            var x1 = x + stride;
            var x2 = x1 + stride;
            var x3 = x2 + stride;
            var values = (sbyte*)w->Values;
            var (a0, a1, b0, b1) = (Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero);
            var (c0, c1, d0, d1) = (Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero);
            for (var j = 0; j < 8; j++, values += 64)
            {
                var (w0, w1) = (Vector256.Load(values), Vector256.Load(values + 32));
                var (m0, m1) = (Avx2.Abs(w0), Avx2.Abs(w1));
                var t = Broadcast(x, j);
                a0 += Widen(Avx2.MultiplyAddAdjacent(m0, Avx2.Sign(t, w0)));
                a1 += Widen(Avx2.MultiplyAddAdjacent(m1, Avx2.Sign(t, w1)));
                t = Broadcast(x1, j);
                b0 += Widen(Avx2.MultiplyAddAdjacent(m0, Avx2.Sign(t, w0)));
                b1 += Widen(Avx2.MultiplyAddAdjacent(m1, Avx2.Sign(t, w1)));
                t = Broadcast(x2, j);
                c0 += Widen(Avx2.MultiplyAddAdjacent(m0, Avx2.Sign(t, w0)));
                c1 += Widen(Avx2.MultiplyAddAdjacent(m1, Avx2.Sign(t, w1)));
                t = Broadcast(x3, j);
                d0 += Widen(Avx2.MultiplyAddAdjacent(m0, Avx2.Sign(t, w0)));
                d1 += Widen(Avx2.MultiplyAddAdjacent(m1, Avx2.Sign(t, w1)));
            }
            AddTo(a0, a1, w, x, y);
            AddTo(b0, b1, w, x1, y + 16);
            AddTo(c0, c1, w, x2, y + 32);
            AddTo(d0, d1, w, x3, y + 48);
        }
    }
}
