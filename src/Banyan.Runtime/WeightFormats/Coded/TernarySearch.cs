namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// Units of the IQ1 formats: each weight is −1, 0 or 1, an eighth more or less as the unit, or each half of it, says. Sorted, a unit's
/// weights fall into three runs, so that all ways to divide them are tried; what is no entry of the codebook then becomes the nearest one.
/// The search is that of llama.cpp's quantizer (ggml-quants.c), in the same order of float operations.
/// </summary>
/// <param name="unit">Weights that share a scale: 32 or 16.</param>
/// <param name="parts">Parts of a unit with an eighth of their own: 1 or 2.</param>
sealed class TernarySearch(int unit, int parts)
{
    /// <summary>The values of the three levels, with an eighth more and an eighth less.</summary>
    static readonly float[][] s_values = [[-0.875f, 0.125f, 1.125f], [-1.125f, -0.125f, 0.875f]];

    static readonly CodebookMap s_map = new(Codebook.Iq1, rings: 3);

    /// <summary>The values of the levels of eight weights.</summary>
    /// <param name="way">What was chosen.</param>
    /// <param name="eight">Which eight of the unit.</param>
    public ReadOnlySpan<float> Values(int way, int eight) => s_values[way >> parts - 1 - eight * 8 * parts / unit & 1];

    /// <summary>Finds a unit.</summary>
    /// <param name="x">Its weights.</param>
    /// <param name="weights">What the square of each error counts.</param>
    /// <param name="entries">The entry of each eight.</param>
    /// <param name="way">Which parts are less: bit parts − 1 − p says it of part p.</param>
    /// <returns>The scale; 0 where no weight counts.</returns>
    public float Encode(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<ushort> entries, out int way)
    {
        Span<byte> levels = stackalloc byte[unit];
        Span<int> order = stackalloc int[unit];
        Sort(x, order);
        var (first, second, scale) = parts == 1 ? Divide(x, weights, order, out way) : DivideByHalves(x, weights, order, out way);
        if (first < 0)
            return 0;
        for (var i = 0; i < unit; i++)
            levels[order[i]] = (byte)(i < first ? 0 : i < second ? 1 : 2);
        if (scale < 0)
        {
            for (var i = 0; i < unit; i++)
                levels[i] = (byte)(2 - levels[i]);
            (scale, way) = (-scale, (1 << parts) - 1 - way);
        }
        var isWhole = true;
        for (var eight = 0; eight < entries.Length; eight++)
        {
            entries[eight] = (ushort)s_map.Nearest(x[(8 * eight)..], weights[(8 * eight)..], scale, Values(way, eight),
                levels.Slice(8 * eight, 8), out var isEntry);
            isWhole &= isEntry;
        }
        return isWhole ? scale : Refit(x, weights, levels, way, scale);
    }

    // Where the runs of 0 and of 1 begin in the order, the scale and which way: by sums over the runs.
    (int First, int Second, float Scale) Divide(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<int> order, out int way)
    {
        Span<float> sx = stackalloc float[unit + 1], sw = stackalloc float[unit + 1];
        (sx[0], sw[0], way) = (0, 0, 0);
        for (var i = 0; i < unit; i++)
        {
            sx[i + 1] = sx[i] + weights[order[i]] * x[order[i]];
            sw[i + 1] = sw[i] + weights[order[i]];
        }
        // The first that counts at all is taken, even if it fits nothing.
        var (best, scale, first, second) = (-1.17549435e-38f, 0f, -1, -1);
        for (var one = 0; one <= unit; one++)
            for (var two = one; two <= unit; two++)
                for (var k = 0; k < s_values.Length; k++)
                {
                    var v = s_values[k];
                    var qx = (sx[one] - sx[0]) * v[0] + (sx[two] - sx[one]) * v[1] + (sx[unit] - sx[two]) * v[2];
                    var q2 = (sw[one] - sw[0]) * v[0] * v[0] + (sw[two] - sw[one]) * v[1] * v[1] + (sw[unit] - sw[two]) * v[2] * v[2];
                    if (!(q2 > 0 && qx * qx > best * q2))
                        continue;
                    scale = qx / q2;
                    (best, first, second, way) = (scale * qx, one, two, k);
                }
        return (first, second, scale);
    }

    // The same for two halves, in all four ways. The values of a level are one apart, so that Σ w·x·value is the highest value's, less both
    // sums up to a run's begin.
    (int First, int Second, float Scale) DivideByHalves(ReadOnlySpan<float> x, ReadOnlySpan<float> weights,
        ReadOnlySpan<int> order, out int way)
    {
        Span<float> sums = stackalloc float[4 * (unit + 1)];
        Span<float> ofX = stackalloc float[4], of2 = stackalloc float[4]; // more and less of the first half, then of the second
        sums.Clear();
        var size = unit + 1;
        for (var i = 0; i < unit; i++)
            for (var half = 0; half < 2; half++)
            {
                var (isIn, atX, atW) = (order[i] * 2 / unit == half, half * size + i, (2 + half) * size + i);
                sums[atX + 1] = isIn ? sums[atX] + weights[order[i]] * x[order[i]] : sums[atX];
                sums[atW + 1] = isIn ? sums[atW] + weights[order[i]] : sums[atW];
            }
        var (best, scale, first, second) = (float.MinValue, 0f, -1, -1);
        way = 0;
        for (var one = 0; one <= unit; one++)
            for (var two = one; two <= unit; two++)
            {
                for (var i = 0; i < 4; i++)
                {
                    var v = s_values[i & 1];
                    ReadOnlySpan<float> sx = sums.Slice((i >> 1) * size, size), sw = sums.Slice((2 + (i >> 1)) * size, size);
                    ofX[i] = sx[unit] * v[2] - (sx[one] + sx[two]);
                    of2[i] = sw[unit] * v[2] * v[2] + sw[one] * (v[0] * v[0] - v[1] * v[1]) + sw[two] * (v[1] * v[1] - v[2] * v[2]);
                }
                for (var k = 0; k < 4; k++)
                {
                    var (qx, q2) = (ofX[k >> 1] + ofX[2 + (k & 1)], of2[k >> 1] + of2[2 + (k & 1)]);
                    if (!(q2 > 0 && qx * qx > best * q2))
                        continue;
                    scale = qx / q2;
                    (best, first, second, way) = (scale * qx, one, two, k);
                }
            }
        return (first, second, scale);
    }

    // The scale that fits the entries best; the one before if none does.
    float Refit(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> levels, int way, float before)
    {
        var (qx, q2) = (0f, 0f);
        for (var i = 0; i < unit; i++)
        {
            var value = Values(way, i / 8)[levels[i]];
            qx += weights[i] * value * x[i];
            q2 += weights[i] * value * value;
        }
        return qx > 0 && q2 > 0 ? qx / q2 : before;
    }

    /// <summary>The levels of an entry.</summary>
    public static ReadOnlySpan<byte> LevelsOf(int entry) => Codebook.Iq1[entry];

    // Indices by ascending weight; of equal ones the lower index comes first.
    static void Sort(ReadOnlySpan<float> x, Span<int> order)
    {
        for (var i = 0; i < x.Length; i++)
        {
            var at = i;
            for (; at > 0 && x[order[at - 1]] > x[i]; at--)
                order[at] = order[at - 1];
            order[at] = i;
        }
    }
}
