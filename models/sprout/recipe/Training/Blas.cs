using System.Runtime.InteropServices;

namespace Banyan.Sprout.Training;

/// <summary>The matrix product inside libtorch (its BLAS is exported under the Fortran names), on bare memory.</summary>
internal static unsafe partial class Blas
{
    [LibraryImport("torch_cpu", EntryPoint = "sgemm_")]
    private static partial void Sgemm(byte* transA, byte* transB, int* m, int* n, int* k, float* alpha, float* a, int* lda, float* b, int* ldb, float* beta, float* c, int* ldc);

    /// <summary>
    /// C[m, n] = alpha · op(A)[m, k] · op(B)[k, n] + beta · C, all row by row in memory; <c>ld</c> is a row's stride in floats.
    /// BLAS counts by columns, so it is asked for Cᵀ = op(B)ᵀ · op(A)ᵀ.
    /// </summary>
    public static void Multiply(bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc)
    {
        byte ta = (byte)(transposeA ? 'T' : 'N'), tb = (byte)(transposeB ? 'T' : 'N');
        Sgemm(&tb, &ta, &n, &m, &k, &alpha, b, &ldb, a, &lda, &beta, c, &ldc);
    }

    /// <summary>Y[t, outputs] = X[t, inputs] · Wᵀ for W[outputs, inputs].</summary>
    public static void Linear(int t, int inputs, int outputs, float* x, float* w, float* y, int ldy, float beta = 0) =>
        Multiply(false, true, t, outputs, inputs, 1, x, inputs, w, inputs, beta, y, ldy);

    /// <summary>dW += dYᵀ · X, and dX = dY · W (+ dX where <paramref name="addToDx"/>).</summary>
    public static void LinearBackward(int t, int inputs, int outputs, float* x, float* w, float* dy, int ldy, float* dw, float* dx, bool addToDx)
    {
        Multiply(true, false, outputs, inputs, t, 1, dy, ldy, x, inputs, 1, dw, inputs);
        Multiply(false, false, t, inputs, outputs, 1, dy, ldy, w, inputs, addToDx ? 1 : 0, dx, inputs);
    }
}
