using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Packing;
using static Banyan.Runtime.Kernels.Assembled.KernelWriter;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// y[tokens, 16 rows] += rows of activations × unpacked blocks, tile after tile of the same number of tokens: the blocks stay in the first-level cache, a
/// tile's totals and sums in registers.
/// </summary>
internal static unsafe class TileKernel
{
    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public UnpackedBlock* W;
        public long Blocks;
        public ActivationBlock* X;
        public long XStrideBytes;
        public float* Y;
        public long Tiles;

        /// <summary>What is unpacked next, and how many cache lines of it each tile brings nearer.</summary>
        public byte* Next;
        public long NextLines;
    }

    public static byte[] Assemble(WeightKind kind, int tokens)
    {
        var code = new KernelWriter();
        var a = code.A;
        var rows = new ActivationRows(code, tokens);
        var product = new BlockProduct(code, kind, tokens, rows);
        var (w, blocks, x, y, tiles, next) = (rcx, rax, rsi, rbp, rbx, r12);
        const int YStride = UnpackedBlock.Rows * sizeof(float);

        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(x, __qword_ptr[r15 + 16]);
        a.mov(ActivationRows.Stride, __qword_ptr[r15 + 24]);
        a.mov(y, __qword_ptr[r15 + 32]);
        a.mov(tiles, __qword_ptr[r15 + 40]);
        a.imul(r14, ActivationRows.Stride, tokens);
        a.mov(next, __qword_ptr[r15 + 48]);
        code.Repeat(tiles, () =>
        {
            a.mov(blocks, __qword_ptr[r15 + 56]);
            code.Repeat(blocks, () =>
            {
                a.prefetcht1(__byte_ptr[next]);
                a.add(next, 64);
            });
            a.mov(w, __qword_ptr[r15]);
            a.mov(blocks, __qword_ptr[r15 + 8]);
            rows.Begin(x);
            for (var t = 0; t < tokens; t++)
                a.vmovups(product.Total(t), __zmmword_ptr[y + t * YStride]);
            code.Repeat(blocks, () =>
            {
                product.Begin();
                for (var j = 0; j < 8; j++)
                {
                    a.vmovdqu32(Zmm(BlockProduct.Weights), __zmmword_ptr[w + 64 * j]);
                    product.Add(j, Zmm(BlockProduct.Weights));
                }
                a.vmovups(Zmm(BlockProduct.Scale), __zmmword_ptr[w + UnpackedBlock.ScalesAt]);
                if (kind == WeightKind.U6)
                {
                    a.vmovups(Zmm(BlockProduct.FirstScale), __zmmword_ptr[w + UnpackedBlock.HalfScalesAt]);
                    a.vmovups(Zmm(BlockProduct.LastScale), __zmmword_ptr[w + UnpackedBlock.HalfScalesAt + 64]);
                }
                else if (kind != WeightKind.I8)
                    a.vmovups(Zmm(BlockProduct.Min), __zmmword_ptr[w + UnpackedBlock.MinsAt]);
                product.End();
                a.add(w, UnpackedBlock.Bytes);
                rows.NextBlock();
            });
            for (var t = 0; t < tokens; t++)
                a.vmovups(__zmmword_ptr[y + t * YStride], product.Total(t));
            a.add(x, r14);
            a.add(y, tokens * YStride);
        });
        code.End();
        return code.ToBytes();
    }
}
