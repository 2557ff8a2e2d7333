using System.Globalization;

namespace Banyan.Server.Viewer;

/// <summary>Which rows are shown: a text anywhere, and a condition on a column.</summary>
/// <param name="Text">Found in any text of the row, in any case; empty for all rows.</param>
/// <param name="Column">The column of the condition, or null for none.</param>
/// <param name="Operator">One of <see cref="Operators"/>.</param>
/// <param name="Value">What it is compared with.</param>
sealed record RowFilter(string Text, int? Column, string Operator, string Value)
{
    const int MaxText = 4096;

    /// <summary>Comparisons with their signs; those without are words of the page's language.</summary>
    public static readonly IReadOnlyList<(string Name, string Label)> Operators =
        [("has", ""), ("eq", "="), ("ne", "≠"), ("lt", "<"), ("le", "≤"), ("gt", ">"), ("ge", "≥"), ("null", ""), ("some", "")];

    public bool IsEmpty => Text.Length == 0 && Column is null;

    readonly double? _number = double.TryParse(Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) ? n : null;

    /// <summary>The number that is compared with, or null where it is none.</summary>
    public double? Number => _number;

    public bool Holds(object?[] row) => (Column is not { } column || Compares(row[column]))
        && (Text.Length == 0 || row.Any(c => Has(c, Text)));

    static bool Has(object? cell, string text) =>
        cell is not (null or CellBytes) && Cell.Text(cell, MaxText).Contains(text, StringComparison.OrdinalIgnoreCase);

    bool Compares(object? cell)
    {
        var isEmpty = cell is null or "";
        return Operator switch
        {
            "null" => isEmpty,
            "some" => !isEmpty,
            "has" => Has(cell, Value),
            "eq" => !isEmpty && Order(cell) == 0,
            "ne" => !isEmpty && Order(cell) != 0,
            "lt" => !isEmpty && Order(cell) < 0,
            "le" => !isEmpty && Order(cell) <= 0,
            "gt" => !isEmpty && Order(cell) > 0,
            "ge" => !isEmpty && Order(cell) >= 0,
            _ => false,
        };
    }

    /// <summary>Numbers by size, all else as text; null where they cannot be compared.</summary>
    int? Order(object? cell) => NumberOf(cell) is { } number && _number is { } asked
        ? double.IsNaN(number) ? null : number.CompareTo(asked)
        : cell is long or double ? null : string.CompareOrdinal(Cell.Text(cell, MaxText), Value);

    public static double? NumberOf(object? cell) => cell switch
    {
        long n => n,
        double d => d,
        string s when s.Length <= 40 && double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out var d) => d,
        _ => null,
    };
}
