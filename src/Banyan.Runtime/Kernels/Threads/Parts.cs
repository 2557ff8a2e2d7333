namespace Banyan.Runtime.Kernels.Threads;

/// <summary>How elementwise work is divided.</summary>
internal static class Parts
{
    /// <summary>Values below which one more thread costs more than it saves.</summary>
    const int ValuesPerPart = 16 * 1024;

    /// <summary>
    /// Into how many parts to divide <paramref name="items"/> items of <paramref name="values"/> values in all; at least 1.
    /// </summary>
    public static int ForWork(long values, int items) => (int)Math.Clamp(values / ValuesPerPart, 1, Math.Clamp(items, 1, 256));

    /// <summary>The items of one part.</summary>
    public static (int First, int End) Range(int part, int parts, int items) =>
        ((int)((long)items * part / parts), (int)((long)items * (part + 1) / parts));

    /// <summary>
    /// The items of one part, where parts begin at multiples of 8: a number is in the same place of a vector for any parts.
    /// </summary>
    public static (int First, int End) WholeVectors(int part, int parts, int items)
    {
        var (first, end) = Range(part, parts, (items + 7) / 8);
        return (8 * first, Math.Min(items, 8 * end));
    }
}

/// <summary>Items that are read from memory in their order, cut for threads that claim part after part: half of them in one part per
/// thread, then half of the rest, and so on. A thread thus rarely leaves the region it is reading, and the last parts are small, so that no
/// thread waits long.</summary>
internal readonly struct ShrinkingParts
{
    readonly int _items, _threads, _rounds, _last;

    /// <param name="items">What is divided.</param>
    /// <param name="threads">Who claims.</param>
    /// <param name="least">Items of the smallest parts.</param>
    public ShrinkingParts(int items, int threads, int least)
    {
        (_items, _threads) = (items, threads);
        while (items >> _rounds + 1 >= 2L * threads * least)
            _rounds++;
        _last = threads == 1 ? 1 : Math.Max(1, (items >> _rounds) / least);
        if (threads == 1)
            _rounds = 0;
    }

    /// <summary>How many there are.</summary>
    public int Count => _rounds * _threads + _last;

    /// <summary>The items of a part.</summary>
    public (int First, int End) this[int part]
    {
        get
        {
            var round = Math.Min(part / _threads, _rounds);
            var before = _items - (_items >> round);
            var (first, end) = round < _rounds
                ? Parts.Range(part - round * _threads, _threads, (_items >> round) - (_items >> round + 1))
                : Parts.Range(part - round * _threads, _last, _items >> round);
            return (before + first, before + end);
        }
    }
}
