using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels;

namespace Banyan.Bench;

/// <summary>What this machine can do at most: the limits that kernels are held against.</summary>
static unsafe class Machine
{
    public static string Name => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1] ?? "unknown"
        : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";

    /// <summary>Bytes a second that all threads of the pool read from memory (a buffer far beyond the caches, huge pages).</summary>
    public static double ReadBandwidth(WorkerPool pool, int runs)
    {
        const long Piece = 16L << 20;
        using var buffer = new AlignedBuffer(512L << 20);
        var job = new ReadJob { Buffer = buffer.Pointer, Bytes = Piece };
        return Piece / Best.Seconds(runs, () =>
        {
            job.Buffer = job.Buffer + Piece < buffer.Pointer + buffer.Length ? job.Buffer + Piece : buffer.Pointer;
            pool.Run(ref job, 32);
        });
    }

    /// <summary>Multiply-adds a second of the byte instructions in registers alone, all threads; 0 without AVX2.</summary>
    public static double IntegerPeak(WorkerPool pool, int runs)
    {
        if (!Avx2.IsSupported)
            return 0;
        var job = new PeakJob();
        return (double)PeakJob.Rounds * PeakJob.MacsPerRound * pool.Threads / Best.Seconds(runs, () => pool.Run(ref job));
    }

    struct ReadJob : IJob
    {
        public byte* Buffer;
        public long Bytes;

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
                throw new InvalidOperationException("the buffer is zero");
        }
    }

    struct PeakJob : IJob
    {
        public const int Rounds = 100_000, MacsPerRound = 8 * 32;

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
            if (Vector256.Sum(a + b + c + d + e + f + g + h) == 12345)
                Console.Write("");
        }
    }
}

/// <summary>The least of several times: what the code takes when nothing else disturbs. Pieces of work of a millisecond fit between the disturbances.</summary>
static class Best
{
    public static double Seconds(int runs, Action work)
    {
        // What is not compiled fully at once (AggressiveOptimization) is after a tenth of a second.
        for (var start = System.Diagnostics.Stopwatch.GetTimestamp(); System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds < 0.2;)
            work();
        var best = double.MaxValue;
        for (var i = 0; i < runs; i++)
        {
            var start = System.Diagnostics.Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
