namespace Banyan.Training.Data;

/// <summary>
/// Which records are held out: those whose content's hash is among the smallest. It takes memory for the given number of hashes only, equal
/// records are never on both sides, and the same data gives the same choice in any order.
/// </summary>
sealed class HeldOut(int most)
{
    readonly SortedSet<ulong> _smallest = [];

    /// <summary>A record's hash.</summary>
    public void Add(ulong hash)
    {
        _smallest.Add(hash);
        if (_smallest.Count > most)
            _smallest.Remove(_smallest.Max);
    }

    /// <summary>The largest hash that is held out, given the number of records; null if none are.</summary>
    public ulong? Threshold(long count) => count <= 0 || _smallest.Count < 2 ? null
        : _smallest.ElementAt((int)Math.Min(count, _smallest.Count - 1) - 1);
}
