using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

// Activations to int8, and products of floats.
internal unsafe partial class NeonRung
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Quantize(float* x, int blocks, ActivationBlock* to)
    {
        for (; blocks > 0; blocks--, x += ActivationBlock.Columns, to++)
        {
            // As integers, magnitudes compare like floats, and infinities and NaNs are larger than all numbers.
            var largest = Vector128<uint>.Zero;
            for (var i = 0; i < ActivationBlock.Columns; i += 4)
                largest = AdvSimd.Max(largest, Vector128.Load((uint*)x + i) & Vector128.Create(0x7FFFFFFFu));
            var magnitude = BitConverter.UInt32BitsToSingle(AdvSimd.Arm64.MaxAcross(largest).ToScalar());
            if (!float.IsFinite(magnitude) || magnitude < ActivationBlock.Smallest)
            {
                *to = ActivationBlock.Of(float.IsFinite(magnitude) ? 0 : float.NaN);
                continue;
            }

            var inverse = Vector128.Create(127 / magnitude);
            var first = Half(x, inverse, to->Quants);
            var last = Half(x + 16, inverse, to->Quants + 16);
            to->Scale = magnitude / 127;
            to->SetSums(first, last);
        }
    }

    /// <summary>16 quants; returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Half(float* x, Vector128<float> inverse, sbyte* to)
    {
        var (a, b) = (AdvSimd.ConvertToInt32RoundToEven(Vector128.Load(x) * inverse),
            AdvSimd.ConvertToInt32RoundToEven(Vector128.Load(x + 4) * inverse));
        var (c, d) = (AdvSimd.ConvertToInt32RoundToEven(Vector128.Load(x + 8) * inverse),
            AdvSimd.ConvertToInt32RoundToEven(Vector128.Load(x + 12) * inverse));
        Vector128.Narrow(Vector128.Narrow(a, b), Vector128.Narrow(c, d)).Store(to);
        return Vector128.Sum((a + b) + (c + d));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MultiplyFloatTile(float* w, nint wStride, int columns, float* x, nint xStride, float* y, nint yStride)
    {
        for (var half = 0; half < 16; half += 8, w += 8, y += 8)
        {
            float* x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride, y1 = y + yStride, y2 = y1 + yStride, y3 = y2 + yStride;
            var (a0, a1, b0, b1) = (Vector128.Load(y), Vector128.Load(y + 4), Vector128.Load(y1), Vector128.Load(y1 + 4));
            var (c0, c1, d0, d1) = (Vector128.Load(y2), Vector128.Load(y2 + 4), Vector128.Load(y3), Vector128.Load(y3 + 4));
            for (nint c = 0; c < columns; c++)
            {
                var (w0, w1) = (Vector128.Load(w + c * wStride), Vector128.Load(w + c * wStride + 4));
                var each = Vector128.Create(x[c]);
                a0 = Vector128.FusedMultiplyAdd(w0, each, a0);
                a1 = Vector128.FusedMultiplyAdd(w1, each, a1);
                each = Vector128.Create(x1[c]);
                b0 = Vector128.FusedMultiplyAdd(w0, each, b0);
                b1 = Vector128.FusedMultiplyAdd(w1, each, b1);
                each = Vector128.Create(x2[c]);
                c0 = Vector128.FusedMultiplyAdd(w0, each, c0);
                c1 = Vector128.FusedMultiplyAdd(w1, each, c1);
                each = Vector128.Create(x3[c]);
                d0 = Vector128.FusedMultiplyAdd(w0, each, d0);
                d1 = Vector128.FusedMultiplyAdd(w1, each, d1);
            }
            a0.Store(y);
            a1.Store(y + 4);
            b0.Store(y1);
            b1.Store(y1 + 4);
            c0.Store(y2);
            c1.Store(y2 + 4);
            d0.Store(y3);
            d1.Store(y3 + 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MultiplyFloatOne(float* w, int columns, float* x, float* y)
    {
        // One column after the other, as in a tile: a token alone and one in company have the same sums, bit for bit.
        var (a, b, c, d) = (Vector128.Load(y), Vector128.Load(y + 4), Vector128.Load(y + 8), Vector128.Load(y + 12));
        for (; columns > 0; columns--, w += 16, x++)
        {
            var each = Vector128.Create(*x);
            a = Vector128.FusedMultiplyAdd(Vector128.Load(w), each, a);
            b = Vector128.FusedMultiplyAdd(Vector128.Load(w + 4), each, b);
            c = Vector128.FusedMultiplyAdd(Vector128.Load(w + 8), each, c);
            d = Vector128.FusedMultiplyAdd(Vector128.Load(w + 12), each, d);
        }
        a.Store(y);
        b.Store(y + 4);
        c.Store(y + 8);
        d.Store(y + 12);
    }
}
