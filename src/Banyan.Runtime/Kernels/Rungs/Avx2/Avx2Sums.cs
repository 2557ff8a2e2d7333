using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;

namespace Banyan.Runtime.Kernels.Rungs;

// Sums of a block's products of 4, 5 and 6 bits, in 16 bits as long as they fit.
internal unsafe partial class Avx2Rung
{
    /// <summary>Sums in 16 bits to 32, times the step of the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Widen<TStep>(Vector256<short> sums) where TStep : struct, IStep =>
        Avx2.MultiplyAddAdjacent(sums, Vector256.Create(TStep.Value));

    /// <summary>What 128 makes too much of sums without a minimum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> LessOffset<TStep>(Vector256<int> sum, ActivationBlock* x) where TStep : struct, IStep =>
        TStep.HasMins ? sum : sum + Vector256.Create(x->Offset128);

    /// <summary>
    /// Sums in 16 bits of the products of <paramref name="vectors"/> (4 or 8) vectors from number <paramref name="first"/> on with four
    /// tokens; 0: rows 0…7, 1: rows 8…15. Unrolled by hand: RyuJIT keeps all of it in registers and spends nothing on a loop.
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
        // Products of two tokens, then additions: one by one, the processor gives too many of them to the same ports (Zen 4: 1.34 cycles
        // for a product and an addition of 64 bytes, and 1.12 so).
        var (w0, w1) = (Vector256.Load(values + j * 64), Vector256.Load(values + j * 64 + 32));
        var (t, u) = (Broadcast(x, j), Broadcast(x1, j));
        var (p0, p1, q0, q1) = (Avx2.MultiplyAddAdjacent(w0, t), Avx2.MultiplyAddAdjacent(w1, t), Avx2.MultiplyAddAdjacent(w0, u),
            Avx2.MultiplyAddAdjacent(w1, u));
        (a0, a1, b0, b1) = (a0 + p0, a1 + p1, b0 + q0, b1 + q1);
        (t, u) = (Broadcast(x2, j), Broadcast(x3, j));
        (p0, p1, q0, q1) = (Avx2.MultiplyAddAdjacent(w0, t), Avx2.MultiplyAddAdjacent(w1, t), Avx2.MultiplyAddAdjacent(w0, u),
            Avx2.MultiplyAddAdjacent(w1, u));
        (c0, c1, d0, d1) = (c0 + p0, c1 + p1, d0 + q0, d1 + q1);
    }

    readonly struct Sums4<TStep> : ISums where TStep : struct, IStep
    {
        public static bool HasMins => TStep.HasMins;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride,
            out Vector256<int> a0, out Vector256<int> a1, out Vector256<int> b0, out Vector256<int> b1,
            out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> d0, out Vector256<int> d1)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            Avx2Rung.Sum(w->Values, x, x1, x2, x3, 0, 8, out var e0, out var e1, out var f0, out var f1, out var g0,
                out var g1, out var h0, out var h1);
            (a0, a1) = (LessOffset<TStep>(Widen<TStep>(e0), x), LessOffset<TStep>(Widen<TStep>(e1), x));
            (b0, b1) = (LessOffset<TStep>(Widen<TStep>(f0), x1), LessOffset<TStep>(Widen<TStep>(f1), x1));
            (c0, c1) = (LessOffset<TStep>(Widen<TStep>(g0), x2), LessOffset<TStep>(Widen<TStep>(g1), x2));
            (d0, d1) = (LessOffset<TStep>(Widen<TStep>(h0), x3), LessOffset<TStep>(Widen<TStep>(h1), x3));
        }
    }

    readonly struct Sums5<TStep> : ISums where TStep : struct, IStep
    {
        public static bool HasMins => TStep.HasMins;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride,
            out Vector256<int> a0, out Vector256<int> a1, out Vector256<int> b0, out Vector256<int> b1,
            out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> d0, out Vector256<int> d1)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            Avx2Rung.Sum(w->Values, x, x1, x2, x3, 0, 4, out var e0, out var e1, out var f0, out var f1, out var g0,
                out var g1, out var h0, out var h1);
            (a0, a1, b0, b1) = (LessOffset<TStep>(Widen<TStep>(e0), x), LessOffset<TStep>(Widen<TStep>(e1), x),
                LessOffset<TStep>(Widen<TStep>(f0), x1), LessOffset<TStep>(Widen<TStep>(f1), x1));
            (c0, c1, d0, d1) = (LessOffset<TStep>(Widen<TStep>(g0), x2), LessOffset<TStep>(Widen<TStep>(g1), x2),
                LessOffset<TStep>(Widen<TStep>(h0), x3), LessOffset<TStep>(Widen<TStep>(h1), x3));
            Avx2Rung.Sum(w->Values, x, x1, x2, x3, 4, 4, out e0, out e1, out f0, out f1, out g0, out g1, out h0, out h1);
            (a0, a1, b0, b1) = (a0 + Widen<TStep>(e0), a1 + Widen<TStep>(e1), b0 + Widen<TStep>(f0), b1 + Widen<TStep>(f1));
            (c0, c1, d0, d1) = (c0 + Widen<TStep>(g0), c1 + Widen<TStep>(g1), d0 + Widen<TStep>(h0), d1 + Widen<TStep>(h1));
        }
    }

    /// <summary>What takes 32 off every weight of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Offset(short* halfScales, ActivationBlock* x) =>
        Avx2.MultiplyAddAdjacent(Vector256.Load(halfScales), HalfOffset(x->FirstOffset32))
        + Avx2.MultiplyAddAdjacent(Vector256.Load(halfScales + 32), HalfOffset(x->LastOffset32));

    readonly struct Sums6 : ISums
    {
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride,
            out Vector256<int> a0, out Vector256<int> a1, out Vector256<int> b0, out Vector256<int> b1,
            out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> d0, out Vector256<int> d1)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            var scales = w->HalfScales;
            var values = w->Values;
            (a0, a1) = (Offset(scales, x), Offset(scales + 16, x));
            (b0, b1) = (Offset(scales, x1), Offset(scales + 16, x1));
            (c0, c1) = (Offset(scales, x2), Offset(scales + 16, x2));
            (d0, d1) = (Offset(scales, x3), Offset(scales + 16, x3));
            for (var j = 0; j < 8; j += 2, values += 128)
            {
                if (j == 4)
                    scales += 32;
                var (w0, w1) = (Vector256.Load(values), Vector256.Load(values + 32));
                var (v0, v1) = (Vector256.Load(values + 64), Vector256.Load(values + 96));
                var (s, t) = (Broadcast(x, j), Broadcast(x, j + 1));
                a0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                a1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t),
                    Vector256.Load(scales + 16));
                (s, t) = (Broadcast(x1, j), Broadcast(x1, j + 1));
                b0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                b1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t),
                    Vector256.Load(scales + 16));
                (s, t) = (Broadcast(x2, j), Broadcast(x2, j + 1));
                c0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                c1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t),
                    Vector256.Load(scales + 16));
                (s, t) = (Broadcast(x3, j), Broadcast(x3, j + 1));
                d0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w0, s) + Avx2.MultiplyAddAdjacent(v0, t), Vector256.Load(scales));
                d1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w1, s) + Avx2.MultiplyAddAdjacent(v1, t),
                    Vector256.Load(scales + 16));
            }
        }
    }
}
