using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// y[tokens, 16 rows] += rows of activations × unpacked blocks, tile after tile of the same number of tokens: the blocks stay in the
/// first-level cache, a tile's sums in registers, and its totals too where there are enough.
/// </summary>
internal static unsafe class TileKernel
{
    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public TileRows Rows;
        public UnpackedBlock* W;
        public long Blocks;
    }

    /// <summary>Once unpacked, 5 bits are multiplied as 4 are, and signed ones as 8.</summary>
    public static WeightKind Unpacked(WeightKind kind) => kind switch
    {
        WeightKind.I4 or WeightKind.I5 => WeightKind.I8,
        WeightKind.U5 => WeightKind.U4,
        _ => kind,
    };

    /// <summary>The most tokens of a tile.</summary>
    public static int MaxTokens(VectorForm form, WeightKind kind, int terms)
    {
        var vectors = Vectors.For(new KernelWriter(), form);
        return BlockProduct.MaxTokens(vectors, kind, terms, vectors.TileRegisters);
    }

    public static byte[] Assemble(VectorForm form, WeightKind kind, int tokens, int terms)
    {
        var code = new KernelWriter();
        var a = code.A;
        var vectors = Vectors.For(code, form);
        var registers = vectors.Registers;
        var rows = new ActivationRows(code, tokens * terms, last: rdi);
        var product = new BlockProduct(vectors, kind, tokens, terms, rows, rbp);
        var (w, blocks) = (rcx, rax);

        code.Begin();
        TileRows.Assemble(code, tokens, next: r12, () =>
        {
            a.mov(w, __qword_ptr[r15 + TileRows.Bytes]);
            a.mov(blocks, __qword_ptr[r15 + TileRows.Bytes + 8]);
            rows.Begin(rsi);
            product.BeginTotals(zero: false);
            code.Repeat(blocks, () =>
            {
                product.Begin();
                for (var j = 0; j < 8; j++)
                {
                    for (var part = 0; part < vectors.Parts; part++)
                        vectors.Load(registers.Weights + part, w, 64 * j + part * vectors.Bytes);
                    product.Add(j, registers.Weights);
                }
                for (var part = 0; part < vectors.Parts; part++)
                {
                    var offset = part * vectors.Bytes;
                    vectors.Load(registers.Scale, w, UnpackedBlock.ScalesAt + offset);
                    if (kind == WeightKind.U6)
                    {
                        vectors.Load(registers.Min, w, UnpackedBlock.HalfScalesAt + offset);
                        vectors.Load(registers.LastScale, w, UnpackedBlock.HalfScalesAt + 64 + offset);
                    }
                    else if (kind.IsHalves())
                        vectors.Load(registers.LastScale, w, UnpackedBlock.LastScalesAt + offset);
                    else if (kind.HasMins())
                        vectors.Load(registers.Min, w, UnpackedBlock.MinsAt + offset);
                    product.End(part);
                    if (kind != WeightKind.HalvesAndMins)
                        continue;
                    vectors.Load(registers.Scale, w, UnpackedBlock.MinsAt + offset);
                    vectors.Load(registers.LastScale, w, UnpackedBlock.LastMinsAt + offset);
                    product.AddMins(part);
                }
                a.add(w, UnpackedBlock.Bytes);
                rows.NextBlock();
            });
            product.EndTotals();
        }, terms);
        code.End();
        return code.ToBytes();
    }
}
