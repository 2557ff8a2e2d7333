using System.Runtime.CompilerServices;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Training.Matrices;

namespace Banyan.Bench;

/// <summary>
/// The machine's limit for float32 training: multiplications and additions in registers alone, with the vectors of the tiles.
/// </summary>
static class FloatPeak
{
    const int Rounds = 400_000, Sums = 12;

    /// <summary>Floating-point operations a second of all threads of <paramref name="pool"/>.</summary>
    public static double Measure(WorkerPool pool) => Ladder.Current switch
    {
        Avx512Rung => Measure<Lanes16>(pool),
        Avx2Rung => Measure<Lanes8>(pool),
        _ => Measure<Lanes4>(pool),
    };

    static double Measure<T>(WorkerPool pool) where T : struct, ILanes<T>
    {
        var job = new Job<T>();
        return 2.0 * T.Count * Sums * Rounds * pool.Threads / Best.Seconds(20, () => pool.Run(ref job));
    }

    unsafe struct Job<T> : IJob where T : struct, ILanes<T>
    {
        // As many sums as cover the latency of a multiplication; each depends on itself alone.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            var half = 0.5f;
            var each = T.Broadcast(&half);
            T a = each, b = each, c = each, d = each, e = each, f = each, g = each, h = each, i = each, j = each, k = each, l = each;
            for (var round = 0; round < Rounds; round++)
            {
                a = T.MultiplyAdd(a, each, each);
                b = T.MultiplyAdd(b, each, each);
                c = T.MultiplyAdd(c, each, each);
                d = T.MultiplyAdd(d, each, each);
                e = T.MultiplyAdd(e, each, each);
                f = T.MultiplyAdd(f, each, each);
                g = T.MultiplyAdd(g, each, each);
                h = T.MultiplyAdd(h, each, each);
                i = T.MultiplyAdd(i, each, each);
                j = T.MultiplyAdd(j, each, each);
                k = T.MultiplyAdd(k, each, each);
                l = T.MultiplyAdd(l, each, each);
            }
            // Used, so that none is left out.
            var sum =
                T.MultiplyAdd(a, b, T.MultiplyAdd(c, d, T.MultiplyAdd(e, f, T.MultiplyAdd(g, h, T.MultiplyAdd(i, j, T.Multiply(k, l))))));
            var values = stackalloc float[T.Count];
            T.Store(sum, values);
            if (values[0] == 0)
                throw new InvalidOperationException("a sum of halves is not 0");
        }
    }
}
