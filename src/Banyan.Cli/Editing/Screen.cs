using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Banyan.Cli.Editing;

/// <summary>
/// Where a text and its cursor are in the rows of a terminal, and the sequences that draw them in place of what was drawn before.
/// </summary>
sealed class Screen(string prompt, string continuation)
{
    int _cursorRow;

    /// <summary>The escape sequences that draw a text. If it has more rows than the terminal, those around the cursor are drawn.</summary>
    public string Draw(string text, int cursor, int width, int height)
    {
        var (rows, row, column) = Lay(text, cursor, Math.Max(width, 8));
        var shown = Math.Max(1, height - 1);
        var first = Math.Clamp(row - shown / 2, 0, Math.Max(0, rows.Count - shown));
        var last = Math.Min(rows.Count, first + shown);
        var output = new StringBuilder("\r");
        if (_cursorRow > 0)
            output.Append(CultureInfo.InvariantCulture, $"\e[{_cursorRow}A");
        output.Append("\e[J").AppendJoin("\r\n", rows[first..last]);
        if (last - 1 - row > 0)
            output.Append(CultureInfo.InvariantCulture, $"\e[{last - 1 - row}A");
        output.Append('\r');
        if (column > 0)
            output.Append(CultureInfo.InvariantCulture, $"\e[{column}C");
        _cursorRow = row - first;
        return output.ToString();
    }

    /// <summary>Finishes the text; further output is drawn below it.</summary>
    public void Forget() => _cursorRow = 0;

    public (List<string> Rows, int CursorRow, int CursorColumn) Lay(string text, int cursor, int width)
    {
        var rows = new List<string>();
        var row = new StringBuilder(prompt);
        var (column, cursorRow, cursorColumn) = (prompt.Length, 0, prompt.Length);
        for (var at = 0; ;)
        {
            if (at == cursor)
                (cursorRow, cursorColumn) = (rows.Count, column);
            if (at == text.Length)
                break;
            var length = StringInfo.GetNextTextElementLength(text.AsSpan(at));
            var shown = Shown(text.AsSpan(at, length));
            var cells = shown.GetCellWidth();
            at += length;
            if (shown == "\n")
            {
                Break(continuation);
                continue;
            }
            row.Append(shown);
            column += cells;
            // The last column stays free, so that no terminal wraps by itself.
            if (column >= width - 1 && at < text.Length && text[at] != '\n' || column > width - 2)
                Break("");
        }
        rows.Add(row.ToString());
        return (rows, cursorRow, cursorColumn);

        void Break(string start)
        {
            rows.Add(row.ToString());
            row.Clear().Append(start);
            column = start.Length;
        }
    }

    static string Shown(ReadOnlySpan<char> element) =>
        element is "\n" or "\r\n" ? "\n" : element is "\t" ? "    " : element.Length == 1 && char.IsControl(element[0])
        ? "�" : element.ToString();
}
