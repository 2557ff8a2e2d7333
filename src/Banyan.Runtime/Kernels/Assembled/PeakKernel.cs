using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Byte dot products in registers alone, enough at once to hide their latency: what the integer kernels could do at most.
/// </summary>
internal static class PeakKernel
{
    /// <summary>Products of a round.</summary>
    public static long ProductsPerRound(VectorForm form)
    {
        var vectors = Vectors.For(new KernelWriter(), form);
        return vectors.TileRegisters * vectors.Bytes;
    }

    /// <summary>Takes the address of the number of rounds, at least 1.</summary>
    public static byte[] Assemble(VectorForm form)
    {
        var code = new KernelWriter();
        var vectors = Vectors.For(code, form);
        code.Begin();
        code.A.mov(rax, __qword_ptr[KernelWriter.Arguments]);
        code.Repeat(rax, () =>
        {
            for (var sum = 0; sum < vectors.TileRegisters; sum++)
                vectors.AddDot(sum, vectors.Registers.Packed, vectors.Registers.Temporary);
        });
        code.End();
        return code.ToBytes();
    }
}
