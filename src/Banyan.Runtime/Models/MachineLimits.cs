using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Models;

/// <summary>
/// The measured limits of this machine for a number of threads: its read bandwidth bounds generation, its products bound prompts.
/// </summary>
/// <param name="ReadBandwidth">Bytes a second that are read from memory, far beyond the caches.</param>
/// <param name="IntegerPeak">Multiply-adds of bytes a second in registers alone, by the instruction of the kernels in use (AVX-512 VNNI's
/// or AVX2's); 0 if there is none.</param>
public sealed record MachineLimits(double ReadBandwidth, double IntegerPeak)
{
    /// <summary>Measures for half a second with the threads of a model, which must be idle. Takes 256 MB meanwhile.</summary>
    public static MachineLimits Measure(Model model) => new(Bandwidth(model.Pool), Peak(model.Pool));

    internal static unsafe double Bandwidth(WorkerPool pool)
    {
        // All of it each time: of a small piece the caches would hold too much.
        using var buffer = new AlignedBuffer(256L << 20);
        // Of memory that was never written, every page would be the same one, in a cache.
        NativeMemory.Clear(buffer.Pointer, (nuint)buffer.Length);
        var job = new ReadJob { Buffer = buffer.Pointer, Bytes = buffer.Length };
        return buffer.Length / Least(TimeSpan.FromMilliseconds(400), () => pool.Run(ref job, 128));
    }

    internal static double Peak(WorkerPool pool)
    {
        if (!Avx2.IsSupported)
            return 0;
        if (Ladder.Current.Form is { } form)
        {
            var dots = new DotJob { Form = form };
            return (double)DotJob.Rounds * PeakKernel.ProductsPerRound(form) * pool.Threads
                / Least(TimeSpan.FromMilliseconds(150), () => pool.Run(ref dots));
        }
        var job = new PeakJob();
        return (double)PeakJob.Rounds * PeakJob.ProductsPerRound * pool.Threads
            / Least(TimeSpan.FromMilliseconds(150), () => pool.Run(ref job));
    }

    // The least time is the machine's: what is more is what disturbed.
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

    struct DotJob : IJob
    {
        public const int Rounds = 100_000;

        public VectorForm Form;

        public readonly void Work(int part, int parts) => KernelSet.RunPeak(Form, Rounds);
    }

    struct PeakJob : IJob
    {
        public const int Rounds = 1_000_000, ProductsPerRound = 12 * 32;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            // Long enough that a thread that has to be woken hardly counts. Every product waits for its own sum, so that none can be
            // moved out of the loop; twelve wait at a time, so that none is late.
            var w = Vector256.Create((byte)(part + 1));
            var (a, b, c, d) = (Vector256<short>.One, Vector256<short>.One, Vector256<short>.One, Vector256<short>.One);
            var (e, f, g, h) = (a, b, c, d);
            var (i, j, k, l) = (a, b, c, d);
            for (var round = 0; round < Rounds; round++)
            {
                a += Avx2.MultiplyAddAdjacent(w, a.AsSByte());
                b += Avx2.MultiplyAddAdjacent(w, b.AsSByte());
                c += Avx2.MultiplyAddAdjacent(w, c.AsSByte());
                d += Avx2.MultiplyAddAdjacent(w, d.AsSByte());
                e += Avx2.MultiplyAddAdjacent(w, e.AsSByte());
                f += Avx2.MultiplyAddAdjacent(w, f.AsSByte());
                g += Avx2.MultiplyAddAdjacent(w, g.AsSByte());
                h += Avx2.MultiplyAddAdjacent(w, h.AsSByte());
                i += Avx2.MultiplyAddAdjacent(w, i.AsSByte());
                j += Avx2.MultiplyAddAdjacent(w, j.AsSByte());
                k += Avx2.MultiplyAddAdjacent(w, k.AsSByte());
                l += Avx2.MultiplyAddAdjacent(w, l.AsSByte());
            }
            GC.KeepAlive(Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l));
        }
    }
}
