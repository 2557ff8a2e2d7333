namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Scales and levels of a group of weights, by the searches of llama.cpp's quantizer (ggml-quants.c), in the same order of float
/// operations: the same weights give the same bytes, on every processor.
/// </summary>
static class LevelSearch
{
    /// <summary>Below it a group is all zeros.</summary>
    public const float Nothing = 1e-15f;

    static int Nearest(float value) => (int)MathF.Round(value);

    static int Nearest(float value, int least, int most) => Math.Clamp(Nearest(value), least, most);

    /// <summary>
    /// The scale s for which s · level, levels −<paramref name="count"/> … count − 1, is nearest to the weights, each error weighed by the
    /// weight's square: the best of 19 around the one that maps the farthest weight to the lowest level. The levels are counted from 0 on.
    /// </summary>
    /// <param name="x">The weights.</param>
    /// <param name="count">Levels below 0.</param>
    /// <param name="levels">The levels.</param>
    /// <param name="importance">What errors are weighed by instead; empty for the squares.</param>
    public static float Symmetric(ReadOnlySpan<float> x, int count, Span<byte> levels, ReadOnlySpan<float> importance = default)
    {
        var farthest = BlockScale.Farthest(x);
        levels.Clear();
        if (Math.Abs(farthest) < Nothing)
            return 0;
        var inverse = -count / farthest;
        var (xl, l2) = Sums(x, inverse, count, importance);
        var scale = l2 != 0 ? xl / l2 : 0;
        var best = scale * xl;
        for (var step = -9; step <= 9; step++)
        {
            if (step == 0)
                continue;
            var another = -(count + 0.1f * step) / farthest;
            (xl, l2) = Sums(x, another, count, importance);
            if (l2 > 0 && xl * xl > best * l2)
                (inverse, scale, best) = (another, xl / l2, xl / l2 * xl);
        }
        for (var i = 0; i < x.Length; i++)
            levels[i] = (byte)(count + Nearest(inverse * x[i], -count, count - 1));
        return scale;
    }

    static (float, float) Sums(ReadOnlySpan<float> x, float inverse, int count, ReadOnlySpan<float> importance)
    {
        float xl = 0, l2 = 0;
        for (var i = 0; i < x.Length; i++)
        {
            var level = Nearest(inverse * x[i], -count, count - 1);
            var weight = importance.IsEmpty ? x[i] * x[i] : importance[i];
            xl += weight * x[i] * level;
            l2 += weight * level * level;
        }
        return (xl, l2);
    }

    /// <summary>
    /// The same for few levels: from one scale on, levels are changed one by one as long as that helps. The levels, from 0 on, are those of
    /// the scale.
    /// </summary>
    public static float Refined(ReadOnlySpan<float> x, int count, Span<sbyte> levels)
    {
        var farthest = BlockScale.Farthest(x);
        levels.Clear();
        if (Math.Abs(farthest) < Nothing)
            return 0;
        var inverse = -count / farthest;
        float xl = 0, l2 = 0;
        for (var i = 0; i < x.Length; i++)
        {
            var level = Nearest(inverse * x[i], -count, count - 1);
            levels[i] = (sbyte)level;
            var weight = x[i] * x[i];
            xl += weight * x[i] * level;
            l2 += weight * level * level;
        }
        for (var (round, changed) = (0, true); round < 5 && changed; round++)
        {
            changed = false;
            for (var i = 0; i < x.Length; i++)
            {
                var weight = x[i] * x[i];
                var otherXl = xl - weight * x[i] * levels[i];
                if (!(otherXl > 0))
                    continue;
                var otherL2 = l2 - weight * levels[i] * levels[i];
                var level = Nearest(x[i] * otherL2 / otherXl, -count, count - 1);
                if (level == levels[i])
                    continue;
                otherXl += weight * x[i] * level;
                otherL2 += weight * level * level;
                if (!(otherL2 > 0 && otherXl * otherXl * l2 > xl * xl * otherL2))
                    continue;
                (levels[i], xl, l2, changed) = ((sbyte)level, otherXl, otherL2, true);
            }
        }
        for (var i = 0; i < x.Length; i++)
            levels[i] += (sbyte)count;
        return l2 > 0 ? xl / l2 : 0;
    }

    /// <summary>How <see cref="AboveMinimum"/> searches.</summary>
    /// <param name="First">What is added to the highest level at first.</param>
    /// <param name="Steps">How often <paramref name="Step"/> more is tried.</param>
    /// <param name="Absolute">Errors count as they are, not squared.</param>
    /// <param name="Step">A tenth.</param>
    public readonly record struct Grid(float First, int Steps, bool Absolute, float Step = 0.1f)
    {
        /// <summary>With an importance matrix.</summary>
        public static Grid Weighed { get; } = new(-0.9f, 36, Absolute: false, 0.05f);
    }

    /// <summary>
    /// What the error of each weight counts with an importance matrix: its importance × √(<paramref name="meanSquare"/> + its square).
    /// Returns the sum.
    /// </summary>
    public static float Weigh(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float meanSquare, Span<float> to)
    {
        var sum = 0f;
        for (var i = 0; i < x.Length; i++)
            sum += to[i] = importance[i] * MathF.Sqrt(meanSquare + x[i] * x[i]);
        return sum;
    }

    /// <summary>Σ x².</summary>
    public static float Squares(ReadOnlySpan<float> x)
    {
        var sum = 0f;
        foreach (var value in x)
            sum += value * value;
        return sum;
    }

    /// <summary>
    /// The scale for which scale · level, levels 0 … <paramref name="highest"/>, is nearest to numbers from 0 on, by importance: of scales
    /// and minima themselves.
    /// </summary>
    public static float Positive(ReadOnlySpan<float> x, int highest, ReadOnlySpan<float> importance, Span<byte> levels)
    {
        var largest = 0f;
        foreach (var value in x)
            largest = Math.Max(largest, value);
        levels[..x.Length].Clear();
        if (largest < Nothing)
            return 0;
        var inverse = highest / largest;
        var least = PositiveError(x, 1 / inverse, inverse, int.MaxValue, importance);
        for (var step = -4; step <= 4; step++)
        {
            var another = (0.1f * step + highest) / largest;
            if (step == 0 || !(PositiveError(x, 1 / another, another, highest, importance) is var error && error < least))
                continue;
            (least, inverse) = (error, another);
        }
        float xl = 0, l2 = 0;
        for (var i = 0; i < x.Length; i++)
        {
            var level = Math.Min(highest, Nearest(inverse * x[i]));
            levels[i] = (byte)level;
            xl += importance[i] * x[i] * level;
            l2 += importance[i] * level * level;
        }
        for (var (round, changed) = (0, true); round < 5 && changed; round++)
        {
            changed = false;
            for (var i = 0; i < x.Length; i++)
            {
                var weight = importance[i];
                var (otherXl, otherL2) = (xl - weight * x[i] * levels[i], l2 - weight * levels[i] * levels[i]);
                if (!(otherXl > 0 && otherL2 > 0))
                    continue;
                var level = Math.Min(highest, Nearest(x[i] * otherL2 / otherXl));
                if (level == levels[i])
                    continue;
                otherXl += weight * x[i] * level;
                otherL2 += weight * level * level;
                if (otherXl * otherXl * l2 > xl * xl * otherL2)
                    (levels[i], xl, l2, changed) = ((byte)level, otherXl, otherL2, true);
            }
        }
        return l2 > 0 ? xl / l2 : 0;
    }

    static float PositiveError(ReadOnlySpan<float> x, float scale, float inverse, int highest, ReadOnlySpan<float> importance)
    {
        var sum = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            // llama.cpp holds its first levels in bytes, in which a negative one is large.
            var difference = x[i]
                - scale * (highest == int.MaxValue ? (byte)Nearest(inverse * x[i]) : Math.Min(highest, Nearest(inverse * x[i])));
            sum += importance[i] * difference * difference;
        }
        return sum;
    }

    /// <summary>
    /// Scale and minimum ≥ 0 with x ≈ scale · level − minimum, levels 0 … <paramref name="highest"/>: a weighted line through each grid's
    /// levels; the best stays.
    /// </summary>
    public static (float Scale, float Min) AboveMinimum(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int highest,
        Grid grid, Span<byte> levels)
    {
        Span<byte> tried = stackalloc byte[32];
        float low = x[0], high = x[0], sumW = weights[0], sumX = sumW * x[0];
        for (var i = 1; i < x.Length; i++)
        {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
            sumW += weights[i];
            sumX += weights[i] * x[i];
        }
        low = low > 0 ? 0 : low;
        if (high == low)
        {
            levels.Clear();
            return (0, -low);
        }
        var inverse = highest / (high - low);
        var scale = 1 / inverse;
        var min = low;
        for (var i = 0; i < x.Length; i++)
            levels[i] = (byte)Nearest(inverse * (x[i] - low), 0, highest);
        var bestError = Error(x, weights, levels, scale, min, grid.Absolute);
        for (var step = 0; step <= grid.Steps; step++)
        {
            inverse = (grid.First + grid.Step * step + highest) / (high - min);
            float sumL = 0, sumL2 = 0, sumXl = 0;
            for (var i = 0; i < x.Length; i++)
            {
                // From the minimum that is the best so far, as llama.cpp does.
                var level = Nearest(inverse * (x[i] - min), 0, highest);
                tried[i] = (byte)level;
                var weight = weights[i];
                sumL += weight * level;
                sumL2 += weight * level * level;
                sumXl += weight * level * x[i];
            }
            var determinant = sumW * sumL2 - sumL * sumL;
            if (!(determinant > 0))
                continue;
            var thisScale = (sumW * sumXl - sumX * sumL) / determinant;
            var thisMin = (sumL2 * sumX - sumL * sumXl) / determinant;
            if (thisMin > 0)
                (thisMin, thisScale) = (0, sumXl / sumL2);
            var error = Error(x, weights, tried, thisScale, thisMin, grid.Absolute);
            if (!(error < bestError))
                continue;
            tried[..x.Length].CopyTo(levels);
            (bestError, scale, min) = (error, thisScale, thisMin);
        }
        return (scale, -min);
    }

    static float Error(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> levels, float scale, float min, bool absolute)
    {
        var sum = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            var difference = scale * levels[i] + min - x[i];
            sum += weights[i] * (absolute ? Math.Abs(difference) : difference * difference);
        }
        return sum;
    }

    /// <summary>
    /// The scale for uneven levels, each error weighed by the weight's square: the best of 15 around the one that maps the farthest weight
    /// to the first level.
    /// </summary>
    public static float Uneven(ReadOnlySpan<float> x, ReadOnlySpan<sbyte> values, ReadOnlySpan<float> importance = default)
    {
        const int Tries = 7;
        var farthest = BlockScale.Farthest(x);
        if (Math.Abs(farthest) < Nothing)
            return 0;
        var (qx, q2) = Sums(x, 1 / (-farthest / values[0]), values, importance);
        var scale = q2 > 0 ? qx / q2 : 0;
        var best = scale * qx;
        for (var step = -Tries; step <= Tries; step++)
        {
            (qx, q2) = Sums(x, (step + values[0]) / farthest, values, importance);
            if (q2 > 0 && qx * qx > best * q2)
                (scale, best) = (qx / q2, qx / q2 * qx);
        }
        return scale;
    }

    static (float, float) Sums(ReadOnlySpan<float> x, float inverse, ReadOnlySpan<sbyte> values, ReadOnlySpan<float> importance)
    {
        float qx = 0, q2 = 0;
        for (var i = 0; i < x.Length; i++)
        {
            float q = values[Closest(inverse * x[i], values)], weight = importance.IsEmpty ? x[i] * x[i] : importance[i];
            qx += weight * q * x[i];
            q2 += weight * q * q;
        }
        return (qx, q2);
    }

    /// <summary>The index of the closest of 16 ascending values; of two as close the higher.</summary>
    public static int Closest(float x, ReadOnlySpan<sbyte> values)
    {
        if (x <= values[0])
            return 0;
        if (x >= values[15])
            return 15;
        var (below, above) = (0, 15);
        while (above - below > 1)
        {
            var middle = (below + above) / 2;
            if (x < values[middle])
                above = middle;
            else
                below = middle;
        }
        return x - values[above - 1] < values[above] - x ? above - 1 : above;
    }
}
