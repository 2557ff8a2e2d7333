using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Training.Matrices;

/// <summary>The matrix products of training: C = scale · A·B, or C += scale · A·B.</summary>
internal static unsafe class Gemm
{
    /// <summary>c[m, n] = (c +) scale · a[m, k] · b[k, n]; c overlaps neither.</summary>
    public static void Multiply(Matrix a, Matrix b, Matrix c, WorkerPool pool, float scale = 1, bool add = false) =>
        Reference(a, b, c, scale, add);

    /// <summary>Forward through frozen weights: y[tokens, w.Rows] = (y +) scale · x[tokens, w.Columns] · Wᵀ.</summary>
    public static void Forward(Matrix x, PackedMatrix w, Matrix y, WorkerPool pool, float scale = 1, bool add = false)
    {
        using var floats = Widen(w);
        Reference(x, new Matrix(floats.Floats, w.Rows, w.Columns).Transposed, y, scale, add);
    }

    /// <summary>Backward through frozen weights: dx[tokens, w.Columns] = (dx +) scale · dy[tokens, w.Rows] · W.</summary>
    public static void Backward(Matrix dy, PackedMatrix w, Matrix dx, WorkerPool pool, float scale = 1, bool add = false)
    {
        using var floats = Widen(w);
        Reference(dy, new Matrix(floats.Floats, w.Rows, w.Columns), dx, scale, add);
    }

    static AlignedBuffer Widen(PackedMatrix w)
    {
        var floats = new AlignedBuffer(sizeof(float) * (long)w.Rows * w.Columns);
        for (var row = 0; row < w.Rows; row++)
            w.CopyRow(row, floats.Floats + (long)row * w.Columns);
        return floats;
    }

    /// <summary>Plain loops: what every kernel must compute.</summary>
    internal static void Reference(Matrix a, Matrix b, Matrix c, float scale, bool add)
    {
        for (var m = 0; m < c.Rows; m++)
            for (var n = 0; n < c.Columns; n++)
            {
                var sum = 0f;
                for (var k = 0; k < a.Columns; k++)
                    sum = MathF.FusedMultiplyAdd(a.Data[m * a.RowStride + k * a.ColumnStride], b.Data[k * b.RowStride + n * b.ColumnStride], sum);
                ref var to = ref c.Data[m * c.RowStride + n * c.ColumnStride];
                to = scale * sum + (add ? to : 0);
            }
    }
}
