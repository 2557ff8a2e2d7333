using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Rungs;

// Float weights.
internal unsafe partial class Avx512Rung
{
    /// <summary>
    /// Tokens that are multiplied together: enough sums to hide how long an addition takes, and to read a weight once for all of them.
    /// </summary>
    const int FloatTokens = 12;

    public override void MultiplyFloatTiles(float* w, nint wStride, int columns, float* x, nint xStride, int tokens, float* y, nint yStride)
    {
        for (; tokens >= FloatTokens; tokens -= FloatTokens, x += FloatTokens * xStride, y += FloatTokens * yStride)
            MultiplyFloats(w, wStride, columns, x, xStride, y, yStride);
        base.MultiplyFloatTiles(w, wStride, columns, x, xStride, tokens, y, yStride);
    }

    // One column after the other, as in a tile of four: what a token gets does not depend on its company.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void MultiplyFloats(float* w, nint wStride, int columns, float* x, nint xStride, float* y, nint yStride)
    {
        float* x3 = x + 3 * xStride, x6 = x3 + 3 * xStride, x9 = x6 + 3 * xStride;
        nint second = xStride, third = 2 * xStride;
        var (a, b, c) = (Vector512.Load(y), Vector512.Load(y + yStride), Vector512.Load(y + 2 * yStride));
        var (d, e, f) = (Vector512.Load(y + 3 * yStride), Vector512.Load(y + 4 * yStride), Vector512.Load(y + 5 * yStride));
        var (g, h, i) = (Vector512.Load(y + 6 * yStride), Vector512.Load(y + 7 * yStride), Vector512.Load(y + 8 * yStride));
        var (j, k, l) = (Vector512.Load(y + 9 * yStride), Vector512.Load(y + 10 * yStride), Vector512.Load(y + 11 * yStride));
        for (; columns > 0; columns--, w += wStride, x++, x3++, x6++, x9++)
        {
            var weights = Vector512.Load(w);
            a = Vector512.FusedMultiplyAdd(weights, Vector512.Create(*x), a);
            b = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x[second]), b);
            c = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x[third]), c);
            d = Vector512.FusedMultiplyAdd(weights, Vector512.Create(*x3), d);
            e = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x3[second]), e);
            f = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x3[third]), f);
            g = Vector512.FusedMultiplyAdd(weights, Vector512.Create(*x6), g);
            h = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x6[second]), h);
            i = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x6[third]), i);
            j = Vector512.FusedMultiplyAdd(weights, Vector512.Create(*x9), j);
            k = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x9[second]), k);
            l = Vector512.FusedMultiplyAdd(weights, Vector512.Create(x9[third]), l);
        }
        a.Store(y);
        b.Store(y + yStride);
        c.Store(y + 2 * yStride);
        d.Store(y + 3 * yStride);
        e.Store(y + 4 * yStride);
        f.Store(y + 5 * yStride);
        g.Store(y + 6 * yStride);
        h.Store(y + 7 * yStride);
        i.Store(y + 8 * yStride);
        j.Store(y + 9 * yStride);
        k.Store(y + 10 * yStride);
        l.Store(y + 11 * yStride);
    }
}
