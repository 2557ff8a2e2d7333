using System.Globalization;

namespace Banyan.Server.Viewer;

/// <summary>A histogram of values, or of lengths of texts and lists, in bins of equal width.</summary>
/// <param name="Least">The least value.</param>
/// <param name="Most">The greatest value.</param>
/// <param name="Bins">The count of each bin.</param>
public sealed record Histogram(double Least, double Most, IReadOnlyList<long> Bins)
{
    const int Stretches = 20;

    /// <summary>Counts finite values; null where there is none.</summary>
    public static Histogram? Of(IReadOnlyList<double> values)
    {
        var finite = values.Where(double.IsFinite).ToArray();
        if (finite.Length == 0)
            return null;
        var (least, most) = (finite.Min(), finite.Max());
        var bins = new long[least == most ? 1 : Stretches];
        foreach (var value in finite)
            // Halves, so that the difference of the greatest numbers is a number.
            bins[least == most ? 0 : Math.Min(Stretches - 1, (int)((value / 2 - least / 2) / (most / 2 - least / 2) * Stretches))]++;
        return new(least, most, bins);
    }
}

/// <summary>A summary of a column.</summary>
/// <param name="Column">The column.</param>
/// <param name="Nulls">The number of missing values, or their share of the sample.</param>
/// <param name="Least">The least, or null.</param>
/// <param name="Most">The greatest, or null.</param>
/// <param name="Mean">The mean of the sample, or null.</param>
/// <param name="Bars">Values, or lengths.</param>
/// <param name="IsLengths">Whether <paramref name="Bars"/> are those of lengths.</param>
/// <param name="Top">The most frequent values of the sample with how often they come, where few are.</param>
public sealed record ColumnSummary(Column Column, string Nulls, string? Least, string? Most, string? Mean, Histogram? Bars, bool IsLengths,
    IReadOnlyList<(string Value, int Count)> Top)
{
    const int MaxTop = 5, MaxDistinct = 30, MaxText = 60;

    /// <summary>Sums up a column.</summary>
    internal static ColumnSummary Of(Column column, ColumnBounds? bounds, IReadOnlyList<object?> sample)
    {
        var there = sample.Where(v => v is not null).ToArray();
        var nulls = bounds?.Nulls is { } known ? known.ToString("N0", CultureInfo.InvariantCulture)
            : sample.Count == 0 ? "" : there.Length == sample.Count ? "none in the sample"
            : $"{100.0 * (sample.Count - there.Length) / sample.Count:0.#}% of the sample";
        var numbers = column.Type is "string" or "list" or "struct" or "mixed" || column.Type.StartsWith("list", StringComparison.Ordinal)
            ? [] : there.Select(RowFilter.NumberOf).OfType<double>().ToArray();
        if (there.Length > 0 && numbers.Length == there.Length)
        {
            var bars = Histogram.Of(numbers);
            var finite = numbers.Where(double.IsFinite).ToArray();
            return new(column, nulls, Show(bounds?.Least ?? bars?.Least), Show(bounds?.Most ?? bars?.Most),
                finite.Length > 0 ? Short(finite.Average(n => n / 2) * 2) : null, bars, false, []);
        }
        var lengths = there.Select(LengthOf).OfType<double>().ToArray();
        var counts = there.Where(v => v is string or bool).GroupBy(v => Cell.Text(v, MaxText)).Select(g => (g.Key, g.Count()))
            .OrderByDescending(g => g.Item2).ThenBy(g => g.Key, StringComparer.Ordinal).Take(MaxDistinct + 1).ToArray();
        return new(column, nulls, Show(bounds?.Least), Show(bounds?.Most), null, lengths.Length > 0 ? Histogram.Of(lengths) : null, true,
            counts.Length is > 0 and <= MaxDistinct && (counts.Length < there.Length || there.Length <= MaxTop)
                ? [.. counts.Take(MaxTop)] : []);
    }

    static double? LengthOf(object? value) => value switch
    {
        string text => text.Length,
        CellBytes bytes => bytes.Length,
        IReadOnlyList<object?> list => list.Count,
        CellStruct s when Cell.BytesOf(s) is { } bytes => bytes.Length,
        _ => null,
    };

    static string? Show(object? value) => value is null ? null : value is double number ? Short(number) : Cell.Text(value, MaxText);

    static string Short(double number) =>
        number.ToString(Math.Abs(number) is >= 1e-4 and < 1e15 ? "#,0.######" : "G6", CultureInfo.InvariantCulture);
}
