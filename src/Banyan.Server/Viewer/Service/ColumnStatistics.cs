using System.Globalization;
using System.Text.Json.Nodes;

namespace Banyan.Server.Viewer.Service;

/// <summary>What <c>/statistics</c> says of a column: of numbers their spread, of few texts how often each comes, else lengths.</summary>
static class ColumnStatistics
{
    const int Bins = 10, MaxLabels = 30;

    public static JsonObject Of(Column column, IReadOnlyList<object?> values)
    {
        var there = values.Where(v => v is not null).ToArray();
        var missing = values.Count - there.Length;
        var statistics = new JsonObject
        {
            ["nan_count"] = missing,
            ["nan_proportion"] = values.Count == 0 ? 0 : Round((double)missing / values.Count),
        };
        var type = TypeOf(column, there);
        if (type is "int" or "float")
            Spread(statistics, [.. there.Select(RowFilter.NumberOf).OfType<double>().Where(double.IsFinite)], type == "int");
        else if (type is "bool" or "string_label")
        {
            var counts = there.GroupBy(v => v is bool flag ? flag ? "True" : "False" : Cell.Text(v, 200))
                .OrderByDescending(g => g.Count()).ToArray();
            if (type == "string_label")
            {
                statistics["no_label_count"] = 0;
                statistics["no_label_proportion"] = 0.0;
                statistics["n_unique"] = counts.Length;
            }
            statistics["frequencies"] = new JsonObject(counts.Select(g => KeyValuePair.Create(g.Key, (JsonNode?)g.Count())));
        }
        else
            Spread(statistics, [.. there.Select(LengthOf)], isWhole: true);
        return new() { ["column_name"] = column.Name, ["column_type"] = type, ["column_statistics"] = statistics };
    }

    static string TypeOf(Column column, object?[] there)
    {
        if (there.Length > 0 && there.All(v => v is bool))
            return "bool";
        if (column.Type != "string" && there.Length > 0 && there.All(v => RowFilter.NumberOf(v) is not null))
            return there.All(v => v is long || (v is string text && long.TryParse(text, NumberStyles.AllowLeadingSign,
                CultureInfo.InvariantCulture, out _))) ? "int" : "float";
        if (there.All(v => v is string))
            return there.Length > 0 && there.Distinct().Take(MaxLabels + 1).Count() is <= MaxLabels and var different
                && different < there.Length ? "string_label" : "string_text";
        return there.FirstOrDefault() is { } first && Cell.BytesOf(first) is { } bytes
            ? CellMedia.TypeOf(bytes.Start.Span)?.Split('/')[0] ?? "binary"
            : there.All(v => v is IReadOnlyList<object?>) ? "list" : "struct";
    }

    static double LengthOf(object? value) => value switch
    {
        string text => text.Length,
        IReadOnlyList<object?> list => list.Count,
        CellStruct s when Cell.BytesOf(s) is null => s.Members.Count,
        _ => Cell.BytesOf(value)?.Length ?? 0,
    };

    static void Spread(JsonObject into, double[] numbers, bool isWhole)
    {
        if (numbers.Length == 0)
            return;
        Array.Sort(numbers);
        var (least, most, mean) = (numbers[0], numbers[^1], numbers.Average());
        into["min"] = Number(least, isWhole);
        into["max"] = Number(most, isWhole);
        into["mean"] = Round(mean);
        into["median"] = Round((numbers[(numbers.Length - 1) / 2] + numbers[numbers.Length / 2]) / 2);
        into["std"] = numbers.Length == 1 ? 0 : Round(Math.Sqrt(numbers.Sum(n => (n - mean) * (n - mean)) / (numbers.Length - 1)));
        var width = (most - least) / Bins;
        if (isWhole)
            width = Math.Max(1, Math.Floor((most - least) / Bins) + 1);
        var bins = least == most ? 1 : isWhole ? (int)Math.Ceiling((most - least + 1) / width) : Bins;
        var counts = new long[bins];
        foreach (var n in numbers)
            counts[least == most ? 0 : Math.Min(bins - 1, (int)((n - least) / width))]++;
        into["histogram"] = new JsonObject
        {
            ["hist"] = new JsonArray([.. counts.Select(c => (JsonNode)c)]),
            ["bin_edges"] = new JsonArray([.. Enumerable.Range(0, bins).Select(i => Number(least + i * width, isWhole))
                .Append(Number(most, isWhole))]),
        };
    }

    static JsonNode Number(double value, bool isWhole) => isWhole && Math.Abs(value) < 1e15 ? (long)value : Round(value);

    static double Round(double value) => double.IsFinite(value) ? Math.Round(value, 5) : 0;
}
