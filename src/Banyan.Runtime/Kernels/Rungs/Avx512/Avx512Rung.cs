using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>
/// AVX-512 with the intrinsics .NET has: the tiles of <see cref="Avx2Rung"/> with all 16 rows in one vector. The limits of the sums in 16
/// bits are the same.
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
                *to = ActivationBlock.Of(float.IsFinite(magnitude) ? 0 : float.NaN);
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

    // A method of its own: where the runtime put it into the switch above, sums no longer had registers of their own.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Tile<TSums>(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y, int terms) where TSums : struct, ISums
    {
        ActivationBlock* x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride;
        var (ya, yb, yc, yd) = (Vector512.Load(y), Vector512.Load(y + 16), Vector512<float>.Zero, Vector512<float>.Zero);
        if (terms == 1)
            (yc, yd) = (Vector512.Load(y + 32), Vector512.Load(y + 48));
        for (var signs = Signs(w, blocks); blocks > 0; blocks--, w++, signs += SignBytes, x++, x1++, x2++, x3++)
        {
            TSums.Sum(w, signs, x, stride, out var a, out var b, out var c, out var d);
            if (terms == 2)
            {
                Add<TSums>(ref ya, Together(a, b), w, x);
                Add<TSums>(ref yb, Together(c, d), w, x2);
                continue;
            }
            Add<TSums>(ref ya, Float(a), w, x);
            Add<TSums>(ref yb, Float(b), w, x1);
            Add<TSums>(ref yc, Float(c), w, x2);
            Add<TSums>(ref yd, Float(d), w, x3);
        }
        ya.Store(y);
        yb.Store(y + 16);
        if (terms == 2)
            return;
        yc.Store(y + 32);
        yd.Store(y + 48);
    }

    static Vector512<float> Float(Vector512<int> sum) => Avx512F.ConvertToVector512Single(sum);

    /// <summary>Both terms of a token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Together(Vector512<int> first, Vector512<int> second) =>
        Avx512F.FusedMultiplyAdd(Float(first), Vector512.Create((float)(1 << ActivationBlock.SecondBits)), Float(second));

    /// <summary>total += sum × (row scale × token scale), then min × the token's scaled sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<TSums>(ref Vector512<float> total, Vector512<float> sum, UnpackedBlock* w, ActivationBlock* x)
        where TSums : struct, ISums
    {
        total = Avx512F.FusedMultiplyAdd(sum, Vector512.Load(w->Scales) * Vector512.Create(x->Scale), total);
        if (TSums.HasMins)
            total = Avx512F.FusedMultiplyAdd(Vector512.Load(w->Mins), Vector512.Create(x->ScaledSum), total);
    }

    /// <summary>Four activations, for all rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<sbyte> Broadcast(ActivationBlock* x, int j) => Vector512.Create(((int*)x)[j]).AsSByte();
}
