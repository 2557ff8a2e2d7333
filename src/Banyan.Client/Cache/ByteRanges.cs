namespace Banyan.Client.Cache;

/// <summary>A half-open range of bytes.</summary>
readonly record struct ByteRange(long Start, long End)
{
    public long Length => End - Start;
}

/// <summary>A set of bytes as ranges that neither overlap nor touch, in order.</summary>
sealed class ByteRanges
{
    readonly List<ByteRange> _ranges = [];

    /// <summary>Bytes in the set.</summary>
    public long Total { get; private set; }

    public void Add(long start, long end)
    {
        if (start >= end)
            return;
        // The first range that reaches the new one, and the first behind it.
        var first = FirstReaching(start);
        var last = first;
        for (; last < _ranges.Count && _ranges[last].Start <= end; last++)
        {
            (start, end) = (Math.Min(start, _ranges[last].Start), Math.Max(end, _ranges[last].End));
            Total -= _ranges[last].Length;
        }
        _ranges.RemoveRange(first, last - first);
        _ranges.Insert(first, new ByteRange(start, end));
        Total += end - start;
    }

    public void Clear()
    {
        _ranges.Clear();
        Total = 0;
    }

    /// <summary>The parts of a range that are not in the set.</summary>
    public List<ByteRange> Missing(long start, long end)
    {
        var missing = new List<ByteRange>();
        for (var i = FirstReaching(start); i < _ranges.Count && _ranges[i].Start < end; i++)
        {
            if (_ranges[i].Start > start)
                missing.Add(new ByteRange(start, _ranges[i].Start));
            start = Math.Max(start, _ranges[i].End);
        }
        if (start < end)
            missing.Add(new ByteRange(start, end));
        return missing;
    }

    int FirstReaching(long start)
    {
        int low = 0, high = _ranges.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_ranges[middle].End < start)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
