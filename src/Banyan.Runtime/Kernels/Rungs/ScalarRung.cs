using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>The reference: plain loops that say what every other rung must compute.</summary>
internal sealed unsafe class ScalarRung : Rung
{
    public override string Name => "scalar";

    public override bool IsSupportedBy(ProcessorFacts facts) => true;

    public override IntegerDots Dots { get; } = new ScalarDots();

    public override void Quantize(float* x, int blocks, ActivationBlock* to)
    {
        for (; blocks > 0; blocks--, x += ActivationBlock.Columns, to++)
            *to = QuantizeBlock(x);
    }

    static ActivationBlock QuantizeBlock(float* x)
    {
        // As integers, magnitudes compare like floats, and infinities and NaNs are larger than all numbers.
        var largest = 0u;
        for (var i = 0; i < ActivationBlock.Columns; i++)
            largest = Math.Max(largest, BitConverter.SingleToUInt32Bits(x[i]) & 0x7FFFFFFF);
        var block = new ActivationBlock();
        var magnitude = BitConverter.UInt32BitsToSingle(largest);
        if (!float.IsFinite(magnitude) || magnitude < ActivationBlock.Smallest)
            return ActivationBlock.Of(float.IsFinite(magnitude) ? 0 : float.NaN);

        var inverse = 127 / magnitude;
        var (first, last) = (0, 0);
        for (var i = 0; i < ActivationBlock.Columns; i++)
        {
            var quant = (sbyte)MathF.Round(x[i] * inverse);
            block.Quants[i] = quant;
            if (i < ActivationBlock.Columns / 2)
                first += quant;
            else
                last += quant;
        }
        block.Scale = magnitude / 127;
        block.SetSums(first, last);
        return block;
    }

    protected override void MultiplyTile(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, float* y, int terms)
    {
        for (var b = 0; b < blocks; b++)
            for (var t = 0; t < Activations.TokenTile / terms; t++)
                MultiplyBlock(kind, w + b, x + (long)t * terms * stride + b, terms == 2 ? x + ((long)t * terms + 1) * stride + b : null,
                    y + t * UnpackedBlock.Rows);
    }

    public override void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms = 1) =>
        MultiplyOne(format, scales, quants, columns, x, y);

    /// <summary>y[16 rows] = one row of x × a whole panel of any format.</summary>
    public static void MultiplyOne(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, float* y)
    {
        new Span<float>(y, UnpackedBlock.Rows).Clear();
        var blocks = stackalloc UnpackedBlock[8];
        for (var group = 0; group < format.Groups(columns); group++, scales += format.ScaleBytes, quants += format.QuantBytes)
        {
            format.Unpack(scales, quants, blocks);
            for (var b = 0; b < format.BlocksPerGroup; b++, x++)
                MultiplyBlock(format.Kind, blocks + b, x, null, y);
        }
    }

    static void MultiplyBlock(WeightKind kind, UnpackedBlock* w, ActivationBlock* x, ActivationBlock* second, float* y)
    {
        if (kind == WeightKind.Halves)
        {
            MultiplyHalves(w, x, second, y);
            return;
        }
        for (var r = 0; r < UnpackedBlock.Rows; r++)
        {
            float sum = Sum(kind, w, r, x);
            if (second is not null)
                sum = MathF.FusedMultiplyAdd(sum, 1 << ActivationBlock.SecondBits, Sum(kind, w, r, second));
            y[r] = MathF.FusedMultiplyAdd(sum, w->Scales[r] * x->Scale, y[r]);
            if (kind.HasMins())
                y[r] = MathF.FusedMultiplyAdd(w->Mins[r], x->ScaledSum, y[r]);
            if (kind.HasTwoMins())
                y[r] = MathF.FusedMultiplyAdd(w->LastMins[r], x->LastScaledSum,
                    MathF.FusedMultiplyAdd(w->Mins[r], x->FirstScaledSum, y[r]));
        }
    }

    static void MultiplyHalves(UnpackedBlock* w, ActivationBlock* x, ActivationBlock* second, float* y)
    {
        for (var r = 0; r < UnpackedBlock.Rows; r++)
        {
            var (first, last) = Halves(WeightKind.Halves, w, r, x);
            float a = first, b = last;
            if (second is not null)
            {
                (first, last) = Halves(WeightKind.Halves, w, r, second);
                (a, b) = (MathF.FusedMultiplyAdd(a, 1 << ActivationBlock.SecondBits, first),
                    MathF.FusedMultiplyAdd(b, 1 << ActivationBlock.SecondBits, last));
            }
            var inner = MathF.FusedMultiplyAdd(w->LastScales[r], b, w->Scales[r] * a);
            y[r] = MathF.FusedMultiplyAdd(inner, x->Scale, y[r]);
        }
    }

    static int Sum(WeightKind kind, UnpackedBlock* w, int row, ActivationBlock* x)
    {
        var (first, last) = Halves(kind, w, row, x);
        return kind == WeightKind.U6
            ? (first + x->FirstOffset32) * w->HalfScales[2 * row] + (last + x->LastOffset32) * w->HalfScales[32 + 2 * row]
            : first + last;
    }

    // The sums of the first and of the last 16 columns.
    static (int First, int Last) Halves(WeightKind kind, UnpackedBlock* w, int row, ActivationBlock* x)
    {
        var (first, last) = (0, 0);
        for (var c = 0; c < UnpackedBlock.Columns; c++)
        {
            var value = w->Values[c / 4 * 64 + row * 4 + c % 4];
            var product = (kind.IsSigned() ? (sbyte)value : value) * x->Quants[c];
            if (c < UnpackedBlock.Columns / 2)
                first += product;
            else
                last += product;
        }
        return (first, last);
    }

    public override void MultiplyFloatTile(float* w, nint wStride, int columns, float* x, nint xStride, float* y, nint yStride)
    {
        for (var c = 0; c < columns; c++)
            for (var t = 0; t < Activations.TokenTile; t++)
                for (var r = 0; r < UnpackedBlock.Rows; r++)
                    y[t * yStride + r] = MathF.FusedMultiplyAdd(w[c * wStride + r], x[t * xStride + c], y[t * yStride + r]);
    }

    public override void MultiplyFloatOne(float* w, int columns, float* x, float* y)
    {
        for (var c = 0; c < columns; c++)
            for (var r = 0; r < UnpackedBlock.Rows; r++)
                y[r] = MathF.FusedMultiplyAdd(w[c * UnpackedBlock.Rows + r], x[c], y[r]);
    }

    public override void Widen(PackedFormat format, byte* quants, int column, int columns, float* to) =>
        format.WidenScalar(quants, column, columns, to);

    public override void Dequantize(WeightKind kind, UnpackedBlock* w, int blocks, float* to)
    {
        for (; blocks > 0; blocks--, w++)
            for (var c = 0; c < UnpackedBlock.Columns; c++)
                for (var r = 0; r < UnpackedBlock.Rows; r++)
                {
                    var value = w->Values[c / 4 * 64 + r * 4 + c % 4];
                    *to++ = kind switch
                    {
                        WeightKind.U6 => w->Scales[r] * (w->HalfScales[c / 16 * 32 + 2 * r] * (value - 32)),
                        WeightKind.Halves => (c < 16 ? w->Scales[r] : w->LastScales[r]) * (sbyte)value,
                        _ when kind.HasTwoMins() => MathF.FusedMultiplyAdd(w->Scales[r], value, c < 16 ? w->Mins[r] : w->LastMins[r]),
                        _ when kind.HasMins() => MathF.FusedMultiplyAdd(w->Scales[r], value, w->Mins[r]),
                        _ => w->Scales[r] * (sbyte)value,
                    };
                }
    }
}
