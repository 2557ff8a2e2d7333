using System.Text;

namespace Banyan.Server.Viewer.Text;

/// <summary>The cells of a row of separated values (RFC 4180).</summary>
static class Separated
{
    public static List<string> Cells(ReadOnlySpan<byte> row, byte separator, int maxCells, int maxText)
    {
        row = row.TrimEnd("\r\n"u8);
        var (cells, cell) = (new List<string>(), new ByteText(maxText));
        var (quoted, atStart) = (false, true);
        for (var i = 0; i < row.Length && cells.Count < maxCells; i++)
        {
            var b = row[i];
            if (quoted && b == '"' && i + 1 < row.Length && row[i + 1] == '"')
                cell.Add(row[i++]);
            else if (b == '"' && (quoted || atStart))
                (quoted, atStart) = (!quoted, false);
            else if (!quoted && b == separator)
            {
                cells.Add(cell.Take());
                atStart = true;
            }
            else
            {
                cell.Add(b);
                atStart = false;
            }
        }
        if (cells.Count < maxCells)
            cells.Add(cell.Take());
        return cells;
    }

    /// <summary>Bytes of a text, as many as are kept.</summary>
    struct ByteText(int maxText)
    {
        readonly List<byte> _bytes = [];

        public readonly void Add(byte b)
        {
            if (_bytes.Count < 4L * maxText + 4)
                _bytes.Add(b);
        }

        public readonly string Take()
        {
            var text = Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes));
            _bytes.Clear();
            return Cell.Cut(text, maxText);
        }
    }
}
