using System.Text;

namespace Banyan.Server.Viewer.Text;

/// <summary>
/// A file of text as rows: CSV, TSV, JSON lines, a JSON array, or lines. From the nearest place of its index on, the rows asked for are
/// read.
/// </summary>
sealed class TextTable : Table
{
    const int Block = 256 << 10, MaxRow = 4 << 20;

    readonly FileBytes _file;
    readonly TextShape _shape;
    readonly RowIndex _index;

    /// <param name="file">The file.</param>
    /// <param name="shape">Its columns.</param>
    /// <param name="index">Where its rows begin.</param>
    public TextTable(FileBytes file, TextShape shape, RowIndex index)
    {
        (_file, _shape, _index) = (file, shape, index);
        Columns = shape.Columns;
    }

    public override IReadOnlyList<Column> Columns { get; }

    // The first row of separated values names the columns.
    long Hidden => _shape.HasHead ? 1 : 0;

    public override long? Rows => _index.IsWhole ? KnownRows : null;

    public override long KnownRows => Math.Max(0, _index.Count - Hidden);

    /// <summary>Which part of the file was counted, from 0 to 1.</summary>
    public double Counted => _file.Size == 0 ? 1 : (double)_index.Scanned / _file.Size;

    /// <summary>Counts rows up to one, as far as a request may.</summary>
    public Task CountToAsync(long row, long most, CancellationToken cancellationToken) =>
        _index.CountToAsync(row + Hidden, _file, most, cancellationToken);

    public override async Task<List<object?[]>> ReadAsync(long first, int count, IReadOnlyList<int>? columns, int maxText,
        CancellationToken cancellationToken)
    {
        var rows = new List<object?[]>();
        if (count <= 0 || (first += Hidden) >= _index.Count)
            return rows;
        var (row, offset) = _index.Before(first);
        var scanner = new RowScanner(_shape.Kind, _shape.Separator);
        if (_shape.Kind == RowKind.Array)
            scanner.EnterArray();
        var (begins, held, heldFrom) = (new List<int>(), Array.Empty<byte>(), offset);
        // A row is known to be whole when the next one begins, or the file ends.
        for (var at = offset; rows.Count < count && at < _file.Size;)
        {
            var block = await _file.ReadAsync(at, (int)Math.Min(Block, _file.Size - at), cancellationToken);
            begins.Clear();
            scanner.Scan(block, begins);
            var from = 0;
            foreach (var begin in begins)
            {
                if (at + begin > offset)
                {
                    if (row >= first && rows.Count < count)
                        rows.Add(_shape.Row(Join(held, block.AsSpan(from, begin - from)), columns, maxText));
                    row++;
                }
                (held, from) = ([], begin);
            }
            if (rows.Count < count)
                held = row >= first ? Join(held, block.AsSpan(from)) : [];
            at += block.Length;
        }
        if (rows.Count < count && row >= first && held.Length > 0)
            rows.Add(_shape.Row(held, columns, maxText));
        return rows;
    }

    static byte[] Join(byte[] held, ReadOnlySpan<byte> more)
    {
        // The beginning of a longer row is kept, and one byte more, by which it is known.
        more = more[..Math.Min(more.Length, MaxRow + 1 - held.Length)];
        if (more.Length == 0)
            return held;
        var joined = new byte[held.Length + more.Length];
        held.CopyTo(joined, 0);
        more.CopyTo(joined.AsSpan(held.Length));
        return joined;
    }

    /// <summary>Whether a row is longer than is read.</summary>
    internal static bool IsTooLong(int bytes) => bytes > MaxRow;

    public override IReadOnlyList<long> SamplePlaces(int most) =>
        _index.IsWhole && KnownRows > 0 ? [.. Enumerable.Range(0, most).Select(i => KnownRows * i / most).Distinct()] : [0];
}
