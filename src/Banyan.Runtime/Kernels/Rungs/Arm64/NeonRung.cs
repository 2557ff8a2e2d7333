using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>
/// Arm64's vectors of 128 bits: four rows of a panel in each. Products of bytes in 16 bits, two at a time (at most 2·127·128), then added
/// in pairs to 32: for processors before dot products (Cortex-A72 and older).
/// </summary>
[SkipLocalsInit]
internal unsafe partial class NeonRung : Rung
{
    public override string Name => "neon";

    public override bool IsSupportedBy(ProcessorFacts facts) => facts.HasAdvSimd;

    public override IntegerDots Dots { get; } = new NeonDots();

    public override void Unpack(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        var unpack = format.Neon == null ? format.Unpack : format.Neon;
        for (; groups > 0; groups--, scales += format.ScaleBytes, quants += format.QuantBytes, to += format.BlocksPerGroup)
            unpack(scales, quants, to);
    }

    protected override void MultiplyTile(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x,
        int stride, float* y, int terms) =>
        Tile<WideningProducts>(kind, w, blocks, x, stride, y, terms);

    public override void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms = 1) =>
        Panel<WideningProducts>(format, scales, quants, columns, x, y);

    /// <summary>How bytes are multiplied.</summary>
    protected interface IProducts
    {
        /// <summary>
        /// sum += four rows (16 bytes, four columns a row) at w, w + 64, w + 128 and w + 192, times the four quarters of x.
        /// </summary>
        static abstract Vector128<int> Add(Vector128<int> sum, sbyte* w, Vector128<sbyte> x);
    }

    protected readonly struct WideningProducts : IProducts
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, sbyte* w, Vector128<sbyte> x)
        {
            var quarters = x.AsInt32();
            var (low, high) = Two(w, AdvSimd.DuplicateSelectedScalarToVector128(quarters, 0).AsSByte(),
                AdvSimd.DuplicateSelectedScalarToVector128(quarters, 1).AsSByte());
            var (low2, high2) = Two(w + 128, AdvSimd.DuplicateSelectedScalarToVector128(quarters, 2).AsSByte(),
                AdvSimd.DuplicateSelectedScalarToVector128(quarters, 3).AsSByte());
            // A row's four columns lie in two sums side by side.
            var first = AdvSimd.AddPairwiseWideningAndAdd(AdvSimd.AddPairwiseWidening(low), low2);
            var last = AdvSimd.AddPairwiseWideningAndAdd(AdvSimd.AddPairwiseWidening(high), high2);
            return sum + AdvSimd.Arm64.AddPairwise(first, last);
        }

        /// <summary>
        /// The products of two vectors of weights with two quarters of x, in 16 bits: of rows 0 and 1, and of rows 2 and 3.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static (Vector128<short>, Vector128<short>) Two(sbyte* w, Vector128<sbyte> a, Vector128<sbyte> b)
        {
            var (v, u) = (Vector128.Load(w), Vector128.Load(w + 64));
            return (AdvSimd.MultiplyWideningLowerAndAdd(AdvSimd.MultiplyWideningLower(v.GetLower(), a.GetLower()),
                u.GetLower(), b.GetLower()),
                AdvSimd.MultiplyWideningUpperAndAdd(AdvSimd.MultiplyWideningUpper(v, a), u, b));
        }
    }

    // Four rows × four tokens at a time, each half of the columns in a sum of its own: eight sums that do not wait for one another, eight
    // vectors of activations that stay in registers for all 16 rows. The float totals stay in memory (first-level cache).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected static void Tile<TProducts>(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y,
        int terms) where TProducts : struct, IProducts
    {
        for (; blocks > 0; blocks--, w++, x++)
        {
            var x1 = x + stride;
            var x2 = x1 + stride;
            var x3 = x2 + stride;
            var (a, b) = (Vector128.Load(x->Quants), Vector128.Load(x->Quants + 16));
            var (c, d) = (Vector128.Load(x1->Quants), Vector128.Load(x1->Quants + 16));
            var (e, f) = (Vector128.Load(x2->Quants), Vector128.Load(x2->Quants + 16));
            var (g, h) = (Vector128.Load(x3->Quants), Vector128.Load(x3->Quants + 16));
            for (var row = 0; row < UnpackedBlock.Rows; row += 4)
            {
                sbyte* first = (sbyte*)w->Values + 4 * row, last = first + 256;
                var zero = Vector128<int>.Zero;
                var (sa, sb, sc, sd) = (TProducts.Add(zero, first, a), TProducts.Add(zero, last, b), TProducts.Add(zero, first, c),
                    TProducts.Add(zero, last, d));
                var (se, sf, sg, sh) = (TProducts.Add(zero, first, e), TProducts.Add(zero, last, f), TProducts.Add(zero, first, g),
                    TProducts.Add(zero, last, h));
                if (kind == WeightKind.Halves)
                {
                    if (terms == 2)
                    {
                        AddHalves(Together(Float(sa), Float(sc)), Together(Float(sb), Float(sd)), w, row, x, y + row);
                        AddHalves(Together(Float(se), Float(sg)), Together(Float(sf), Float(sh)), w, row, x2, y + 16 + row);
                        continue;
                    }
                    AddHalves(Float(sa), Float(sb), w, row, x, y + row);
                    AddHalves(Float(sc), Float(sd), w, row, x1, y + 16 + row);
                    AddHalves(Float(se), Float(sf), w, row, x2, y + 32 + row);
                    AddHalves(Float(sg), Float(sh), w, row, x3, y + 48 + row);
                    continue;
                }
                var (ta, tb, tc, td) = (Sum(kind, sa, sb, w, row, x), Sum(kind, sc, sd, w, row, x1), Sum(kind, se, sf, w, row, x2),
                    Sum(kind, sg, sh, w, row, x3));
                if (terms == 2)
                {
                    AddTo(kind, Together(ta, tb), w, row, x, y + row);
                    AddTo(kind, Together(tc, td), w, row, x2, y + 16 + row);
                    continue;
                }
                AddTo(kind, ta, w, row, x, y + row);
                AddTo(kind, tb, w, row, x1, y + 16 + row);
                AddTo(kind, tc, w, row, x2, y + 32 + row);
                AddTo(kind, td, w, row, x3, y + 48 + row);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected void Panel<TProducts>(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, float* y)
        where TProducts : struct, IProducts
    {
        var blocks = stackalloc UnpackedBlock[8];
        new Span<float>(y, UnpackedBlock.Rows).Clear();
        for (var groups = format.Groups(columns); groups > 0; groups--, scales += format.ScaleBytes, quants += format.QuantBytes)
        {
            Unpack(format, scales, quants, 1, blocks);
            for (var i = 0; i < format.BlocksPerGroup; i++, x++)
            {
                var w = blocks + i;
                var (a, b) = (Vector128.Load(x->Quants), Vector128.Load(x->Quants + 16));
                for (var row = 0; row < UnpackedBlock.Rows; row += 4)
                {
                    var values = (sbyte*)w->Values + 4 * row;
                    var (first, last) = (TProducts.Add(Vector128<int>.Zero, values, a),
                        TProducts.Add(Vector128<int>.Zero, values + 256, b));
                    if (format.Kind == WeightKind.Halves)
                        AddHalves(Float(first), Float(last), w, row, x, y + row);
                    else
                        AddTo(format.Kind, Sum(format.Kind, first, last, w, row, x), w, row, x, y + row);
                }
            }
        }
    }

    /// <summary>The sums of both halves of the columns of four rows together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Sum(WeightKind kind, Vector128<int> first, Vector128<int> last, UnpackedBlock* w, int row, ActivationBlock* x)
    {
        var sum = first + last;
        if (kind == WeightKind.U6)
        {
            var (firstScale, lastScale) = (Vector128.Load((int*)w->HalfScales + row), Vector128.Load((int*)w->HalfScales + 16 + row));
            sum = (first + Vector128.Create(x->FirstOffset32)) * (firstScale << 16 >> 16)
                + (last + Vector128.Create(x->LastOffset32)) * (lastScale << 16 >> 16);
        }
        return Vector128.ConvertToSingle(sum);
    }

    static Vector128<float> Float(Vector128<int> sum) => Vector128.ConvertToSingle(sum);

    /// <summary>The sums of both halves of the columns of four rows, each with its scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddHalves(Vector128<float> first, Vector128<float> last, UnpackedBlock* w, int row, ActivationBlock* x, float* y)
    {
        var inner = Vector128.FusedMultiplyAdd(Vector128.Load(w->LastScales + row), last, Vector128.Load(w->Scales + row) * first);
        Vector128.FusedMultiplyAdd(inner, Vector128.Create(x->Scale), Vector128.Load(y)).Store(y);
    }

    /// <summary>Both terms of a token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Together(Vector128<float> first, Vector128<float> second) =>
        Vector128.FusedMultiplyAdd(first, Vector128.Create((float)(1 << ActivationBlock.SecondBits)), second);

    /// <summary>Folds the sums of four rows into their totals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddTo(WeightKind kind, Vector128<float> sum, UnpackedBlock* w, int row, ActivationBlock* x, float* y)
    {
        var total = Vector128.FusedMultiplyAdd(sum, Vector128.Load(w->Scales + row) * x->Scale, Vector128.Load(y));
        if (kind.HasMins())
            total = Vector128.FusedMultiplyAdd(Vector128.Load(w->Mins + row), Vector128.Create(x->ScaledSum), total);
        if (kind.HasTwoMins())
        {
            total = Vector128.FusedMultiplyAdd(Vector128.Load(w->Mins + row), Vector128.Create(x->FirstScaledSum), total);
            total = Vector128.FusedMultiplyAdd(Vector128.Load(w->LastMins + row), Vector128.Create(x->LastScaledSum), total);
        }
        total.Store(y);
    }
}
