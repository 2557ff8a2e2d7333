using Banyan.Runtime.Kernels.Matrices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Up to 18 rows of activations by seven registers: a base for each three rows, and the stride as an index once or twice. More than 15 rows
/// take <paramref name="last"/>.
/// </summary>
internal sealed class ActivationRows(KernelWriter code, int count, AssemblerRegister64 last = default)
{
    readonly AssemblerRegister64[] _bases = [r8, r9, r10, r11, r13, last];

    public static AssemblerRegister64 Stride => rdx;

    int Bases => (count + 2) / 3;

    /// <summary>Points the bases at rows that begin at <paramref name="first"/>.</summary>
    public void Begin(AssemblerRegister64 first)
    {
        code.A.mov(_bases[0], first);
        for (var i = 1; i < Bases; i++)
        {
            code.A.lea(_bases[i], __[_bases[i - 1] + Stride * 2]);
            code.A.add(_bases[i], Stride);
        }
    }

    /// <summary>The dword at <paramref name="offset"/> of a row's current block, in every lane.</summary>
    public AssemblerMemoryOperand Broadcast(int row, int offset) => (row % 3) switch
    {
        0 => __dword_bcst[_bases[row / 3] + offset],
        1 => __dword_bcst[_bases[row / 3] + Stride + offset],
        _ => __dword_bcst[_bases[row / 3] + Stride * 2 + offset],
    };

    /// <summary>The same dword for instructions that load it.</summary>
    public AssemblerMemoryOperand Dword(int row, int offset) => (row % 3) switch
    {
        0 => __dword_ptr[_bases[row / 3] + offset],
        1 => __dword_ptr[_bases[row / 3] + Stride + offset],
        _ => __dword_ptr[_bases[row / 3] + Stride * 2 + offset],
    };

    /// <summary>
    /// Where a row's current block is in the next tile, which begins at an offset of as many rows as this has, or one or two more.
    /// </summary>
    public AssemblerMemoryOperand Next(int row, AssemblerRegister64 tile, AssemblerRegister64 tileAndOne, AssemblerRegister64 tileAndTwo) =>
        __byte_ptr[_bases[row / 3] + (row % 3) switch { 0 => tile, 1 => tileAndOne, _ => tileAndTwo }];

    public void NextBlock() => Advance(ActivationBlock.Bytes);

    public void Advance(int bytes)
    {
        for (var i = 0; i < Bases; i++)
            code.A.add(_bases[i], bytes);
    }
}
