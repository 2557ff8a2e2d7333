using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Training.Kernels;

/// <summary>Norms of the rows of a packed matrix.</summary>
internal static unsafe class RowNorms
{
    const int Step = 256; // columns, as Rung.Dequantize asks

    /// <summary>squares[rows] = Σ over columns of w².</summary>
    public static void Squares(PackedMatrix matrix, float* squares)
    {
        var floats = stackalloc float[Step * PackedFormat.Rows];
        var sums = stackalloc double[PackedFormat.Rows];
        for (var panel = 0; panel < matrix.Panels; panel++)
        {
            new Span<double>(sums, PackedFormat.Rows).Clear();
            for (var column = 0; column < matrix.Columns; column += Step)
            {
                var count = Math.Min(Step, matrix.Columns - column);
                Ladder.Current.Dequantize(matrix, panel, column, count, floats);
                for (var i = 0; i < count; i++)
                    for (var row = 0; row < PackedFormat.Rows; row++)
                        sums[row] += (double)floats[i * PackedFormat.Rows + row] * floats[i * PackedFormat.Rows + row];
            }
            var first = panel * PackedFormat.Rows;
            for (var row = 0; row < Math.Min(PackedFormat.Rows, matrix.Rows - first); row++)
                squares[first + row] = (float)sums[row];
        }
    }
}
