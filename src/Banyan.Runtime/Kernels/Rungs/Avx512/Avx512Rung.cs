using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

/// <summary>
/// AVX-512 with the intrinsics .NET has: the tiles of <see cref="Avx2Rung"/> with all 16 rows in one vector. The limits of the sums in 16 bits are the same.
/// </summary>
[SkipLocalsInit]
internal unsafe partial class Avx512Rung : Avx2Rung
{
    public override string Name => "avx512";

    public override bool IsSupportedBy(ProcessorFacts facts) => facts.HasAvx512;

    public override IntegerDots Dots { get; } = new Avx512Dots();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Quantize(float* x, int blocks, ActivationBlock* to)
    {
        var positive = Vector512.Create(0x7FFFFFFFu);
        for (; blocks > 0; blocks--, x += ActivationBlock.Columns, to++)
        {
            var (x0, x1) = (Vector512.Load(x), Vector512.Load(x + 16));
            var largest = Avx512F.Max(x0.AsUInt32() & positive, x1.AsUInt32() & positive);
            var half = Avx2.Max(largest.GetLower(), largest.GetUpper());
            var quarter = Sse41.Max(half.GetLower(), half.GetUpper());
            quarter = Sse41.Max(quarter, Sse2.Shuffle(quarter, 0b_01_00_11_10));
            quarter = Sse41.Max(quarter, Sse2.Shuffle(quarter, 0b_10_11_00_01));
            var magnitude = BitConverter.UInt32BitsToSingle(quarter.ToScalar());
            if (!float.IsFinite(magnitude) || magnitude < ActivationBlock.Smallest)
            {
                *to = default;
                to->Scale = to->ScaledSum = float.IsFinite(magnitude) ? 0 : float.NaN;
                continue;
            }

            var inverse = Vector512.Create(127 / magnitude);
            var first = Avx512F.ConvertToVector128SByteWithSaturation(Avx512F.ConvertToVector512Int32(x0 * inverse));
            var last = Avx512F.ConvertToVector128SByteWithSaturation(Avx512F.ConvertToVector512Int32(x1 * inverse));
            first.Store(to->Quants);
            last.Store(to->Quants + 16);
            to->Scale = magnitude / 127;
            to->SetSums(Sum(first), Sum(last));
        }
    }

    /// <summary>Of bytes, eight at a time, as distances from −128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Sum(Vector128<sbyte> bytes)
    {
        var sums = Sse2.SumAbsoluteDifferences(bytes.AsByte() ^ Vector128.Create((byte)0x80), Vector128<byte>.Zero).AsInt32();
        return sums.ToScalar() + sums.GetElement(2) - 16 * 128;
    }

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

    /// <summary>Four activations, for all rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<sbyte> Broadcast(ActivationBlock* x, int j) => Vector512.Create(((int*)x)[j]).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Widen(Vector512<short> sums) => Avx512BW.MultiplyAddAdjacent(sums, Vector512<short>.One);

    /// <summary>total += sum × (row scale × token scale).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddTo(ref Vector512<float> total, Vector512<int> sum, Vector512<float> scales, ActivationBlock* x) =>
        total = Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(sum), scales * Vector512.Create(x->Scale), total);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Widen<TStep>(Vector512<short> sums) where TStep : struct, IStep => Avx512BW.MultiplyAddAdjacent(sums, Vector512.Create(TStep.Value));

    /// <summary>Sums of steps into a total: with min × the token's scaled sum, or less what 128 makes too much of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<TStep>(ref Vector512<float> total, Vector512<int> sum, UnpackedBlock* w, ActivationBlock* x) where TStep : struct, IStep
    {
        if (!TStep.HasMins)
            sum += Vector512.Create(x->Offset128);
        AddTo(ref total, sum, Vector512.Load(w->Scales), x);
        if (TStep.HasMins)
            total = Avx512F.FusedMultiplyAdd(Vector512.Load(w->Mins), Vector512.Create(x->ScaledSum), total);
    }

    /// <summary>Adds the products of vectors <paramref name="first"/> to <paramref name="first"/> + 3 with four tokens, in 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Four(byte* values, ActivationBlock* x, ActivationBlock* x1, ActivationBlock* x2, ActivationBlock* x3, int first,
        ref Vector512<short> a, ref Vector512<short> b, ref Vector512<short> c, ref Vector512<short> d)
    {
        var (v, w) = (Vector512.Load(values + first * 64), Vector512.Load(values + first * 64 + 64));
        a += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x, first));
        b += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x1, first));
        c += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x2, first));
        d += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x3, first));
        a += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x, first + 1));
        b += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x1, first + 1));
        c += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x2, first + 1));
        d += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x3, first + 1));
        (v, w) = (Vector512.Load(values + first * 64 + 128), Vector512.Load(values + first * 64 + 192));
        a += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x, first + 2));
        b += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x1, first + 2));
        c += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x2, first + 2));
        d += Avx512BW.MultiplyAddAdjacent(v, Broadcast(x3, first + 2));
        a += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x, first + 3));
        b += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x1, first + 3));
        c += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x2, first + 3));
        d += Avx512BW.MultiplyAddAdjacent(w, Broadcast(x3, first + 3));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile4<TStep>(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y) where TStep : struct, IStep
    {
        var x1 = x + stride;
        var x2 = x1 + stride;
        var x3 = x2 + stride;
        var (ya, yb, yc, yd) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512.Load(y + 32), Vector512.Load(y + 48));
        for (; blocks > 0; blocks--, w++, x++, x1++, x2++, x3++)
        {
            var (a, b, c, d) = (Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero);
            Four(w->Values, x, x1, x2, x3, 0, ref a, ref b, ref c, ref d);
            Four(w->Values, x, x1, x2, x3, 4, ref a, ref b, ref c, ref d);
            Add<TStep>(ref ya, Widen<TStep>(a), w, x);
            Add<TStep>(ref yb, Widen<TStep>(b), w, x1);
            Add<TStep>(ref yc, Widen<TStep>(c), w, x2);
            Add<TStep>(ref yd, Widen<TStep>(d), w, x3);
        }
        ya.Store(y);
        yb.Store(y + 16);
        yc.Store(y + 32);
        yd.Store(y + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile5<TStep>(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y) where TStep : struct, IStep
    {
        var x1 = x + stride;
        var x2 = x1 + stride;
        var x3 = x2 + stride;
        var (ya, yb, yc, yd) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512.Load(y + 32), Vector512.Load(y + 48));
        for (; blocks > 0; blocks--, w++, x++, x1++, x2++, x3++)
        {
            var (a, b, c, d) = (Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero);
            var (e, f, g, h) = (a, b, c, d);
            Four(w->Values, x, x1, x2, x3, 0, ref a, ref b, ref c, ref d);
            Four(w->Values, x, x1, x2, x3, 4, ref e, ref f, ref g, ref h);
            Add<TStep>(ref ya, Widen<TStep>(a) + Widen<TStep>(e), w, x);
            Add<TStep>(ref yb, Widen<TStep>(b) + Widen<TStep>(f), w, x1);
            Add<TStep>(ref yc, Widen<TStep>(c) + Widen<TStep>(g), w, x2);
            Add<TStep>(ref yd, Widen<TStep>(d) + Widen<TStep>(h), w, x3);
        }
        ya.Store(y);
        yb.Store(y + 16);
        yc.Store(y + 32);
        yd.Store(y + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Offset(Vector512<short> first, Vector512<short> last, ActivationBlock* x) =>
        Avx512BW.MultiplyAddAdjacent(first, Vector512.Create((short)(x->FirstOffset32 >> 1)))
        + Avx512BW.MultiplyAddAdjacent(last, Vector512.Create((short)(x->LastOffset32 >> 1)));

    /// <summary>Two products in 16 bits, then times the scales of their columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<int> Two(Vector512<byte> v, Vector512<byte> w, ActivationBlock* x, int j, Vector512<short> scales) =>
        Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(v, Broadcast(x, j)) + Avx512BW.MultiplyAddAdjacent(w, Broadcast(x, j + 1)), scales);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile6(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y)
    {
        var x1 = x + stride;
        var x2 = x1 + stride;
        var x3 = x2 + stride;
        var (ya, yb, yc, yd) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512.Load(y + 32), Vector512.Load(y + 48));
        for (; blocks > 0; blocks--, w++, x++, x1++, x2++, x3++)
        {
            var (first, last) = (Vector512.Load(w->HalfScales), Vector512.Load(w->HalfScales + 32));
            var (a, b, c, d) = (Offset(first, last, x), Offset(first, last, x1), Offset(first, last, x2), Offset(first, last, x3));
            for (var j = 0; j < 8; j += 2)
            {
                var scales = j < 4 ? first : last;
                var (u, v) = (Vector512.Load(w->Values + j * 64), Vector512.Load(w->Values + j * 64 + 64));
                a += Two(u, v, x, j, scales);
                b += Two(u, v, x1, j, scales);
                c += Two(u, v, x2, j, scales);
                d += Two(u, v, x3, j, scales);
            }
            var rowScales = Vector512.Load(w->Scales);
            AddTo(ref ya, a, rowScales, x);
            AddTo(ref yb, b, rowScales, x1);
            AddTo(ref yc, c, rowScales, x2);
            AddTo(ref yd, d, rowScales, x3);
        }
        ya.Store(y);
        yb.Store(y + 16);
        yc.Store(y + 32);
        yd.Store(y + 48);
    }
}
