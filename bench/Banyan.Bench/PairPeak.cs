using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Bench;

/// <summary>
/// What products of BF16 pairs (<c>vdpbf16ps</c>) could do at most, in registers alone, where the processor has them: beside float32's,
/// whether training would gain by them.
/// </summary>
static unsafe class PairPeak
{
    const int Sums = 12, ProductsPerSum = 32;
    const long Rounds = 400_000;

    /// <summary>Floating-point operations a second of all threads of <paramref name="pool"/>; null where there are none.</summary>
    public static double? Measure(WorkerPool pool)
    {
        if (!ProcessorFacts.Current.HasAvx512Bf16)
            return null;
        var code = new KernelWriter();
        code.Begin();
        code.A.mov(rax, __qword_ptr[KernelWriter.Arguments]);
        Iced.Intel.AssemblerRegisterZMM[] sums = [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11];
        code.Repeat(rax, () =>
        {
            foreach (var sum in sums)
                code.A.vdpbf16ps(sum, zmm16, zmm17);
        });
        code.End();
        var kernel = ExecutableMemory.TryPlace(code.ToBytes());
        if (kernel is null)
            return null;
        var job = new Job { Kernel = (nint)kernel };
        return 2.0 * ProductsPerSum * Sums * Rounds * pool.Threads / Best.Seconds(20, () => pool.Run(ref job));
    }

    struct Job : IJob
    {
        public nint Kernel;

        public readonly void Work(int part, int parts)
        {
            var rounds = Rounds;
            KernelSet.Call(Kernel, &rounds);
        }
    }
}
