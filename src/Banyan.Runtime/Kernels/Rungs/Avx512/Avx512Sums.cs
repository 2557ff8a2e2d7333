using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;

namespace Banyan.Runtime.Kernels.Rungs;

// Sums of a block's products, in 16 bits as long as they fit.
internal unsafe partial class Avx512Rung
{
    /// <summary>How the products of a block with four tokens are summed.</summary>
    interface ISums
    {
        static abstract bool HasMins { get; }

        /// <summary>
        /// Row by row, of tokens <paramref name="stride"/> blocks apart; <paramref name="signs"/> are the block's
        /// <see cref="Avx2Rung.Signs"/>, which only I8 has.
        /// </summary>
        static abstract void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride, out Vector512<int> a,
            out Vector512<int> b, out Vector512<int> c, out Vector512<int> d);
    }

    /// <summary>Sums in 16 bits to 32, times the step of the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Widen<TStep>(Vector512<short> sums) where TStep : struct, IStep =>
        Avx512BW.MultiplyAddAdjacent(sums, Vector512.Create(TStep.Value));

    /// <summary>What 128 makes too much of sums without a minimum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> LessOffset<TStep>(Vector512<int> sum, ActivationBlock* x) where TStep : struct, IStep =>
        TStep.HasMins ? sum : sum + Vector512.Create(x->Offset128);

    /// <summary>
    /// Adds the products of vectors <paramref name="first"/> to <paramref name="first"/> + 3 with four tokens, in 16 bits. Step by step for
    /// all tokens: token by token, the processor gives too many of them to the same ports (Zen 4: 1.34 cycles for a product and an
    /// addition, and 1.12 so).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Four(byte* values, ActivationBlock* x, ActivationBlock* x1, ActivationBlock* x2, ActivationBlock* x3, int first,
        ref Vector512<short> a, ref Vector512<short> b, ref Vector512<short> c, ref Vector512<short> d)
    {
        for (var j = first; j < first + 4; j++)
        {
            var w = Vector512.Load(values + j * 64);
            var (pa, pb) = (Avx512BW.MultiplyAddAdjacent(w, Broadcast(x, j)), Avx512BW.MultiplyAddAdjacent(w, Broadcast(x1, j)));
            var (pc, pd) = (Avx512BW.MultiplyAddAdjacent(w, Broadcast(x2, j)), Avx512BW.MultiplyAddAdjacent(w, Broadcast(x3, j)));
            (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd);
        }
    }

    readonly struct Sums4<TStep> : ISums where TStep : struct, IStep
    {
        public static bool HasMins => TStep.HasMins;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride, out Vector512<int> a, out Vector512<int> b,
            out Vector512<int> c, out Vector512<int> d)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            var (e, f, g, h) = (Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero);
            Four(w->Values, x, x1, x2, x3, 0, ref e, ref f, ref g, ref h);
            Four(w->Values, x, x1, x2, x3, 4, ref e, ref f, ref g, ref h);
            (a, b) = (LessOffset<TStep>(Widen<TStep>(e), x), LessOffset<TStep>(Widen<TStep>(f), x1));
            (c, d) = (LessOffset<TStep>(Widen<TStep>(g), x2), LessOffset<TStep>(Widen<TStep>(h), x3));
        }
    }

    readonly struct Sums5<TStep> : ISums where TStep : struct, IStep
    {
        public static bool HasMins => TStep.HasMins;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride, out Vector512<int> a, out Vector512<int> b,
            out Vector512<int> c, out Vector512<int> d)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            var (e, f, g, h) = (Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero);
            var (i, j, k, l) = (e, f, g, h);
            Four(w->Values, x, x1, x2, x3, 0, ref e, ref f, ref g, ref h);
            Four(w->Values, x, x1, x2, x3, 4, ref i, ref j, ref k, ref l);
            (a, b) = (LessOffset<TStep>(Widen<TStep>(e) + Widen<TStep>(i), x), LessOffset<TStep>(Widen<TStep>(f) + Widen<TStep>(j), x1));
            (c, d) = (LessOffset<TStep>(Widen<TStep>(g) + Widen<TStep>(k), x2), LessOffset<TStep>(Widen<TStep>(h) + Widen<TStep>(l), x3));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Offset(Vector512<short> first, Vector512<short> last, ActivationBlock* x) =>
        Avx512BW.MultiplyAddAdjacent(first, Vector512.Create((short)(x->FirstOffset32 >> 1)))
        + Avx512BW.MultiplyAddAdjacent(last, Vector512.Create((short)(x->LastOffset32 >> 1)));

    /// <summary>Two products in 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<short> Two(Vector512<byte> v, Vector512<byte> w, ActivationBlock* x, int j) =>
        Avx512BW.MultiplyAddAdjacent(v, Broadcast(x, j)) + Avx512BW.MultiplyAddAdjacent(w, Broadcast(x, j + 1));

    readonly struct Sums6 : ISums
    {
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride, out Vector512<int> a, out Vector512<int> b,
            out Vector512<int> c, out Vector512<int> d)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            var (first, last) = (Vector512.Load(w->HalfScales), Vector512.Load(w->HalfScales + 32));
            (a, b, c, d) = (Offset(first, last, x), Offset(first, last, x1), Offset(first, last, x2), Offset(first, last, x3));
            for (var j = 0; j < 8; j += 2)
            {
                var scales = j < 4 ? first : last;
                var (u, v) = (Vector512.Load(w->Values + j * 64), Vector512.Load(w->Values + j * 64 + 64));
                var (pa, pb, pc, pd) = (Two(u, v, x, j), Two(u, v, x1, j), Two(u, v, x2, j), Two(u, v, x3, j));
                var (sa, sb) = (Avx512BW.MultiplyAddAdjacent(pa, scales), Avx512BW.MultiplyAddAdjacent(pb, scales));
                var (sc, sd) = (Avx512BW.MultiplyAddAdjacent(pc, scales), Avx512BW.MultiplyAddAdjacent(pd, scales));
                (a, b, c, d) = (a + sa, b + sb, c + sc, d + sd);
            }
        }
    }

    /// <summary>Magnitudes and signs: see Avx2SignedBytes.cs.</summary>
    readonly struct Sums8 : ISums
    {
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum(UnpackedBlock* w, sbyte* signs, ActivationBlock* x, nint stride, out Vector512<int> a, out Vector512<int> b,
            out Vector512<int> c, out Vector512<int> d)
        {
            ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
            a = b = c = d = Vector512.Load((int*)w->Mins);
            for (var j = 0; j < 8; j++)
            {
                var (magnitude, sign) = (Vector512.Load(w->Values + j * 64), Vector512.Load(signs + j * 64));
                var (xa, xb, xc, xd) = (Broadcast(x, j) ^ sign, Broadcast(x1, j) ^ sign, Broadcast(x2, j) ^ sign, Broadcast(x3, j) ^ sign);
                var (pa, pb) = (Avx512BW.MultiplyAddAdjacent(magnitude, xa), Avx512BW.MultiplyAddAdjacent(magnitude, xb));
                var (pc, pd) = (Avx512BW.MultiplyAddAdjacent(magnitude, xc), Avx512BW.MultiplyAddAdjacent(magnitude, xd));
                var (wa, wb, wc, wd) = (Widen<One>(pa), Widen<One>(pb), Widen<One>(pc), Widen<One>(pd));
                (a, b, c, d) = (a + wa, b + wb, c + wc, d + wd);
            }
        }
    }
}
