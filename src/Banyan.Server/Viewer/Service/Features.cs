using System.Globalization;
using System.Text.Json.Nodes;

namespace Banyan.Server.Viewer.Service;

/// <summary>Columns and cells in the words of Hugging Face's <c>datasets</c>: features, and values as JSON.</summary>
static class Features
{
    const int MaxDepth = 20, MaxItems = 1000;

    /// <summary>The features of columns, each with its place.</summary>
    /// <param name="columns">The columns.</param>
    /// <param name="rows">Some rows, by which pictures and sound are recognised.</param>
    public static JsonArray Of(IReadOnlyList<Column> columns, IReadOnlyList<object?[]> rows) =>
        [.. columns.Select((c, i) => new JsonObject { ["feature_idx"] = i, ["name"] = c.Name, ["type"] = TypeOf(c, i, rows) })];

    /// <summary>The features by name, as <c>dataset_info</c> has them.</summary>
    public static JsonObject ByName(IReadOnlyList<Column> columns, IReadOnlyList<object?[]> rows)
    {
        var features = new JsonObject();
        for (var i = 0; i < columns.Count; i++)
            features[columns[i].Name] = TypeOf(columns[i], i, rows);
        return features;
    }

    static JsonObject TypeOf(Column column, int at, IReadOnlyList<object?[]> rows)
    {
        var first = rows.Select(r => at < r.Length ? r[at] : null).FirstOrDefault(v => v is not null);
        return MediaOf(first) is { } media ? new JsonObject { ["_type"] = media }
            : column.Type.StartsWith("list", StringComparison.Ordinal) || column.Type is "struct" or "map" or "mixed"
            ? Shape(first, column.Type, MaxDepth) : Scalar(column.Type);
    }

    static JsonObject Scalar(string type) => new()
    {
        ["dtype"] = type switch
        {
            "int" => "int64",
            "float" => "float64",
            "date" => "date32",
            "timestamp" => "timestamp[us]",
            "int32" or "int64" or "float16" or "float32" or "float64" or "bool" => type,
            "bytes" or "binary" => "binary",
            _ => "string",
        },
        ["_type"] = "Value",
    };

    /// <summary>The feature of a nested value, by one of them.</summary>
    static JsonObject Shape(object? value, string type, int depth) => value switch
    {
        CellStruct s when depth > 0 => Members(s, depth),
        IReadOnlyList<object?> list => new()
        {
            ["feature"] = Shape(list.FirstOrDefault(v => v is not null), "string", depth - 1),
            ["_type"] = "List"
        },
        bool => Scalar("bool"),
        long => Scalar("int64"),
        double => Scalar("float64"),
        CellBytes => Scalar("binary"),
        _ when type.StartsWith("list", StringComparison.Ordinal) => new() { ["feature"] = Scalar("string"), ["_type"] = "List" },
        _ => Scalar("string"),
    };

    static JsonObject Members(CellStruct value, int depth)
    {
        var members = new JsonObject();
        foreach (var (name, member) in value.Members)
            members[name] = Shape(member, "string", depth - 1);
        return members;
    }

    static string? MediaOf(object? value) => Cell.BytesOf(value) is { } bytes && CellMedia.TypeOf(bytes.Start.Span) is { } type
        ? type.StartsWith("audio", StringComparison.Ordinal) ? "Audio" : "Image" : null;

    /// <summary>A row: values by the columns' names, and which of them were cut.</summary>
    /// <param name="columns">The columns.</param>
    /// <param name="number">The row's number in the split.</param>
    /// <param name="cells">The values.</param>
    /// <param name="maxText">The longest text of a cell.</param>
    /// <param name="source">The address of a picture or sound in a column.</param>
    public static JsonObject Row(IReadOnlyList<Column> columns, long number, object?[] cells, int maxText, Func<int, string> source)
    {
        var (row, cut) = (new JsonObject(), new JsonArray());
        for (var i = 0; i < columns.Count; i++)
        {
            var isCut = false;
            row[columns[i].Name] = MediaOf(cells[i]) switch
            {
                "Image" => new JsonObject { ["src"] = source(i) },
                "Audio" => new JsonArray(new JsonObject
                {
                    ["src"] = source(i),
                    ["type"] = CellMedia.TypeOf(Cell.BytesOf(cells[i])!.Start.Span)
                }),
                _ => Value(Typed(columns[i], cells[i]), maxText, MaxDepth, ref isCut),
            };
            if (isCut)
                cut.Add(columns[i].Name);
        }
        return new() { ["row_idx"] = number, ["row"] = row, ["truncated_cells"] = cut };
    }

    /// <summary>A cell of separated values as its column's type: there all are texts.</summary>
    static object? Typed(Column column, object? cell) => cell is not string text || column.Type is not ("int" or "float") ? cell
        : column.Type == "int" && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole
        : RowFilter.NumberOf(text);

    static JsonNode? Value(object? value, int maxText, int depth, ref bool isCut)
    {
        switch (value)
        {
            case null:
                return null;
            case bool flag:
                return flag;
            case long number:
                return number;
            case double number:
                return double.IsFinite(number) ? number : null;
            case string text:
                // The reader marks what it has cut.
                isCut |= text.Length > maxText || (text.Length == maxText && text[^1] == '…');
                return Cell.Cut(text, maxText);
            case CellBytes bytes:
                isCut |= bytes.Length > bytes.Start.Length;
                return Convert.ToBase64String(bytes.Start.Span[..Math.Min(bytes.Start.Length, maxText)]);
            case CellStruct s when depth > 0:
                var map = new JsonObject();
                foreach (var (name, member) in s.Members)
                    map[name] = Value(member, maxText, depth - 1, ref isCut);
                return map;
            case IReadOnlyList<object?> list when depth > 0:
                var items = new JsonArray();
                foreach (var item in list.Take(MaxItems))
                    items.Add(Value(item, maxText, depth - 1, ref isCut));
                isCut |= list.Count > MaxItems;
                return items;
            default:
                isCut = true;
                return null;
        }
    }
}
