namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// A codebook as its quantizer uses it: for each point of the lattice its entry or, where it has none, the entries nearest to it, of which
/// the weights and their scale decide.
/// </summary>
/// <remarks>The candidates and their order are those of ggml's quantizer, so that it is the same entry that wins.</remarks>
sealed class CodebookMap
{
    readonly Codebook _book;
    readonly int[] _found;      // by point: its entry, or ~(where its candidates begin)
    readonly ushort[] _near;    // their count, then they, by distance and number

    /// <param name="book">The entries.</param>
    /// <param name="rings">How many distances from a point candidates come from: the nearest one, two or three.</param>
    public CodebookMap(Codebook book, int rings)
    {
        _book = book;
        _found = new int[(int)Math.Pow(book.Levels, book.Dimensions)];
        Array.Fill(_found, -1);
        for (var entry = 0; entry < book.Count; entry++)
            _found[PointOf(book[entry])] = entry;
        var near = new List<ushort>();
        Span<byte> levels = stackalloc byte[book.Dimensions];
        var distances = new byte[book.Count];
        for (var point = 0; point < _found.Length; point++)
        {
            if (_found[point] >= 0)
                continue;
            for (var (i, rest) = (0, point); i < levels.Length; i++, rest /= book.Levels)
                levels[i] = (byte)(rest % book.Levels);
            _found[point] = ~near.Count;
            near.Add(0);
            for (var entry = 0; entry < book.Count; entry++)
                distances[entry] = (byte)SquaredDistance(book[entry], levels);
            for (var (ring, distance) = (0, 0); ring < rings && distance <= byte.MaxValue; distance++)
            {
                var before = near.Count;
                for (var entry = 0; entry < book.Count; entry++)
                    if (distances[entry] == distance)
                        near.Add((ushort)entry);
                ring += near.Count > before ? 1 : 0;
            }
            near[~_found[point]] = (ushort)(near.Count - 1 - ~_found[point]);
        }
        _near = [.. near];
    }

    /// <summary>Weights of an entry.</summary>
    public int Dimensions => _book.Dimensions;

    /// <summary>Levels of a weight.</summary>
    public int Levels => _book.Levels;

    /// <summary>The entry with these levels; negative if there is none.</summary>
    public int Find(ReadOnlySpan<byte> levels) => _found[PointOf(levels)];

    /// <summary>
    /// The entry with these levels or, where there is none, of those near them the one with the least error, whose levels these become.
    /// </summary>
    /// <param name="x">The weights.</param>
    /// <param name="importance">What the square of each error counts.</param>
    /// <param name="scale">What levels' values are multiplied by.</param>
    /// <param name="values">The value of each level.</param>
    /// <param name="levels">The levels nearest to the weights.</param>
    /// <param name="isEntry">Whether they are an entry's.</param>
    public int Nearest(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float scale, ReadOnlySpan<float> values,
        Span<byte> levels, out bool isEntry)
    {
        var entry = Find(levels);
        isEntry = entry >= 0;
        if (isEntry)
            return entry;
        var candidates = _near.AsSpan(~entry + 1, _near[~entry]);
        entry = candidates[0];
        var least = float.MaxValue;
        foreach (var candidate in candidates)
        {
            var of = _book[candidate];
            var error = 0f;
            for (var i = 0; i < of.Length; i++)
            {
                var difference = scale * values[of[i]] - x[i];
                error += importance[i] * difference * difference;
            }
            if (error < least)
                (least, entry) = (error, candidate);
        }
        _book[entry].CopyTo(levels);
        return entry;
    }

    int PointOf(ReadOnlySpan<byte> levels)
    {
        var point = 0;
        for (var i = levels.Length - 1; i >= 0; i--)
            point = point * _book.Levels + levels[i];
        return point;
    }

    static int SquaredDistance(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        var sum = 0;
        for (var i = 0; i < a.Length; i++)
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum;
    }
}
