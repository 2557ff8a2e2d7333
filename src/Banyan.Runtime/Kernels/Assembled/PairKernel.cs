using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Iced.Intel;
using static Banyan.Runtime.Kernels.Assembled.KernelWriter;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// y[tokens, 16 rows] += rows of BF16 activations × pairs of columns of BF16 or F16 weights (rounded to BF16 in registers), tile after
/// tile. A token's sum is one chain of <c>vdpbf16ps</c> in the order of the columns, so it does not depend on how many tokens there are.
/// </summary>
internal static unsafe class PairKernel
{
    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public TileRows Rows;
        public byte* W;

        /// <summary>Groups of 8 pairs, and pairs after them.</summary>
        public long Eights, Rest;
    }

    public static byte[] Assemble(bool isHalf, int tokens)
    {
        var code = new KernelWriter();
        var a = code.A;
        var rows = new ActivationRows(code, tokens);
        var (w, count, y) = (rcx, rax, rbp);
        const int YStride = PackedRows * sizeof(float), At = TileRows.Bytes;

        code.Begin();
        TileRows.Assemble(code, tokens, next: rdi, () =>
        {
            a.lea(r13, __[r14 + ActivationRows.Stride]);
            a.lea(r12, __[r13 + ActivationRows.Stride]);
            a.mov(w, __qword_ptr[r15 + At]);
            rows.Begin(rsi);
            for (var t = 0; t < tokens; t++)
                a.vmovups(Zmm(t), __zmmword_ptr[y + t * YStride]);
            Pairs(At + 8, 8);
            Pairs(At + 16, 1);
            for (var t = 0; t < tokens; t++)
                a.vmovups(__zmmword_ptr[y + t * YStride], Zmm(t));
        });
        code.End();
        return code.ToBytes();

        void Pairs(int countAt, int unrolled)
        {
            var none = a.CreateLabel();
            a.mov(count, __qword_ptr[r15 + countAt]);
            a.test(count, count);
            a.jz(none);
            code.Repeat(count, () =>
            {
                for (var pair = 0; pair < unrolled; pair++)
                {
                    if (tokens <= FewTokens)
                        a.prefetcht1(__byte_ptr[w + 64 * pair + PanelKernel.PrefetchBytes(WeightKind.Float, 8)]);
                    else if (unrolled > 1)
                        for (var t = pair * tokens / unrolled; t < (pair + 1) * tokens / unrolled; t++)
                            a.prefetcht0(rows.Next(t, r14, r13, r12));
                    Read(code, isHalf, w, 64 * pair);
                    for (var t = 0; t < tokens; t++)
                        a.vdpbf16ps(Zmm(t), Zmm(Weights), rows.Broadcast(t, 4 * pair));
                }
                a.add(w, 64 * unrolled);
                rows.Advance(4 * unrolled);
            });
            a.Label(ref none);
        }
    }

    /// <summary>The maximum tokens of a tile; with no more than <see cref="FewTokens"/> the memory is the limit.</summary>
    public const int MaxTokens = 12, FewTokens = 8;

    const int PackedRows = 16, Weights = 31, Odd = 30;

    /// <summary>A pair of columns of 16 rows into <see cref="Weights"/>, as BF16.</summary>
    static void Read(KernelWriter code, bool isHalf, AssemblerRegister64 w, int offset)
    {
        var a = code.A;
        var (pairs, odd) = (Zmm(Weights), Zmm(Odd));
        var (pairsHalf, oddHalf) = (new AssemblerRegisterYMM(Register.YMM0 + Weights), new AssemblerRegisterYMM(Register.YMM0 + Odd));
        a.vmovdqu32(pairs, __zmmword_ptr[w + offset]);
        if (!isHalf)
            return;
        a.vpsrld(odd, pairs, 16);
        a.vpmovdw(oddHalf, odd);
        a.vpmovdw(pairsHalf, pairs);
        a.vcvtph2ps(odd, oddHalf);
        a.vcvtph2ps(pairs, pairsHalf);
        a.vcvtneps2bf16(oddHalf, odd);
        a.vcvtneps2bf16(pairsHalf, pairs);
        a.vpmovzxwd(odd, oddHalf);
        a.vpmovzxwd(pairs, pairsHalf);
        a.vpslld(odd, odd, 16);
        a.vpord(pairs, pairs, odd);
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct RoundArguments
    {
        public void* From, To;
        public long Count;
    }

    /// <summary>Rounds pairs of F16 weights to BF16, 16 pairs at a time.</summary>
    public static byte[] AssembleRoundWeights()
    {
        var code = new KernelWriter();
        var a = code.A;
        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(rcx, __qword_ptr[r15]);
        a.mov(rdx, __qword_ptr[r15 + 8]);
        a.mov(rax, __qword_ptr[r15 + 16]);
        code.Repeat(rax, () =>
        {
            Read(code, isHalf: true, rcx, 0);
            a.vmovdqu32(__zmmword_ptr[rdx], Zmm(Weights));
            a.add(rcx, 64);
            a.add(rdx, 64);
        });
        code.End();
        return code.ToBytes();
    }

    /// <summary>Rounds floats to BF16, 16 at a time.</summary>
    public static byte[] AssembleRoundActivations()
    {
        var code = new KernelWriter();
        var a = code.A;
        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(rcx, __qword_ptr[r15]);
        a.mov(rdx, __qword_ptr[r15 + 8]);
        a.mov(rax, __qword_ptr[r15 + 16]);
        code.Repeat(rax, () =>
        {
            a.vcvtneps2bf16(ymm0, __zmmword_ptr[rcx]);
            a.vmovdqu(__ymmword_ptr[rdx], ymm0);
            a.add(rcx, 64);
            a.add(rdx, 32);
        });
        code.End();
        return code.ToBytes();
    }
}
