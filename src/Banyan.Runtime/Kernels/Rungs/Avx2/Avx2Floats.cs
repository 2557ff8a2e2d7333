using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels.Rungs;

// Float weights.
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
}
