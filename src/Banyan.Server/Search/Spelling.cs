namespace Banyan.Server.Search;

/// <summary>
/// Words that are one slip from another: two that have a form in common when each may lose a letter are compared letter by letter. That
/// finds a letter too many, too few, wrong, or in its neighbour's place. (The idea of SymSpell, with one deletion.)
/// </summary>
static class Spelling
{
    const int Shortest = 4, Longest = 20;

    /// <summary>
    /// The word, and what is left of it without one letter; nothing for words that are too short to be mistaken for another.
    /// </summary>
    public static IEnumerable<string> Forms(string word) =>
        word.Length is < Shortest or > Longest || word.Any(char.IsAsciiDigit) ? []
        : Enumerable.Range(0, word.Length).Select(i => word.Remove(i, 1)).Prepend(word).Distinct();

    /// <summary>
    /// Letters that must be added, left out, replaced or swapped with their neighbours to make one word of the other (Damerau and
    /// Levenshtein).
    /// </summary>
    public static int Distance(string a, string b)
    {
        var (before, last, row) = (new int[b.Length + 1], Enumerable.Range(0, b.Length + 1).ToArray(), new int[b.Length + 1]);
        for (var i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    row[j] = Math.Min(row[j], before[j - 2] + 1);
            }
            (before, last, row) = (last, row, before);
        }
        return last[b.Length];
    }
}
