using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Banyan.Server.Access;

namespace Banyan.Server.Viewer.Service;

/// <summary>The <c>where</c> of <c>/filter</c>, the subset of SQL that it accepts: columns in double quotes, texts in single ones, numbers,
/// comparisons, <c>LIKE</c>, <c>IN</c>, <c>IS NULL</c>, <c>AND</c>, <c>OR</c>, <c>NOT</c> and parentheses. A missing value satisfies no
/// comparison.</summary>
sealed partial class RowCondition
{
    const int MaxLength = 2000, MaxDepth = 30, MaxText = 4096;

    readonly IReadOnlyList<Column> _columns;
    readonly List<(string Kind, string Text)> _words = [];
    int _at, _depth;

    RowCondition(IReadOnlyList<Column> columns) => _columns = columns;

    /// <summary>Reads a condition.</summary>
    /// <exception cref="HubException">422: it is none, or names a column that is not there.</exception>
    public static Func<object?[], bool> Parse(string where, IReadOnlyList<Column> columns)
    {
        if (where.Length > MaxLength)
            throw HubException.Unprocessable($"where: at most {MaxLength} characters");
        var condition = new RowCondition(columns);
        foreach (Match word in Word().Matches(where))
            condition._words.Add(word.Groups switch
            {
                { } g when g["column"].Success => ("column", g["column"].Value.Replace("\"\"", "\"", StringComparison.Ordinal)),
                { } g when g["text"].Success => ("text", g["text"].Value.Replace("''", "'", StringComparison.Ordinal)),
                { } g when g["number"].Success => ("number", g["number"].Value),
                { } g when g["name"].Success => ("name", g["name"].Value),
                { } g when g["sign"].Success => ("sign", g["sign"].Value),
                _ => throw HubException.Unprocessable($"where: {Cell.Cut(word.Value, 40)} is not understood"),
            });
        var whole = condition.Any();
        return condition._at == condition._words.Count ? row => whole(row) == true : throw condition.Unexpected();
    }

    HubException Unexpected() => HubException.Unprocessable(
        $"where: {(_at < _words.Count ? Cell.Cut(_words[_at].Text, 40) : "the end")} is not expected there");

    bool Take(string text)
    {
        if (_at < _words.Count && _words[_at].Kind is "name" or "sign"
            && _words[_at].Text.Equals(text, StringComparison.OrdinalIgnoreCase))
        {
            _at++;
            return true;
        }
        return false;
    }

    void Expect(string text)
    {
        if (!Take(text))
            throw Unexpected();
    }

    // SQL's truth has three values: null is "unknown".
    Func<object?[], bool?> Any()
    {
        var left = All();
        while (Take("or"))
        {
            var (a, b) = (left, All());
            left = row => a(row) | b(row);
        }
        return left;
    }

    Func<object?[], bool?> All()
    {
        var left = One();
        while (Take("and"))
        {
            var (a, b) = (left, One());
            left = row => a(row) & b(row);
        }
        return left;
    }

    Func<object?[], bool?> One()
    {
        if (++_depth > MaxDepth)
            throw HubException.Unprocessable($"where: nested deeper than {MaxDepth}");
        try
        {
            if (Take("not"))
            {
                var inner = One();
                return row => !inner(row);
            }
            if (Take("("))
            {
                var inner = Any();
                Expect(")");
                return inner;
            }
            return Comparison();
        }
        finally
        {
            _depth--;
        }
    }

    Func<object?[], bool?> Comparison()
    {
        var column = ColumnAt();
        if (Take("is"))
        {
            var some = Take("not");
            Expect("null");
            return row => row[column] is null != some;
        }
        var negated = Take("not");
        if (Take("like"))
        {
            var pattern = LikeOf(Literal());
            return row => row[column] is { } cell ? pattern.IsMatch(Cell.Text(cell, MaxText)) != negated : null;
        }
        if (Take("in"))
        {
            Expect("(");
            var values = new List<object>();
            do
                values.Add(Literal());
            while (Take(","));
            Expect(")");
            return row => row[column] is { } cell ? values.Any(v => Order(cell, v) == 0) != negated : null;
        }
        if (negated)
            throw Unexpected();
        foreach (var (sign, holds) in s_signs)
            if (Take(sign))
            {
                var value = Literal();
                return row => row[column] is { } cell && Order(cell, value) is { } order ? holds(order) : null;
            }
        throw Unexpected();
    }

    static readonly (string Sign, Func<int, bool> Holds)[] s_signs =
    [
        ("=", o => o == 0), ("==", o => o == 0), ("<>", o => o != 0), ("!=", o => o != 0), ("<=", o => o <= 0), (">=", o => o >= 0),
        ("<", o => o < 0), (">", o => o > 0),
    ];

    int ColumnAt()
    {
        if (_at >= _words.Count || _words[_at].Kind is not ("column" or "name"))
            throw Unexpected();
        var name = _words[_at++].Text;
        for (var i = 0; i < _columns.Count; i++)
            if (_columns[i].Name == name)
                return i;
        throw HubException.Unprocessable($"where: there is no column {Cell.Cut(name, 100)}");
    }

    object Literal()
    {
        if (_at < _words.Count)
            switch (_words[_at])
            {
                case ("text", var text):
                    _at++;
                    return text;
                case ("number", var number):
                    _at++;
                    return double.Parse(number, CultureInfo.InvariantCulture);
                case ("name", var name) when bool.TryParse(name, out var flag):
                    _at++;
                    return flag;
            }
        throw Unexpected();
    }

    static int? Order(object cell, object value) => (cell, value) switch
    {
        (bool flag, bool other) => flag.CompareTo(other),
        (_, double number) => RowFilter.NumberOf(cell) is { } own && !double.IsNaN(own) ? own.CompareTo(number) : null,
        (long or double, string text) => RowFilter.NumberOf(text) is { } number ? RowFilter.NumberOf(cell)!.Value.CompareTo(number) : null,
        (_, string text) => string.CompareOrdinal(Cell.Text(cell, MaxText), text),
        _ => null,
    };

    static Regex LikeOf(object pattern)
    {
        var text = new StringBuilder("^");
        foreach (var c in Convert.ToString(pattern, CultureInfo.InvariantCulture)!)
            text.Append(c switch { '%' => ".*", '_' => ".", _ => Regex.Escape(c.ToString()) });
        return new Regex(text.Append('$').ToString(),
            RegexOptions.Singleline | RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }

    [GeneratedRegex("""
        "(?<column>(?:[^"]|"")*)"|'(?<text>(?:[^']|'')*)'|(?<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<sign><>|!=|<=|>=|==|[=<>(),])|\S
        """)]
    private static partial Regex Word();
}
