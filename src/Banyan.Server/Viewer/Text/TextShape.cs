using System.Text;
using System.Text.Json;
using Banyan.Server.Access;

namespace Banyan.Server.Viewer.Text;

/// <summary>What the rows of a text file are made of, found out from its beginning.</summary>
/// <param name="Format">csv, json or text.</param>
/// <param name="Kind">How rows are told apart.</param>
/// <param name="Separator">Between cells, of CSV.</param>
/// <param name="Start">Where the rows begin, after a byte order mark.</param>
/// <param name="HasHead">Whether the first row names the columns.</param>
/// <param name="Columns">The columns.</param>
sealed record TextShape(string Format, RowKind Kind, byte Separator, long Start, bool HasHead, IReadOnlyList<Column> Columns)
{
    const int MaxColumns = 500, MaxName = 300, MaxDepth = 64, LookedAt = 100;

    /// <summary>Bytes of a file's beginning that are looked at.</summary>
    public const int Window = 512 << 10;

    /// <summary>Whether a file of this name is one of rows of text.</summary>
    public static bool Is(string extension) => extension is ".csv" or ".tsv" or ".jsonl" or ".ndjson" or ".json" or ".txt";

    /// <summary>Finds out the shape.</summary>
    /// <param name="extension">Of the file's name, in small letters.</param>
    /// <param name="bytes">The beginning of the file.</param>
    /// <param name="isWhole">Whether that is all of it.</param>
    /// <exception cref="ViewerException">It has no rows.</exception>
    public static TextShape Of(string extension, ReadOnlyMemory<byte> bytes, bool isWhole)
    {
        var span = bytes.Span;
        if (span.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || span.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            throw new ViewerException("This file is UTF-16: save it as UTF-8 to have it shown as rows.");
        if (span[..Math.Min(span.Length, 8000)].Contains((byte)0))
            throw new ViewerException("This file is not text, whatever its name says.");
        var start = span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? 3 : 0;
        if (extension == ".txt")
            return new("text", RowKind.Lines, 0, start, false, [new("text", "string")]);
        if (extension is ".csv" or ".tsv")
        {
            var separator = extension == ".tsv" ? (byte)'\t' : Guess(span[start..]);
            var rows = Beginning(bytes[start..], RowKind.Quoted, separator, isWhole);
            if (rows.Count == 0)
                throw new ViewerException(isWhole ? (ErrorText)"This file is empty."
                    : $"The first row is longer than {Window >> 10} kB: this is no table.");
            var names = Separated.Cells(rows[0].Span, separator, MaxColumns, MaxName);
            return new("csv", RowKind.Quoted, separator, start, true,
                Typed(names, [.. rows.Skip(1).Select(r => Separated.Cells(r.Span, separator, names.Count, MaxName).ToArray())]));
        }
        var isArray = extension == ".json" && span[start..].TrimStart(" \r\n\t"u8) is [(byte)'[', ..];
        if (extension == ".json" && !isArray && !IsLines(bytes[start..], isWhole))
            throw new ViewerException(
                "This JSON file is one value, not a list of rows: a list [ … ] or one object a line is shown as a table.");
        var kind = isArray ? RowKind.Array : RowKind.Lines;
        return new("json", kind, 0, start, false, Members([.. Beginning(bytes[start..], kind, 0, isWhole)]));
    }

    /// <summary>The row's cells.</summary>
    public object?[] Row(ReadOnlyMemory<byte> bytes, IReadOnlyList<int>? columns, int maxText)
    {
        var row = new object?[Columns.Count];
        if (TextTable.IsTooLong(bytes.Length))
            row[columns is [var one, ..] ? one : 0] =
                $"(this row is longer than 4 MiB and is not shown; it begins: {Cell.Cut(Encoding.UTF8.GetString(bytes.Span[..1000]), 200)})";
        else if (Format == "csv")
        {
            var cells = Separated.Cells(bytes.Span, Separator, Columns.Count, maxText);
            for (var i = 0; i < cells.Count; i++)
                if (columns is null || columns.Contains(i))
                    row[i] = cells[i].Length > 0 ? cells[i] : null;
        }
        else if (Format == "json")
            ReadMembers(bytes, row, columns, maxText);
        else
            row[0] = Cell.Cut(Encoding.UTF8.GetString(bytes.Span).TrimEnd('\r', '\n'), maxText);
        return row;
    }

    void ReadMembers(ReadOnlyMemory<byte> bytes, object?[] row, IReadOnlyList<int>? columns, int maxText)
    {
        try
        {
            using var json = JsonDocument.Parse(Trimmed(bytes), new() { MaxDepth = MaxDepth });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                row[ColumnOf("value")] = Value(json.RootElement, maxText);
                return;
            }
            for (var i = 0; i < row.Length; i++)
                if ((columns is null || columns.Contains(i)) && json.RootElement.TryGetProperty(Columns[i].Name, out var member))
                    row[i] = Value(member, maxText);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            row[columns is [var one, ..] ? one : 0] =
                $"(this row is no JSON: {Cell.Cut(Encoding.UTF8.GetString(bytes.Span[..Math.Min(bytes.Length, 1000)]), 200)})";
        }
    }

    int ColumnOf(string name)
    {
        for (var i = 0; i < Columns.Count; i++)
            if (Columns[i].Name == name)
                return i;
        return 0;
    }

    /// <summary>An element of an array ends with what divides it from the next.</summary>
    ReadOnlyMemory<byte> Trimmed(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span.TrimEnd(" \r\n\t"u8);
        if (Kind == RowKind.Array && span is [.., (byte)',' or (byte)']'])
        {
            var isLast = span[^1] == ']';
            var element = span[..^1].TrimEnd(" \r\n\t"u8);
            // Of the last one the bracket is the list's, unless the element is a list that was cut here.
            return isLast && !IsJson(bytes[..element.Length]) ? bytes[..span.Length] : bytes[..element.Length];
        }
        return bytes[..span.Length];
    }

    static bool IsJson(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            JsonDocument.Parse(bytes, new() { MaxDepth = MaxDepth }).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    static object? Value(JsonElement json, int maxText) => json.ValueKind switch
    {
        JsonValueKind.String => Cell.Cut(json.GetString()!, maxText),
        JsonValueKind.Number => json.TryGetInt64(out var whole) ? whole : json.TryGetDouble(out var real) && double.IsFinite(real)
            ? real : json.GetRawText(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => json.EnumerateArray().Take(1000).Select(e => Value(e, maxText)).ToArray(),
        JsonValueKind.Object =>
            new CellStruct([.. json.EnumerateObject().Take(1000).Select(m => KeyValuePair.Create(m.Name, Value(m.Value, maxText)))]),
        _ => null,
    };

    /// <summary>Columns with the type that all values at the file's beginning have.</summary>
    static List<Column> Typed(IReadOnlyList<string> names, IReadOnlyList<string[]> rows)
    {
        var columns = new List<Column>();
        for (var i = 0; i < names.Count; i++)
        {
            var values = rows.Where(r => i < r.Length && r[i].Length > 0).Select(r => r[i]).ToArray();
            columns.Add(new(names[i].Length > 0 ? names[i] : $"column {i + 1}", values.Length == 0 ? "string"
                : values.All(IsWhole) ? "int" : values.All(v => RowFilter.NumberOf(v) is not null) ? "float" : "string"));
        }
        return columns;
    }

    static bool IsWhole(string text) =>
        long.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out _);

    /// <summary>The members of the first rows, in the order in which they come.</summary>
    static List<Column> Members(ReadOnlyMemory<byte>[] rows)
    {
        var (types, order) = (new Dictionary<string, string>(), new List<string>());
        var shape = new TextShape("json", RowKind.Array, 0, 0, false, []);
        foreach (var row in rows)
            try
            {
                using var json = JsonDocument.Parse(shape.Trimmed(row), new() { MaxDepth = MaxDepth });
                if (json.RootElement.ValueKind != JsonValueKind.Object)
                    Note("value", TypeOf(json.RootElement));
                else
                    foreach (var member in json.RootElement.EnumerateObject())
                        Note(member.Name, TypeOf(member.Value));
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
            }
        if (order.Count == 0)
            throw new ViewerException("The first rows of this file are no JSON.");
        return [.. order.Select(n => new Column(n, types[n].Length > 0 ? types[n] : "null"))];

        void Note(string name, string type)
        {
            if (!types.TryGetValue(name, out var before))
            {
                if (order.Count == MaxColumns || name.Length > MaxName)
                    return;
                order.Add(name);
            }
            types[name] = before is null or "" || before == type ? type : type.Length == 0 ? before
                : (before, type) is ("int", "float") or ("float", "int") ? "float" : "mixed";
        }
    }

    static string TypeOf(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => "string",
        JsonValueKind.Number => json.TryGetInt64(out _) ? "int" : "float",
        JsonValueKind.True or JsonValueKind.False => "bool",
        JsonValueKind.Array => "list",
        JsonValueKind.Object => "struct",
        _ => "",
    };

    static List<ReadOnlyMemory<byte>> Beginning(ReadOnlyMemory<byte> bytes, RowKind kind, byte separator, bool isWhole)
    {
        var begins = new List<int>();
        new RowScanner(kind, separator).Scan(bytes.Span, begins);
        // The last row of a beginning may be half a one.
        var rows = new List<ReadOnlyMemory<byte>>();
        for (var i = 0; i < begins.Count && rows.Count < LookedAt && (isWhole || i + 1 < begins.Count); i++)
            rows.Add(bytes[begins[i]..(i + 1 < begins.Count ? begins[i + 1] : bytes.Length)]);
        return rows;
    }

    static bool IsLines(ReadOnlyMemory<byte> bytes, bool isWhole) =>
        Beginning(bytes, RowKind.Lines, 0, isWhole) is { Count: > 0 } lines
        && lines.Take(2).All(l => l.Span.TrimStart(" \t"u8) is [(byte)'{', ..] && IsJson(l));

    /// <summary>The separator that the first line has most of.</summary>
    static byte Guess(ReadOnlySpan<byte> bytes)
    {
        var line = bytes[..(bytes.IndexOf((byte)'\n') is >= 0 and var end ? end : bytes.Length)];
        var best = (byte)',';
        foreach (var candidate in ",;\t|"u8)
            if (line.Count(candidate) > line.Count(best))
                best = candidate;
        return best;
    }
}
