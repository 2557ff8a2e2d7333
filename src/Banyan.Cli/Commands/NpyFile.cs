using System.Globalization;
using System.Text;

namespace Banyan.Cli.Commands;

/// <summary>Writes a matrix of floats in NumPy's format 1.0, row by row; the number of rows is filled in at the end.</summary>
sealed class NpyFile(Stream stream)
{
    const int HeaderBytes = 128;

    int _rows, _columns;

    public void Add(ReadOnlySpan<float> row)
    {
        if (_rows++ == 0)
        {
            stream.Write(new byte[HeaderBytes]);
            _columns = row.Length;
        }
        foreach (var value in row)
            stream.Write(BitConverter.GetBytes(value));
    }

    /// <summary>Writes the header into the space reserved for it.</summary>
    public void Finish()
    {
        if (_rows == 0)
            stream.Write(new byte[HeaderBytes]);
        var header = string.Create(CultureInfo.InvariantCulture,
            $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({_rows}, {_columns}), }}").PadRight(HeaderBytes - 11) + "\n";
        stream.Position = 0;
        stream.Write([0x93, .. "NUMPY"u8, 1, 0, HeaderBytes - 10, 0]);
        stream.Write(Encoding.ASCII.GetBytes(header));
    }
}
