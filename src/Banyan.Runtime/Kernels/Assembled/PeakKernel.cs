using static Banyan.Runtime.Kernels.Assembled.KernelWriter;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>Byte dot products in registers alone, enough at once to hide their latency: what the integer kernels could do at most.</summary>
internal static unsafe class PeakKernel
{
    public const int DotsPerRound = 24, ProductsPerDot = 64;

    /// <summary>Takes the address of the number of rounds, at least 1.</summary>
    public static byte[] Assemble()
    {
        var code = new KernelWriter();
        code.Begin();
        code.A.mov(rax, __qword_ptr[Arguments]);
        code.Repeat(rax, () =>
        {
            for (var i = 0; i < DotsPerRound; i++)
                code.A.vpdpbusd(Zmm(i), Zmm(30), Zmm(31));
        });
        code.End();
        return code.ToBytes();
    }
}
