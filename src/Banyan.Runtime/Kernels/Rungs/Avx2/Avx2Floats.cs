using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

// Float weights, and quantized weights made float for the exact path.
internal unsafe partial class Avx2Rung
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MultiplyFloatTile(float* w, nint wStride, int columns, float* x, nint xStride, float* y, nint yStride)
    {
        var x1 = x + xStride;
        var x2 = x1 + xStride;
        var x3 = x2 + xStride;
        var y1 = y + yStride;
        var y2 = y1 + yStride;
        var y3 = y2 + yStride;
        var (a0, a1, b0, b1) = (Vector256.Load(y), Vector256.Load(y + 8), Vector256.Load(y1), Vector256.Load(y1 + 8));
        var (c0, c1, d0, d1) = (Vector256.Load(y2), Vector256.Load(y2 + 8), Vector256.Load(y3), Vector256.Load(y3 + 8));
        for (nint c = 0; c < columns; c++, w += wStride)
        {
            var (w0, w1) = (Vector256.Load(w), Vector256.Load(w + 8));
            var t = Vector256.Create(x[c]);
            a0 = Fma.MultiplyAdd(w0, t, a0);
            a1 = Fma.MultiplyAdd(w1, t, a1);
            t = Vector256.Create(x1[c]);
            b0 = Fma.MultiplyAdd(w0, t, b0);
            b1 = Fma.MultiplyAdd(w1, t, b1);
            t = Vector256.Create(x2[c]);
            c0 = Fma.MultiplyAdd(w0, t, c0);
            c1 = Fma.MultiplyAdd(w1, t, c1);
            t = Vector256.Create(x3[c]);
            d0 = Fma.MultiplyAdd(w0, t, d0);
            d1 = Fma.MultiplyAdd(w1, t, d1);
        }
        a0.Store(y);
        a1.Store(y + 8);
        b0.Store(y1);
        b1.Store(y1 + 8);
        c0.Store(y2);
        c1.Store(y2 + 8);
        d0.Store(y3);
        d1.Store(y3 + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MultiplyFloatOne(float* w, int columns, float* x, float* y)
    {
        // One column after the other, as in a tile: a token alone and one in company have the same sums, bit for bit.
        var (a0, a1) = (Vector256.Load(y), Vector256.Load(y + 8));
        for (; columns > 0; columns--, w += 16, x++)
        {
            var each = Vector256.Create(*x);
            a0 = Fma.MultiplyAdd(Vector256.Load(w), each, a0);
            a1 = Fma.MultiplyAdd(Vector256.Load(w + 8), each, a1);
        }
        a0.Store(y);
        a1.Store(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Widen(PackedFormat format, byte* quants, int column, int columns, float* to)
    {
        if (format.Format.Name == "F32")
        {
            Unsafe.CopyBlockUnaligned(to, quants + (long)column * 64, (uint)columns * 64);
            return;
        }
        var isHalf = format.Format.Name == "F16";
        quants += (long)column / 2 * 64;
        for (; columns > 0; columns -= 2, quants += 64, to += 32)
            for (var half = 0; half < 16; half += 8)
            {
                var pair = Vector256.Load((uint*)quants + half);
                var (even, odd) = isHalf
                    ? (HalfFloats.ToFloat(pair & Vector256.Create(0xFFFFu)), HalfFloats.ToFloat(pair >>> 16))
                    : ((pair << 16).AsSingle(), (pair & Vector256.Create(0xFFFF0000u)).AsSingle());
                even.Store(to + half);
                if (columns > 1)
                    odd.Store(to + 16 + half);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dequantize(WeightKind kind, UnpackedBlock* w, int blocks, float* to)
    {
        for (; blocks > 0; blocks--, w++, to += UnpackedBlock.Columns * UnpackedBlock.Rows)
            for (var c = 0; c < UnpackedBlock.Columns; c++)
                for (var half = 0; half < 16; half += 8)
                {
                    // A dword has four columns of a row: the wanted one goes to the top, then down with its sign or without.
                    var top = Vector256.Load(w->Values + c / 4 * 64 + half * 4).AsInt32() << (24 - c % 4 * 8);
                    var value = kind == WeightKind.I8 ? top >> 24 : top >>> 24;
                    var scale = Vector256.Load(w->Scales + half);
                    var weight = kind switch
                    {
                        WeightKind.I8 => scale * Avx.ConvertToVector256Single(value),
                        WeightKind.U6 => scale * Avx.ConvertToVector256Single(
                            (Vector256.Load((int*)w->HalfScales + c / 16 * 16 + half) << 16 >> 16) * (value - Vector256.Create(32))),
                        _ => Fma.MultiplyAdd(scale, Avx.ConvertToVector256Single(value), Vector256.Load(w->Mins + half)),
                    };
                    weight.Store(to + c * 16 + half);
                }
    }
}
