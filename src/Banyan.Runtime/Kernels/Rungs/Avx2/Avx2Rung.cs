using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>
/// AVX2 and FMA. Sums of byte products stay in 16 bits as long as the weights' range allows: 8 products of 4-bit weights (15·127·2·8 =
/// 30,480), 4 of 5 bits (31,496), 2 of 6 bits (32,004), 1 of 8 bits (32,512).
/// </summary>
[SkipLocalsInit]
internal unsafe partial class Avx2Rung : Rung
{
    public override string Name => "avx2";

    public override bool IsSupportedBy(ProcessorFacts facts) => facts.HasAvx2;

    public override IntegerDots Dots { get; } = new Avx2Dots();

    public override void Quantize(float* x, int blocks, ActivationBlock* to)
    {
        for (; blocks > 0; blocks--, x += ActivationBlock.Columns, to++)
            QuantizeBlock(x, to);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void QuantizeBlock(float* x, ActivationBlock* to)
    {
        var (x0, x1, x2, x3) = (Vector256.Load(x), Vector256.Load(x + 8), Vector256.Load(x + 16), Vector256.Load(x + 24));
        var positive = Vector256.Create(0x7FFFFFFF);
        var largest = Avx2.Max(Avx2.Max(x0.AsInt32() & positive, x1.AsInt32() & positive),
            Avx2.Max(x2.AsInt32() & positive, x3.AsInt32() & positive));
        var quarter = Sse41.Max(largest.GetLower(), largest.GetUpper());
        quarter = Sse41.Max(quarter, Sse2.Shuffle(quarter, 0b_01_00_11_10));
        quarter = Sse41.Max(quarter, Sse2.Shuffle(quarter, 0b_10_11_00_01));
        var magnitude = BitConverter.Int32BitsToSingle(quarter.ToScalar());
        if (!float.IsFinite(magnitude) || magnitude < ActivationBlock.Smallest)
        {
            *to = ActivationBlock.Of(float.IsFinite(magnitude) ? 0 : float.NaN);
            return;
        }

        var inverse = Vector256.Create(127 / magnitude);
        var (q0, q1) = (Avx.ConvertToVector256Int32(x0 * inverse), Avx.ConvertToVector256Int32(x1 * inverse));
        var (q2, q3) = (Avx.ConvertToVector256Int32(x2 * inverse), Avx.ConvertToVector256Int32(x3 * inverse));
        // the packs work within 128 bits
        var bytes = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(q0, q1), Avx2.PackSignedSaturate(q2, q3));
        Avx2.PermuteVar8x32(bytes.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte().Store(to->Quants);
        var (first, last) = (Vector256.Sum(q0 + q1), Vector256.Sum(q2 + q3));
        to->Scale = magnitude / 127;
        to->SetSums(first, last);
    }

    public override void Unpack(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        if (format.Avx2 is { } kernels)
            kernels.Unpack(scales, quants, groups, to);
        else
            base.Unpack(format, scales, quants, groups, to);
    }

    /// <summary>
    /// I4 and I5 as the file has them: numbers from 0 on, few enough that their products can be added in 16 bits. I8 as magnitudes and
    /// signs.
    /// </summary>
    public override void UnpackForTiles(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        if (format.Avx2 is { } kernels)
            kernels.UnpackForTiles(scales, quants, groups, to);
        else
            base.Unpack(format, scales, quants, groups, to);
        if (format.Kind == WeightKind.I8)
            TakeSigns(to, groups * format.BlocksPerGroup);
    }

    public override void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms = 1)
    {
        if (format.Avx2 is { } kernels)
            kernels.MultiplyOne(scales, quants, format.Groups(columns), x, y);
        else
            ScalarRung.MultiplyOne(format, scales, quants, columns, x, y);
    }

    /// <summary>How far ahead a single token's weights are prefetched: the hardware prefetcher stops at page ends.</summary>
    const int PrefetchBytes = 2048;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Unpack<TScales, TQuants>(byte* scales, byte* quants, int groups, UnpackedBlock* to) where TScales : struct, IScales
        where TQuants : struct, IQuants
    {
        for (; groups > 0; groups--, scales += TScales.Bytes)
        {
            TScales.Read(scales, to);
            for (var b = 0; b < TScales.Blocks; b++, quants += TQuants.Bytes, to++)
                TQuants.Unpack(quants, to->Values);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void MultiplyOne<TScales, TQuants>(byte* scales, byte* quants, int groups, ActivationBlock* x, float* y)
        where TScales : struct, IScales where TQuants : struct, IQuants
    {
        var blocks = stackalloc UnpackedBlock[8]; // the scales alone
        var (y0, y1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (; groups > 0; groups--, scales += TScales.Bytes)
        {
            TScales.Read(scales, blocks);
            for (var b = 0; b < TScales.Blocks; b++, quants += TQuants.Bytes, x++)
            {
                var w = blocks + b;
                for (var line = 0; line < TQuants.Bytes; line += 64)
                    Sse.Prefetch0(quants + PrefetchBytes + line);
                TQuants.Multiply(quants, x, w, out var sum0, out var sum1);
                var scale = Vector256.Create(x->Scale);
                y0 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(sum0), Vector256.Load(w->Scales) * scale, y0);
                y1 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(sum1), Vector256.Load(w->Scales + 8) * scale, y1);
                if (!TScales.HasMins)
                    continue;
                var sum = Vector256.Create(x->ScaledSum);
                y0 = Fma.MultiplyAdd(Vector256.Load(w->Mins), sum, y0);
                y1 = Fma.MultiplyAdd(Vector256.Load(w->Mins + 8), sum, y1);
            }
        }
        y0.Store(y);
        y1.Store(y + 8);
    }
}
