using System.Buffers;

namespace Banyan.Server.Viewer.Text;

/// <summary>How a file's rows are told apart.</summary>
enum RowKind
{
    /// <summary>Each line is a row: JSON lines, text.</summary>
    Lines,

    /// <summary>Lines, where what is quoted may hold line ends: CSV, TSV.</summary>
    Quoted,

    /// <summary>The elements of a JSON array.</summary>
    Array,
}

/// <summary>Finds where rows begin, block after block. A row is never held: its length costs nothing.</summary>
struct RowScanner(RowKind kind, byte separator)
{
    static readonly SearchValues<byte> s_structure = SearchValues.Create("\"[]{},"u8), s_string = SearchValues.Create("\"\\"u8);

    byte _before = (byte)'\n';
    bool _quoted, _escaped, _waits = true;
    int _depth;

    /// <summary>Goes on within an array: where an element begins.</summary>
    public void EnterArray() => _depth = 1;

    /// <summary>Passes over a block, and tells where in it rows begin.</summary>
    /// <param name="block">The bytes.</param>
    /// <param name="begins">Receives offsets in the block.</param>
    public void Scan(ReadOnlySpan<byte> block, List<int> begins)
    {
        if (kind == RowKind.Array)
            ScanArray(block, begins);
        else
            ScanLines(block, begins);
    }

    void ScanLines(ReadOnlySpan<byte> block, List<int> begins)
    {
        for (var at = 0; at < block.Length;)
        {
            if (_waits)
            {
                // Empty lines are no rows.
                while (at < block.Length && block[at] is (byte)'\n' or (byte)'\r')
                    _before = block[at++];
                if (at == block.Length)
                    return;
                begins.Add(at);
                _waits = false;
            }
            var found = kind == RowKind.Lines ? block[at..].IndexOf((byte)'\n') : _quoted ? block[at..].IndexOf((byte)'"')
                : block[at..].IndexOfAny((byte)'\n', (byte)'"');
            if (found < 0)
            {
                _before = block[^1];
                return;
            }
            if (found > 0)
                _before = block[at + found - 1];
            at += found;
            if (block[at] == '\n')
                _waits = true;
            else if (_quoted)
                _quoted = false;
            else if (_before == '"' || _before == separator || _before == '\n' || _before == '\r')
                _quoted = true;   // at the beginning of a cell, or the second of two that stand for one
            _before = block[at++];
        }
    }

    void ScanArray(ReadOnlySpan<byte> block, List<int> begins)
    {
        for (var at = 0; at < block.Length;)
        {
            if (_escaped)
            {
                (_escaped, at) = (false, at + 1);
                continue;
            }
            if (_waits && _depth == 1)
            {
                while (at < block.Length && block[at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
                    at++;
                if (at == block.Length)
                    return;
                if (block[at] != ']')
                    begins.Add(at);
                _waits = false;
            }
            var found = _quoted ? block[at..].IndexOfAny(s_string) : block[at..].IndexOfAny(s_structure);
            if (found < 0)
                return;
            at += found;
            switch (block[at++])
            {
                case (byte)'"': _quoted = !_quoted; break;
                case (byte)'\\': _escaped = true; break;
                case (byte)'[' or (byte)'{': _depth++; break;
                case (byte)']' or (byte)'}': _depth--; break;
                default: _waits |= _depth == 1; break;
            }
        }
    }
}
