using System.Text;

namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>A set of characters: those of some classes, and ranges of code points.</summary>
sealed class CharSet
{
    readonly CharClass _classes;
    readonly (int First, int Last)[] _ranges; // ascending
    readonly bool[] _ascii = new bool[128];

    /// <param name="classes">Every character of any of these classes.</param>
    /// <param name="ranges">And these, as a regex class writes them: <c>a-z</c> is a range, a single character stands for itself (a '-'
    /// only as the last one).</param>
    public CharSet(CharClass classes, string ranges = "")
    {
        _classes = classes;
        _ranges = Parse(ranges);
        for (var i = 0; i < _ascii.Length; i++)
            _ascii[i] = Compute(i);
    }

    public bool Contains(int codePoint) => codePoint < _ascii.Length ? _ascii[codePoint] : Compute(codePoint);

    bool Compute(int codePoint)
    {
        if (_classes != 0 && (Characters.Classify(codePoint) & _classes) != 0)
            return true;
        int low = 0, high = _ranges.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (codePoint < _ranges[middle].First)
                high = middle - 1;
            else if (codePoint > _ranges[middle].Last)
                low = middle + 1;
            else
                return true;
        }
        return false;
    }

    static (int, int)[] Parse(string ranges)
    {
        var runes = ranges.EnumerateRunes().Select(rune => rune.Value).ToArray();
        var parsed = new List<(int First, int Last)>();
        for (var i = 0; i < runes.Length; i++)
        {
            if (i + 2 < runes.Length && runes[i + 1] == '-')
                parsed.Add((runes[i], runes[i += 2]));
            else
                parsed.Add((runes[i], runes[i]));
        }
        return [.. parsed.OrderBy(range => range.First)];
    }
}
