using System.Text.RegularExpressions;
using Banyan.Server.Access;

namespace Banyan.Server.Viewer.Service;

/// <summary>The <c>orderby</c> of <c>/search</c> and <c>/filter</c>: a column, and <c>ASC</c> or <c>DESC</c>. It keeps only as many rows as
/// requested, and of texts to sort by only their beginnings, so that millions of rows take the memory of a few pages.</summary>
/// <param name="column">Number of the column.</param>
/// <param name="isDescending">Whether the largest come first. What is missing comes last either way, as in DuckDB.</param>
/// <param name="most">How many are kept.</param>
sealed class RowOrder<T>(int column, bool isDescending, int most)
{
    const int MaxKey = 1000;

    readonly List<(object? Key, long Number, T Value)> _kept = [];

    /// <summary>The most values that are kept at any time.</summary>
    public int MostKept => 2 * most + 100;

    /// <summary>The values that come first, in order; of equal ones what was found first.</summary>
    public IReadOnlyList<T> First
    {
        get
        {
            Sort();
            return [.. _kept.Select(k => k.Value)];
        }
    }

    /// <summary>Adds a row with what is made of it. Rows come in the order of their numbers.</summary>
    public void Add(object?[] cells, long number, T value)
    {
        _kept.Add((RowOrder.Key(cells[column], MaxKey), number, value));
        if (_kept.Count >= MostKept)
            Sort();
    }

    void Sort()
    {
        _kept.Sort((a, b) => Compare(a.Key, b.Key) is var order and not 0 ? order : a.Number.CompareTo(b.Number));
        if (_kept.Count > most)
            _kept.RemoveRange(most, _kept.Count - most);
    }

    int Compare(object? a, object? b) => (a, b) switch
    {
        (null, null) => 0,
        (null, _) => 1,
        (_, null) => -1,
        _ => isDescending ? RowOrder.Compare(b, a) : RowOrder.Compare(a, b),
    };
}

/// <summary>Reads <c>orderby</c>.</summary>
static partial class RowOrder
{
    const int MaxLength = 500;

    /// <summary>The column and whether the largest come first.</summary>
    /// <exception cref="HubException">422: it is no order, or names a column that is not there.</exception>
    public static (int Column, bool IsDescending) Parse(string text, IReadOnlyList<Column> columns)
    {
        if (text.Length > MaxLength || Order().Match(text) is not { Success: true } match)
            throw HubException.Unprocessable("orderby: a column in double quotes, and ASC or DESC");
        var name = match.Groups["quoted"].Success
            ? match.Groups["quoted"].Value.Replace("\"\"", "\"", StringComparison.Ordinal) : match.Groups["plain"].Value;
        return columns.Index().FirstOrDefault(c => c.Item.Name == name, (-1, null!)) is ( >= 0, _) and var (index, _)
            ? (index, match.Groups["end"].Value.Equals("desc", StringComparison.OrdinalIgnoreCase))
            : throw HubException.Unprocessable($"orderby: there is no column {Cell.Cut(name, 40)}");
    }

    /// <summary>What a cell is sorted by: numbers as they are, all else as text, of which the beginning counts.</summary>
    internal static object? Key(object? cell, int maxText) => cell is null or long or double or bool ? cell : Cell.Text(cell, maxText);

    /// <summary>Of two keys: numbers come first, by size, then yes and no, then texts by their characters.</summary>
    internal static int Compare(object? a, object? b) => (a, b) switch
    {
        (long x, long y) => x.CompareTo(y),
        (bool x, bool y) => x.CompareTo(y),
        (long or double, long or double) => RowFilter.NumberOf(a)!.Value.CompareTo(RowFilter.NumberOf(b)!.Value),
        (long or double, _) => -1,
        (_, long or double) => 1,
        (string x, string y) => string.CompareOrdinal(x, y),
        (string, _) => 1,
        _ => -1,
    };

    [GeneratedRegex("""^\s*(?:"(?<quoted>(?:[^"]|"")+)"|(?<plain>\w+))(?:\s+(?<end>ASC|DESC))?\s*\z""", RegexOptions.IgnoreCase)]
    private static partial Regex Order();
}
