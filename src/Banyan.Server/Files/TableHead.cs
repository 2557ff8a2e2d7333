using System.Text;
using System.Text.Json;

namespace Banyan.Server.Files;

/// <summary>The first rows of a table: CSV, TSV (RFC 4180) or JSON lines. Bounded: rows, columns and the length of cells.</summary>
/// <param name="Columns">Names.</param>
/// <param name="Rows">Cells.</param>
public sealed record TableHead(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    const int MaxRows = 100, MaxColumns = 60, MaxCell = 300;

    /// <summary>Reads a file's beginning; null where it is no table.</summary>
    /// <param name="extension">Of the file's name.</param>
    /// <param name="text">The beginning.</param>
    /// <param name="isCut">Whether the file goes on: then its last line may be half a one.</param>
    internal static TableHead? Read(string extension, string text, bool isCut) => extension.ToLowerInvariant() switch
    {
        ".csv" => Separated(text, ',', isCut),
        ".tsv" => Separated(text, '\t', isCut),
        ".jsonl" or ".ndjson" => JsonLines(text, isCut),
        _ => null,
    };

    static TableHead? Separated(string text, char separator, bool isCut)
    {
        var (rows, row, cell, quoted) = (new List<List<string>>(), new List<string>(), new StringBuilder(), false);
        void EndCell()
        {
            if (row.Count < MaxColumns)
                row.Add(cell.ToString());
            cell.Clear();
        }
        void EndRow()
        {
            EndCell();
            if (row.Count > 1 || row[0].Length > 0)
                rows.Add(row);
            row = [];
        }
        for (var i = 0; i < text.Length && rows.Count <= MaxRows; i++)
        {
            var c = text[i];
            if (quoted && c == '"' && i + 1 < text.Length && text[i + 1] == '"')
                Add(cell, text[i++]);
            else if (c == '"' && (quoted || cell.Length == 0))
                quoted = !quoted;
            else if (!quoted && c == separator)
                EndCell();
            else if (!quoted && c is '\n')
                EndRow();
            else if (quoted || c != '\r')
                Add(cell, c);
        }
        if (!isCut && rows.Count <= MaxRows && (row.Count > 0 || cell.Length > 0))
            EndRow();
        return rows.Count < 2 || rows[0].Count < 2 && rows.Skip(1).Any(r => r.Count > 1) ? null : new(rows[0], [.. rows.Skip(1).Take(MaxRows)]);
    }

    static void Add(StringBuilder cell, char c)
    {
        if (cell.Length < MaxCell)
            cell.Append(c);
        else if (cell.Length == MaxCell)
            cell.Append('…');
    }

    static TableHead? JsonLines(string text, bool isCut)
    {
        var (columns, rows) = (new List<string>(), new List<Dictionary<string, string>>());
        var lines = text.Split('\n');
        foreach (var line in lines.Take(isCut ? lines.Length - 1 : lines.Length).Where(l => l.AsSpan().Trim().Length > 0).Take(MaxRows))
        {
            try
            {
                using var json = JsonDocument.Parse(line, new() { MaxDepth = 64 });
                if (json.RootElement.ValueKind != JsonValueKind.Object)
                    return null;
                var row = new Dictionary<string, string>();
                foreach (var member in json.RootElement.EnumerateObject())
                {
                    if (!columns.Contains(member.Name) && columns.Count < MaxColumns)
                        columns.Add(member.Name);
                    var value = member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : member.Value.GetRawText();
                    row[member.Name] = value.Length > MaxCell ? value[..MaxCell] + "…" : value;
                }
                rows.Add(row);
            }
            catch (JsonException)
            {
                return null;
            }
        }
        return rows.Count == 0 || columns.Count == 0 ? null : new(columns, [.. rows.Select(r => (IReadOnlyList<string>)[.. columns.Select(c => r.GetValueOrDefault(c, ""))])]);
    }
}
