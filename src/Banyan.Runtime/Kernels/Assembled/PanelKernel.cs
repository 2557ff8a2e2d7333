using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Threads;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// y[tokens, 16 rows] = rows of activations × a whole panel, which is read once from memory and unpacked in registers: for few tokens,
/// where the memory is the limit.
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

        /// <summary>From this panel to the one after it in memory, which is usually multiplied next.</summary>
        public long NextBytes;
    }

    /// <summary>How far ahead weights are prefetched, 0 for not at all: into the second-level cache, since a miss of the first-level cache
    /// holds one of its few miss buffers. With one or two tokens the hardware prefetcher keeps ahead; with more, the products take so long
    /// that it needs help. Measured on Zen 4: a token's pass of 1.5B on two threads, with 2 KB and without, Q8_0 34.3 and 38.0 ms, Q4_K_M
    /// even by medians and up to 5 % less at best; four tokens on one thread, with 6 KB and 2 KB, Q8_0 77 and 55 GMAC/s, Q4_K 105 and 96,
    /// Q6_K 102 and 67.</summary>
    public static int PrefetchBytes(WeightKind kind, int tokens) => tokens > 2 ? 6144 : kind == WeightKind.I8 ? 2048 : 0;

    /// <summary>Whether the whole next panel is prefetched while this one is multiplied: for formats with so many scales that the hardware
    /// prefetcher falls behind, and with quants so slow that memory and products hardly overlap. Measured on Zen 5, two threads, one token,
    /// without and with: Q3_K 26 to 31 and 61 to 65 GB/s, a token's pass of 1.5B in Q2_K 22 and 17.5 ms; Q4_K and Q8_0 were up to a tenth
    /// slower, as they are read at the memory's pace without it.</summary>
    static bool AsksForNext(PanelReader reader, int rows) => reader.IsSlow && rows <= 2;

    /// <summary>The most tokens.</summary>
    public static int MaxTokens(VectorForm form, WeightKind kind, int terms)
    {
        var vectors = Vectors.For(new KernelWriter(), form);
        return Math.Min(8, BlockProduct.MaxTokens(vectors, kind, terms, vectors.PanelRegisters));
    }

    public static byte[] Assemble(VectorForm form, PackedFormat format, int tokens, int terms)
    {
        var code = new KernelWriter();
        var a = code.A;
        var vectors = Vectors.For(code, form);
        var rows = new ActivationRows(code, tokens * terms, last: r12);
        var product = new BlockProduct(vectors, format.Kind, tokens, terms, rows, rbp);
        var reader = format.Reader!(vectors);
        var ahead = PrefetchBytes(format.Kind, tokens * terms);

        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(PanelReader.Scales, __qword_ptr[r15]);
        a.mov(PanelReader.Quants, __qword_ptr[r15 + 8]);
        // All scales of the panel at once: read one by one beside the quants they hide that these are one stream, and each of their lines
        // is waited for. Measured on Zen 4, one thread, without and with: Q8_0 17 and 24 GB/s, Q4_K 12 and 27, Q6_K 16 and 30, of 31 that
        // it reads.
        a.mov(rbx, __qword_ptr[r15 + 16]);
        a.mov(rax, PanelReader.Scales);
        a.imul(rcx, rbx, format.ScaleBytes);
        a.add(rcx, 63);
        a.shr(rcx, 6);
        code.Repeat(rcx, () =>
        {
            a.prefetcht0(__byte_ptr[rax]);
            a.add(rax, 64);
        });
        a.mov(rax, __qword_ptr[r15 + 24]);
        a.mov(ActivationRows.Stride, __qword_ptr[r15 + 32]);
        a.mov(rbp, __qword_ptr[r15 + 40]);
        rows.Begin(rax);
        product.BeginTotals(zero: true);
        var next = r14;
        var asks = AsksForNext(reader, tokens * terms);
        if (asks)
            a.mov(next, __qword_ptr[r15 + 48]);
        reader.Repeat(code, groups: rbx, steps: rcx, scales: bytes =>
        {
            for (var line = 0; asks && line < bytes; line += 64)
                a.prefetcht0(__byte_ptr[PanelReader.Scales + next + line]);
        }, block: block =>
        {
            var offset = block * reader.BlockBytes;
            for (var line = 0; asks && line < reader.BlockBytes; line += 64)
                a.prefetcht0(__byte_ptr[PanelReader.Quants + next + offset + line]);
            for (var line = 0; ahead > 0 && !asks && line < reader.BlockBytes; line += 64)
                a.prefetcht1(__byte_ptr[PanelReader.Quants + ahead + offset + line]);
            product.Begin();
            reader.ReadQuants(offset, product.AddPart);
            for (var part = 0; part < vectors.Parts; part++)
            {
                reader.ReadScales(block, part);
                product.End(part);
                if (!format.Kind.HasTwoMins())
                    continue;
                reader.ReadMins(part);
                product.EndMins(part);
            }
            rows.NextBlock();
        });
        product.EndTotals();
        code.End();
        return code.ToBytes();
    }
}
