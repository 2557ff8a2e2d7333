using System.Runtime.InteropServices;
using static Banyan.Runtime.Kernels.Assembled.KernelWriter;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The products of attention over integers of 16 bits: sums[queries, 16 · vectors lanes] = Σ over pairs x · w, exact, by <c>vpdpwssd</c>, which
/// multiplies 32 pairs and adds where vpmaddwd needs an addition more. All sums stay in registers; w is read once for all queries.
/// <code>
/// score   y  = float(sum) · laneScale · scale       x: queries, w: keys, lanes: positions
/// add     y += float(sum) · scale                   x: weights, w: values, lanes: dimensions
/// </code>
/// </summary>
internal static unsafe class DotKernel
{
    /// <summary>Queries at a time: with four vectors 24 sums, four of w and two of x fit the 32 registers.</summary>
    public const int MaxQueries = 6, MaxVectors = 4;

    const int Unrolled = 4;

    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public short* X;
        public long XStrideBytes;
        public short* W;
        public long WStrideBytes;

        /// <summary>Groups of four pairs, and pairs behind them.</summary>
        public long Fours, Rest;

        /// <summary>One a query.</summary>
        public float* Scales;

        /// <summary>One a lane; only of scores.</summary>
        public float* LaneScales;
        public float* Y;
        public long YStrideBytes;
    }

    public static byte[] Assemble(bool isScore, int queries, int vectors)
    {
        var code = new KernelWriter();
        var a = code.A;
        var rows = new ActivationRows(code, queries);
        var (w, wStride, count, scales, y, yStride, laneScales) = (rcx, r12, rax, rsi, rbp, rbx, r13);

        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(rax, __qword_ptr[r15]);
        a.mov(ActivationRows.Stride, __qword_ptr[r15 + 8]);
        a.mov(w, __qword_ptr[r15 + 16]);
        a.mov(wStride, __qword_ptr[r15 + 24]);
        rows.Begin(rax);
        for (var i = 0; i < queries * vectors; i++)
            a.vpxord(Zmm(i), Zmm(i), Zmm(i));
        Pairs(32, Unrolled);
        Pairs(40, 1);

        a.mov(scales, __qword_ptr[r15 + 48]);
        a.mov(laneScales, __qword_ptr[r15 + 56]);
        a.mov(y, __qword_ptr[r15 + 64]);
        a.mov(yStride, __qword_ptr[r15 + 72]);
        for (var t = 0; t < queries; t++)
        {
            a.vbroadcastss(X(0), __dword_ptr[scales + 4 * t]);
            for (var j = 0; j < vectors; j++)
            {
                a.vcvtdq2ps(Sum(t, j), Sum(t, j));
                if (isScore)
                {
                    a.vmulps(Sum(t, j), Sum(t, j), __zmmword_ptr[laneScales + 64 * j]);
                    a.vmulps(Sum(t, j), Sum(t, j), X(0));
                }
                else
                    a.vfmadd213ps(Sum(t, j), X(0), __zmmword_ptr[y + 64 * j]);
                a.vmovups(__zmmword_ptr[y + 64 * j], Sum(t, j));
            }
            a.add(y, yStride);
        }
        code.End();
        return code.ToBytes();

        Iced.Intel.AssemblerRegisterZMM Sum(int query, int vector) => Zmm(query * vectors + vector);

        Iced.Intel.AssemblerRegisterZMM W(int vector) => Zmm(24 + vector);

        Iced.Intel.AssemblerRegisterZMM X(int query) => Zmm(28 + query % 4);

        void Pairs(int countAt, int unrolled)
        {
            var done = a.CreateLabel();
            a.mov(count, __qword_ptr[r15 + countAt]);
            a.test(count, count);
            a.jz(done);
            code.Repeat(count, () =>
            {
                for (var pair = 0; pair < unrolled; pair++)
                {
                    for (var j = 0; j < vectors; j++)
                        a.vmovdqu32(W(j), __zmmword_ptr[w + 64 * j]);
                    a.add(w, wStride);
                    for (var t = 0; t < queries; t++)
                    {
                        a.vpbroadcastd(X(t), rows.Dword(t, 4 * pair));
                        for (var j = 0; j < vectors; j++)
                            a.vpdpwssd(Sum(t, j), W(j), X(t));
                    }
                }
                rows.Advance(4 * unrolled);
            });
            a.Label(ref done);
        }
    }
}
