using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Packing;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// y[tokens, 16 rows] = rows of activations × a whole panel, which is read once from memory and unpacked in registers: for few tokens, where the memory is
/// the limit.
/// </summary>
internal static unsafe class PanelKernel
{
    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public byte* Scales, Quants;
        public long Groups;
        public ActivationBlock* X;
        public long XStrideBytes;
        public float* Y;
    }

    /// <summary>
    /// How far ahead weights are asked for: the processor's own prefetcher stops at page ends. Into the second-level cache: what waits for the first holds
    /// one of its few miss buffers. Measured on Zen 4, Q8_0, 8 tokens, two threads: 22–26 GB/s; 20 with the first level and 2 KB.
    /// </summary>
    public const int PrefetchBytes = 6144;

    /// <summary>The most tokens; more than 8 are faster as tiles.</summary>
    public static int MaxTokens(VectorForm form, WeightKind kind)
    {
        var vectors = Vectors.For(new KernelWriter(), form);
        return Math.Min(8, BlockProduct.MaxTokens(vectors, kind, vectors.PanelRegisters));
    }

    public static byte[] Assemble(VectorForm form, PackedFormat format, int tokens)
    {
        var code = new KernelWriter();
        var a = code.A;
        var vectors = Vectors.For(code, form);
        var rows = new ActivationRows(code, tokens);
        var product = new BlockProduct(vectors, format.Kind, tokens, rows, rbp);
        var reader = PanelReader.For(vectors, format);

        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(PanelReader.Scales, __qword_ptr[r15]);
        a.mov(PanelReader.Quants, __qword_ptr[r15 + 8]);
        a.mov(rbx, __qword_ptr[r15 + 16]);
        a.mov(rax, __qword_ptr[r15 + 24]);
        a.mov(ActivationRows.Stride, __qword_ptr[r15 + 32]);
        a.mov(rbp, __qword_ptr[r15 + 40]);
        rows.Begin(rax);
        product.BeginTotals(zero: true);
        reader.Repeat(code, groups: rbx, steps: rcx, block =>
        {
            var offset = block * reader.BlockBytes;
            for (var line = 0; line < reader.BlockBytes; line += 64)
                a.prefetcht1(__byte_ptr[PanelReader.Quants + PrefetchBytes + offset + line]);
            product.Begin();
            reader.ReadQuants(offset, product.AddPart);
            for (var part = 0; part < vectors.Parts; part++)
            {
                reader.ReadScales(block, part);
                product.End(part);
            }
            rows.NextBlock();
        });
        product.EndTotals();
        code.End();
        return code.ToBytes();
    }
}
