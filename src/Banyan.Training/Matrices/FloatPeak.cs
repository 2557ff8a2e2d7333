using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;

namespace Banyan.Training.Matrices;

/// <summary>The machine's limit for float32 training: multiplications and additions in registers alone, with the vectors of the tiles.</summary>
internal static class FloatPeak
{
    const int Rounds = 400_000, VectorsPerRound = 12;

    /// <summary>Floating-point operations a second of all threads of <paramref name="pool"/>; takes a fifth of a second.</summary>
    public static double Measure(WorkerPool pool)
    {
        var job = new Job();
        var least = double.MaxValue;
        for (var start = DateTime.UtcNow; DateTime.UtcNow - start < TimeSpan.FromMilliseconds(200);)
        {
            var began = System.Diagnostics.Stopwatch.GetTimestamp();
            pool.Run(ref job);
            least = Math.Min(least, System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        var lanes = Ladder.Current is Avx512Rung ? 16 : Ladder.Current is Avx2Rung ? 8 : 4;
        return 2.0 * lanes * VectorsPerRound * Rounds * pool.Threads / least;
    }

    struct Job : IJob
    {
        public float Result;

        public void Work(int part, int parts) => Result = Ladder.Current switch
        {
            Avx512Rung => Run512(),
            Avx2Rung => Run256(),
            _ => Run128(),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Run512()
    {
        var half = Vector512.Create(0.5f);
        Vector512<float> a = half, b = half, c = half, d = half, e = half, f = half, g = half, h = half, i = half, j = half, k = half, l = half;
        for (var round = 0; round < Rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, half, half);
            b = Vector512.FusedMultiplyAdd(b, half, half);
            c = Vector512.FusedMultiplyAdd(c, half, half);
            d = Vector512.FusedMultiplyAdd(d, half, half);
            e = Vector512.FusedMultiplyAdd(e, half, half);
            f = Vector512.FusedMultiplyAdd(f, half, half);
            g = Vector512.FusedMultiplyAdd(g, half, half);
            h = Vector512.FusedMultiplyAdd(h, half, half);
            i = Vector512.FusedMultiplyAdd(i, half, half);
            j = Vector512.FusedMultiplyAdd(j, half, half);
            k = Vector512.FusedMultiplyAdd(k, half, half);
            l = Vector512.FusedMultiplyAdd(l, half, half);
        }
        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Run256()
    {
        var half = Vector256.Create(0.5f);
        Vector256<float> a = half, b = half, c = half, d = half, e = half, f = half, g = half, h = half, i = half, j = half, k = half, l = half;
        for (var round = 0; round < Rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, half, half);
            b = Vector256.FusedMultiplyAdd(b, half, half);
            c = Vector256.FusedMultiplyAdd(c, half, half);
            d = Vector256.FusedMultiplyAdd(d, half, half);
            e = Vector256.FusedMultiplyAdd(e, half, half);
            f = Vector256.FusedMultiplyAdd(f, half, half);
            g = Vector256.FusedMultiplyAdd(g, half, half);
            h = Vector256.FusedMultiplyAdd(h, half, half);
            i = Vector256.FusedMultiplyAdd(i, half, half);
            j = Vector256.FusedMultiplyAdd(j, half, half);
            k = Vector256.FusedMultiplyAdd(k, half, half);
            l = Vector256.FusedMultiplyAdd(l, half, half);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Run128()
    {
        var half = Vector128.Create(0.5f);
        Vector128<float> a = half, b = half, c = half, d = half, e = half, f = half, g = half, h = half, i = half, j = half, k = half, l = half;
        for (var round = 0; round < Rounds; round++)
        {
            a = Vector128.FusedMultiplyAdd(a, half, half);
            b = Vector128.FusedMultiplyAdd(b, half, half);
            c = Vector128.FusedMultiplyAdd(c, half, half);
            d = Vector128.FusedMultiplyAdd(d, half, half);
            e = Vector128.FusedMultiplyAdd(e, half, half);
            f = Vector128.FusedMultiplyAdd(f, half, half);
            g = Vector128.FusedMultiplyAdd(g, half, half);
            h = Vector128.FusedMultiplyAdd(h, half, half);
            i = Vector128.FusedMultiplyAdd(i, half, half);
            j = Vector128.FusedMultiplyAdd(j, half, half);
            k = Vector128.FusedMultiplyAdd(k, half, half);
            l = Vector128.FusedMultiplyAdd(l, half, half);
        }
        return Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
