namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// Blocks of the IQ2 and IQ3 formats: magnitudes are entries of a codebook, with levels 1, 3, 5 …, signs are apart, and each unit of
/// weights has a scale d · (2s + 1), s a nibble. The search is that of llama.cpp's quantizer (ggml-quants.c), in the same order of float
/// operations: several scales are tried around the one that maps the largest weight to the highest level; what then fits best stays.
/// </summary>
sealed class SignedSearch(CodebookMap map)
{
    const int Block = 256;

    readonly float[] _values = [.. Enumerable.Range(0, map.Levels).Select(level => 2f * level + 1)];

    /// <summary>Weights that share a scale: 16 or 32.</summary>
    public int Unit { get; init; } = 32;

    /// <summary>Whether eight signs have seven bits, so that an even number of them is negative.</summary>
    public bool HasEvenSigns { get; init; }

    /// <summary>
    /// Mean squares of the block that are added to a weight's own square, for what its error counts with an importance matrix.
    /// </summary>
    public float MeanSquares { get; init; } = 2;

    /// <summary>The same without an importance matrix.</summary>
    public float MeanSquaresAlone { get; init; }

    /// <summary>Below it a unit is all zeros.</summary>
    public float Least { get; init; } = 1e-8f;

    /// <summary>Scales that are tried on each side.</summary>
    public int Tries { get; init; } = 9;

    /// <summary>How far they are apart, as a part of a level.</summary>
    public float Step { get; init; } = 0.1f;

    /// <summary>Whether the tries are around the best scale for whole levels, and not the largest weight's.</summary>
    public bool BeginsFitted { get; init; }

    /// <summary>Which groups are looked for again with the scale that was found.</summary>
    public Again Again { get; init; } = Again.Missed;

    /// <summary>Finds a block.</summary>
    /// <param name="x">256 weights.</param>
    /// <param name="importance">One a weight; empty if nothing is known.</param>
    /// <param name="entries">The entry of each group of weights.</param>
    /// <param name="signs">The signs of each eight weights, a bit each; seven where they are even.</param>
    /// <param name="numbers">s of each unit.</param>
    /// <returns>d; 0 for a block of zeros.</returns>
    public float Encode(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<ushort> entries, Span<byte> signs, Span<byte> numbers)
    {
        Span<float> scales = stackalloc float[Block / Unit], weights = stackalloc float[Unit];
        var meanSquare = LevelSearch.Squares(x) / Block;
        var largest = 0f;
        for (var unit = 0; unit < scales.Length; unit++)
        {
            var of = x.Slice(unit * Unit, Unit);
            if (importance.IsEmpty)
                for (var i = 0; i < Unit; i++)
                    weights[i] = MeanSquaresAlone * meanSquare + of[i] * of[i];
            else
                LevelSearch.Weigh(of, importance.Slice(unit * Unit, Unit), MeanSquares * meanSquare, weights);
            scales[unit] = EncodeUnit(of, weights, entries.Slice(unit * Unit / map.Dimensions, Unit / map.Dimensions),
                signs.Slice(unit * Unit / 8, Unit / 8));
            largest = Math.Max(largest, scales[unit]);
        }
        if (largest == 0)
            return 0;
        var d = largest / 31;
        var inverse = 1 / d;
        for (var unit = 0; unit < scales.Length; unit++)
            numbers[unit] = (byte)Level(inverse * scales[unit], 16);
        return d;
    }

    float EncodeUnit(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<ushort> entries, Span<byte> signs)
    {
        Span<float> sizes = stackalloc float[Unit], roots = stackalloc float[Unit];
        Span<byte> levels = stackalloc byte[Unit], tried = stackalloc byte[Unit];
        Span<bool> missed = stackalloc bool[entries.Length], triedMissed = stackalloc bool[entries.Length];
        for (var eight = 0; eight < Unit; eight += 8)
            signs[eight / 8] = Signs(x.Slice(eight, 8), weights.Slice(eight, 8), sizes.Slice(eight, 8));
        var (largest, size) = (sizes[0], map.Dimensions);
        for (var i = 0; i < Unit; i++)
        {
            roots[i] = MathF.Sqrt(weights[i]);
            largest = Math.Max(largest, sizes[i]);
        }
        levels.Clear();
        if (largest < Least)
        {
            signs.Clear();
            return 0;
        }
        var (highest, best) = (2 * map.Levels - 1, 0f);
        var scale = BeginsFitted ? LevelSearch.Positive(sizes, map.Levels + 1, weights, levels) : largest / highest;
        if (BeginsFitted)
            largest = scale * map.Levels;
        missed.Fill(Again == Again.AllIfMissed);
        for (var step = -Tries; step <= Tries; step++)
        {
            var inverse = (highest + step * Step) / largest;
            for (var group = 0; group < entries.Length; group++)
                Look(group, sizes, inverse, 1 / inverse, roots, tried, out triedMissed[group]);
            var (sizeLevel, levelLevel) = Sums(sizes, weights, tried);
            if (!(levelLevel > 0 && sizeLevel * sizeLevel > best * levelLevel))
                continue;
            scale = sizeLevel / levelLevel;
            best = scale * sizeLevel;
            tried.CopyTo(levels);
            triedMissed.CopyTo(missed);
        }
        if (scale > 0 && (Again == Again.All || missed.Contains(true)))
        {
            var inverse = 1 / scale;
            for (var group = 0; group < entries.Length; group++)
                if (Again != Again.Missed || missed[group])
                    Look(group, sizes, inverse, scale, roots, levels, out _);
            var (sizeLevel, levelLevel) = Sums(sizes, weights, levels);
            if (levelLevel > 0)
                scale = sizeLevel / levelLevel;
        }
        for (var group = 0; group < entries.Length; group++)
            entries[group] = (ushort)map.Nearest(sizes[(group * size)..], roots[(group * size)..], scale, _values,
                levels.Slice(group * size, size), out _);
        if (scale >= 0)
            return scale;
        for (var i = 0; i < signs.Length; i++)
            signs[i] ^= (byte)(HasEvenSigns ? 127 : 255);
        return -scale;
    }

    void Look(int group, ReadOnlySpan<float> sizes, float inverse, float scale, ReadOnlySpan<float> roots,
        Span<byte> levels, out bool isMissed)
    {
        var (first, size) = (group * map.Dimensions, map.Dimensions);
        for (var i = first; i < first + size; i++)
            levels[i] = (byte)Level(inverse * sizes[i], map.Levels);
        map.Nearest(sizes.Slice(first, size), roots.Slice(first, size), scale, _values, levels.Slice(first, size), out var isEntry);
        isMissed = !isEntry;
    }

    // Of 0 … count − 1 the level whose value 2 · level + 1 is nearest.
    static int Level(float value, int count) => Math.Clamp((int)MathF.Round(0.5f * (value - 1)), 0, count - 1);

    (float SizeLevel, float LevelLevel) Sums(ReadOnlySpan<float> sizes, ReadOnlySpan<float> weights, ReadOnlySpan<byte> levels)
    {
        var (sizeLevel, levelLevel) = (0f, 0f);
        for (var i = 0; i < sizes.Length; i++)
        {
            var value = _values[levels[i]];
            sizeLevel += weights[i] * sizes[i] * value;
            levelLevel += weights[i] * value * value;
        }
        return (sizeLevel, levelLevel);
    }

    /// <summary>
    /// Takes signs from eight weights. Where they must be even and are not, the weight that matters least gets the wrong one, and its size
    /// is negative.
    /// </summary>
    byte Signs(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<float> sizes)
    {
        var signs = 0;
        for (var i = 0; i < 8; i++)
        {
            sizes[i] = x[i] >= 0 ? x[i] : -x[i];
            signs |= x[i] >= 0 ? 0 : 1 << i;
        }
        if (!HasEvenSigns)
            return (byte)signs;
        if (System.Numerics.BitOperations.PopCount((uint)signs) % 2 != 0)
        {
            var (least, error) = (0, weights[0] * x[0] * x[0]);
            for (var i = 1; i < 8; i++)
                if (weights[i] * x[i] * x[i] is var another && another < error)
                    (least, error) = (i, another);
            sizes[least] = -sizes[least];
            signs ^= 1 << least;
        }
        return (byte)(signs & 127);
    }
}

/// <summary>Which groups are looked for once more when the scale of their unit is known.</summary>
enum Again
{
    /// <summary>Those that were no entry before.</summary>
    Missed,

    /// <summary>All, if one was no entry.</summary>
    AllIfMissed,

    /// <summary>All.</summary>
    All,
}
