using Banyan.Runtime.Kernels;
using Banyan.Training.Matrices;

namespace Banyan.Training.Tests.Matrices;

public sealed unsafe class GemmTests : IDisposable
{
    readonly WorkerPool _pool = new(2);

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 5, 7)]
    [InlineData(33, 65, 129)]
    public void A_product_is_the_sum_of_products(int m, int n, int k)
    {
        float[] a = Values(m * k, 1), b = Values(k * n, 2), c = Values(m * n, 3), before = [.. c];
        fixed (float* pa = a, pb = b, pc = c)
            Gemm.Multiply(new(pa, m, k), new(pb, k, n), new(pc, m, n), _pool, scale: 0.5f, add: true);
        for (var i = 0; i < m; i++)
            for (var j = 0; j < n; j++)
            {
                double sum = before[i * n + j];
                for (var p = 0; p < k; p++)
                    sum += 0.5 * a[i * k + p] * b[p * n + j];
                Assert.Equal(sum, c[i * n + j], 1e-5 * Math.Sqrt(k));
            }
    }

    static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    public void Dispose() => _pool.Dispose();
}
