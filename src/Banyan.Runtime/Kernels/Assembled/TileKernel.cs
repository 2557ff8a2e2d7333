using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// y[tokens, 16 rows] += rows of activations × unpacked blocks, tile after tile of the same number of tokens: the blocks stay in the
/// first-level cache, a tile's sums in registers, and its totals too where there are enough. In 512 bits a tile takes two panels where it
/// can, so that activations are loaded for 32 rows: with 16 a product of 64 bytes needs 1.5 loads, and processors that can do two such
/// products a cycle can do only two loads.
/// </summary>
internal static unsafe class TileKernel
{
    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public TileRows Rows;

        /// <summary>Blocks; of two panels in turn.</summary>
        public UnpackedBlock* W;

        /// <summary>Blocks of a panel.</summary>
        public long Blocks;

        /// <summary>From a panel's sums to the next one's.</summary>
        public long PanelBytes;
    }

    /// <summary>The maximum panels of a tile.</summary>
    public static int MaxPanels(VectorForm form) => form == VectorForm.Zmm ? 2 : 1;

    /// <summary>Once unpacked, 5 bits are multiplied as 4 are, and signed ones as 8.</summary>
    public static WeightKind Unpacked(WeightKind kind) => kind switch
    {
        WeightKind.I4 or WeightKind.I5 => WeightKind.I8,
        WeightKind.U5 => WeightKind.U4,
        WeightKind.NumbersAndMins => WeightKind.U6AndMins,
        _ => kind,
    };

    /// <summary>The maximum tokens of a tile.</summary>
    public static int MaxTokens(VectorForm form, WeightKind kind, int terms, int panels = 1)
    {
        var vectors = Vectors.For(new KernelWriter(), form);
        return BlockProduct.MaxTokens(vectors, kind, terms, vectors.TileRegisters, panels);
    }

    public static byte[] Assemble(VectorForm form, WeightKind kind, int tokens, int terms, int panels = 1)
    {
        var code = new KernelWriter();
        var a = code.A;
        var vectors = Vectors.For(code, form);
        var registers = vectors.Registers;
        var rows = new ActivationRows(code, tokens * terms, last: rdi);
        var product = panels == 1 ? new BlockProduct(vectors, kind, tokens, terms, rows, rbp)
            : new BlockProduct(vectors, kind, tokens, terms, rows, rbp, r11);
        var (w, blocks) = (rcx, rax);

        // From a part of a block to the next.
        var partBytes = panels == 1 ? vectors.Bytes : UnpackedBlock.Bytes;

        code.Begin();
        TileRows.Assemble(code, tokens, next: r12, () =>
        {
            a.mov(w, __qword_ptr[r15 + TileRows.Bytes]);
            a.mov(blocks, __qword_ptr[r15 + TileRows.Bytes + 8]);
            if (panels == 2)
            {
                a.mov(r11, __qword_ptr[r15 + TileRows.Bytes + 16]);
                a.add(r11, rbp);
            }
            rows.Begin(rsi);
            product.BeginTotals(zero: false);
            code.Repeat(blocks, () =>
            {
                product.Begin();
                for (var i = 0; i < 8; i++)
                {
                    // Both halves in turn where they have sums of their own, so that a sum is not added to before it is there.
                    var j = kind.HasTwoSums() ? i / 2 + i % 2 * 4 : i;
                    for (var part = 0; part < product.Parts; part++)
                        vectors.Load(product.WeightsOf(part), w, 64 * j + part * partBytes);
                    product.Add(j);
                }
                for (var part = 0; part < product.Parts; part++)
                {
                    var offset = part * partBytes;
                    vectors.Load(registers.Scale, w, UnpackedBlock.ScalesAt + offset);
                    if (kind == WeightKind.U6)
                    {
                        vectors.Load(registers.Min, w, UnpackedBlock.HalfScalesAt + offset);
                        vectors.Load(registers.LastScale, w, UnpackedBlock.HalfScalesAt + 64 + offset);
                    }
                    else if (kind == WeightKind.Halves)
                        vectors.Load(registers.LastScale, w, UnpackedBlock.LastScalesAt + offset);
                    else if (kind.HasMins())
                        vectors.Load(registers.Min, w, UnpackedBlock.MinsAt + offset);
                    product.End(part);
                    if (!kind.HasTwoMins())
                        continue;
                    vectors.Load(registers.Min, w, UnpackedBlock.MinsAt + offset);
                    vectors.Load(registers.LastScale, w, UnpackedBlock.LastMinsAt + offset);
                    product.EndMins(part);
                }
                a.add(w, panels * UnpackedBlock.Bytes);
                rows.NextBlock();
            });
            product.EndTotals();
        }, terms, panels == 1 ? default : r13);
        code.End();
        return code.ToBytes();
    }
}
