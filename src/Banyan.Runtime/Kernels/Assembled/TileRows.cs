using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The rows of activations and of results that a kernel goes through tile after tile, and what it prefetches meanwhile: how the
/// arguments of such a kernel begin, and the loop around its tiles.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileRows
{
    public byte* X;
    public long XStrideBytes;
    public float* Y;

    /// <summary>Tiles of the kernel's number of tokens.</summary>
    public long Tiles;

    /// <summary>What is multiplied next, and how many cache lines of it each tile prefetches.</summary>
    public byte* Next;
    public long NextLines;

    /// <summary>From there to what is next of a second panel.</summary>
    public long NextPanelBytes;

    /// <summary>Where a kernel's own arguments begin.</summary>
    public const int Bytes = 56;

    const int YStride = PackedRows * sizeof(float), PackedRows = 16;

    /// <summary>
    /// Runs kernels over <paramref name="tokens"/> rows: as few tiles as possible, of sizes that differ by one at most (small tiles cost
    /// nearly as much as large ones). <paramref name="rows"/> begins a kernel's arguments and has everything but the tiles.
    /// </summary>
    public static void Run<TKernels>(TileRows* rows, TKernels kernels, int tokens, int most, long nextBytes, int terms = 1)
        where TKernels : struct, IKernelsBySize
    {
        var tiles = (tokens + most - 1) / most;
        var (size, larger) = (tokens / tiles, tokens % tiles);
        rows->NextLines = Math.Max(1, (nextBytes / 64 + tiles - 1) / tiles);
        rows->Tiles = larger;
        if (larger > 0)
        {
            KernelSet.Call(kernels.OfSize(size + 1), rows);
            rows->X += larger * (size + 1) * terms * rows->XStrideBytes;
            rows->Y += larger * (size + 1) * PackedRows;
            rows->Next += larger * rows->NextLines * 64;
        }
        rows->Tiles = tiles - larger;
        KernelSet.Call(kernels.OfSize(size), rows);
    }

    /// <summary>
    /// The loop: <paramref name="tile"/> is one tile's code, with x (rsi), y (rbp) and the stride set; r15 holds the arguments, r14 a
    /// tile's bytes of x. With <paramref name="nextPanel"/> two panels are prefetched.
    /// </summary>
    public static void Assemble(KernelWriter code, int tokens, AssemblerRegister64 next, Action tile, int terms = 1,
        AssemblerRegister64 nextPanel = default)
    {
        var a = code.A;
        var (x, y, tiles, lines) = (rsi, rbp, rbx, rax);
        a.mov(r15, KernelWriter.Arguments);
        a.mov(x, __qword_ptr[r15]);
        a.mov(ActivationRows.Stride, __qword_ptr[r15 + 8]);
        a.mov(y, __qword_ptr[r15 + 16]);
        a.mov(tiles, __qword_ptr[r15 + 24]);
        a.mov(next, __qword_ptr[r15 + 32]);
        if (nextPanel != default)
            a.mov(nextPanel, __qword_ptr[r15 + 48]);
        a.imul(r14, ActivationRows.Stride, tokens * terms);
        code.Repeat(tiles, () =>
        {
            a.mov(lines, __qword_ptr[r15 + 40]);
            code.Repeat(lines, () =>
            {
                a.prefetcht1(__byte_ptr[next]);
                if (nextPanel != default)
                    a.prefetcht1(__byte_ptr[next + nextPanel]);
                a.add(next, 64);
            });
            tile();
            a.add(x, r14);
            a.add(y, tokens * YStride);
        });
    }
}

/// <summary>Kernels that differ in the tokens of a tile.</summary>
internal interface IKernelsBySize
{
    nint OfSize(int tokens);
}
