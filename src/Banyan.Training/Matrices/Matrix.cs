namespace Banyan.Training.Matrices;

/// <summary>
/// A matrix of floats somewhere in memory: element (row, column) is at row · <see cref="RowStride"/> + column · <see cref="ColumnStride"/>.
/// </summary>
/// <param name="data">Its first element.</param>
/// <param name="rows">How many rows.</param>
/// <param name="columns">How many columns.</param>
/// <param name="rowStride">Floats from a row to the next.</param>
/// <param name="columnStride">Floats from a column to the next.</param>
internal readonly unsafe struct Matrix(float* data, int rows, int columns, nint rowStride, nint columnStride)
{
    /// <summary>Rows one after the other.</summary>
    public Matrix(float* data, int rows, int columns) : this(data, rows, columns, columns, 1)
    {
    }

    public float* Data => data;

    public int Rows => rows;

    public int Columns => columns;

    public nint RowStride => rowStride;

    public nint ColumnStride => columnStride;

    /// <summary>The same memory, columns as rows.</summary>
    public Matrix Transposed => new(data, columns, rows, columnStride, rowStride);

    /// <summary>Rows [first, first + count).</summary>
    public Matrix RowRange(int first, int count) => new(data + first * rowStride, count, columns, rowStride, columnStride);

    /// <summary>Columns [first, first + count).</summary>
    public Matrix ColumnRange(int first, int count) => new(data + first * columnStride, rows, count, rowStride, columnStride);
}
