using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models;

/// <summary>What this machine can do at most with some number of threads, measured: generation cannot be faster than the one, prompts not than the other.</summary>
/// <param name="ReadBandwidth">Bytes a second that are read from memory, far beyond the caches.</param>
/// <param name="IntegerPeak">Multiply-adds of bytes a second in registers alone, by AVX2's instruction; 0 where there is none.</param>
public sealed record MachineLimits(double ReadBandwidth, double IntegerPeak)
{
    /// <summary>Measures for half a second with the threads of a model, which must be idle. Takes 256 MB meanwhile.</summary>
    public static MachineLimits Measure(Model model) => new(Bandwidth(model.Pool), Peak(model.Pool));

    internal static unsafe double Bandwidth(WorkerPool pool)
    {
        const long Piece = 16L << 20;
        using var buffer = new AlignedBuffer(256L << 20);
        var job = new ReadJob { Buffer = buffer.Pointer, Bytes = Piece };
        return Piece / Least(TimeSpan.FromMilliseconds(250), () =>
        {
            job.Buffer = job.Buffer + Piece < buffer.Pointer + buffer.Length ? job.Buffer + Piece : buffer.Pointer;
            pool.Run(ref job, 32);
        });
    }

    internal static double Peak(WorkerPool pool)
    {
        if (!Avx2.IsSupported)
            return 0;
        var job = new PeakJob();
        return (double)PeakJob.Rounds * PeakJob.ProductsPerRound * pool.Threads / Least(TimeSpan.FromMilliseconds(150), () => pool.Run(ref job));
    }

    // Pieces of work of a millisecond fit between what disturbs: the least time is the machine's.
    static double Least(TimeSpan duration, Action work)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < TimeSpan.FromMilliseconds(50);)
            work();
        var least = double.MaxValue;
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < duration;)
        {
            var began = Stopwatch.GetTimestamp();
            work();
            least = Math.Min(least, Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        return least;
    }

    unsafe struct ReadJob : IJob
    {
        public byte* Buffer;
        public long Bytes;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            var (from, end) = (Bytes / parts * part, Bytes / parts * (part + 1));
            var (a, b, c, d) = (Vector256<long>.Zero, Vector256<long>.Zero, Vector256<long>.Zero, Vector256<long>.Zero);
            for (var i = from; i < end; i += 128)
            {
                a |= Vector256.Load((long*)(Buffer + i));
                b |= Vector256.Load((long*)(Buffer + i + 32));
                c |= Vector256.Load((long*)(Buffer + i + 64));
                d |= Vector256.Load((long*)(Buffer + i + 96));
            }
            if ((a | b | c | d) != Vector256<long>.Zero)
                throw new InvalidOperationException("the buffer is not what was written");
        }
    }

    struct PeakJob : IJob
    {
        public const int Rounds = 100_000, ProductsPerRound = 8 * 32;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            var (w, x) = (Vector256.Create((byte)(part + 1)), Vector256.Create((sbyte)1));
            var (a, b, c, d) = (Vector256<short>.Zero, Vector256<short>.Zero, Vector256<short>.Zero, Vector256<short>.Zero);
            var (e, f, g, h) = (a, b, c, d);
            for (var i = 0; i < Rounds; i++)
            {
                // The sums feed the operand so that nothing can be moved out of the loop.
                a += Avx2.MultiplyAddAdjacent(w, x);
                b += Avx2.MultiplyAddAdjacent(w, a.AsSByte());
                c += Avx2.MultiplyAddAdjacent(w, x);
                d += Avx2.MultiplyAddAdjacent(w, c.AsSByte());
                e += Avx2.MultiplyAddAdjacent(w, x);
                f += Avx2.MultiplyAddAdjacent(w, e.AsSByte());
                g += Avx2.MultiplyAddAdjacent(w, x);
                h += Avx2.MultiplyAddAdjacent(w, g.AsSByte());
            }
            GC.KeepAlive(Vector256.Sum(a + b + c + d + e + f + g + h));
        }
    }
}
