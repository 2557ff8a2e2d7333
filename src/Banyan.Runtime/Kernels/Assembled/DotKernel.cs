using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Threads;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The products of attention over integers of 16 bits: sums[queries, 16 · lanes16] = Σ over pairs x · w, exact, by <c>vpdpwssd</c>, which
/// multiplies a vector of pairs and adds where vpmaddwd needs an addition more. All sums stay in registers; w is read once for all queries.
/// <code>
/// score   y  = float(sum) · laneScale · scale       x: queries, w: keys, lanes: positions
/// add     y += float(sum) · scale                   x: weights, w: values, lanes: dimensions
/// </code>
/// </summary>
internal static unsafe class DotKernel
{
    /// <summary>
    /// Queries and 16s of lanes at a time. 512 bits: 24 sums, four vectors of w and four of x fit the 32 registers. 256 bits: six queries
    /// by 16 lanes are 12 sums, two vectors of w and two of x in 16 registers.
    /// </summary>
    public const int MaxQueries = 6, MaxVectors = 4;

    const int Unrolled = 4;

    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public short* X;
        public long XStrideBytes;
        public short* W;
        public long WStrideBytes;

        /// <summary>Groups of four pairs, and pairs after them.</summary>
        public long Fours, Rest;

        /// <summary>One a query.</summary>
        public float* Scales;

        /// <summary>One a lane; only of scores.</summary>
        public float* LaneScales;
        public float* Y;
        public long YStrideBytes;
    }

    /// <summary>How many times 16 lanes a kernel takes: more with few queries, so that there are enough sums (8 to 12) to hide the
    /// latency.</summary>
    public static int VectorsOf(VectorForm form, int queries) =>
        form == VectorForm.Zmm ? MaxVectors : queries switch { 1 => 4, 2 or 3 => 2, _ => 1 };

    public static byte[] Assemble(VectorForm form, bool isScore, int queries, int lanes16)
    {
        var code = new KernelWriter();
        var a = code.A;
        var v = Vectors.For(code, form);
        var vectors = lanes16 * v.Parts;
        var rows = new ActivationRows(code, queries);
        var (w, wStride, count, scales, y, yStride, laneScales) = (rcx, r12, rax, rsi, rbp, rbx, r13);

        // Of w and x, whichever takes fewer registers stays in them for a pair; the other comes in turn.
        var keepsW = vectors <= queries;
        var (kept, turns) = (queries * vectors, queries * vectors + Math.Min(queries, vectors));

        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(rax, __qword_ptr[r15]);
        a.mov(ActivationRows.Stride, __qword_ptr[r15 + 8]);
        a.mov(w, __qword_ptr[r15 + 16]);
        a.mov(wStride, __qword_ptr[r15 + 24]);
        rows.Begin(rax);
        for (var i = 0; i < queries * vectors; i++)
            v.Zero(i);
        Pairs(32, Unrolled);
        Pairs(40, 1);

        a.mov(scales, __qword_ptr[r15 + 48]);
        a.mov(laneScales, __qword_ptr[r15 + 56]);
        a.mov(y, __qword_ptr[r15 + 64]);
        a.mov(yStride, __qword_ptr[r15 + 72]);
        for (var t = 0; t < queries; t++)
        {
            v.LoadEach(kept, scales, 4 * t);
            for (var j = 0; j < vectors; j++)
            {
                v.ToFloats(Sum(t, j));
                if (isScore)
                {
                    v.MultiplyLoaded(Sum(t, j), Sum(t, j), laneScales, v.Bytes * j);
                    v.Multiply(Sum(t, j), Sum(t, j), kept);
                }
                else
                    v.MultiplyAddLoaded(Sum(t, j), kept, y, v.Bytes * j);
                v.Store(y, v.Bytes * j, Sum(t, j));
            }
            a.add(y, yStride);
        }
        code.End();
        return code.ToBytes();

        int Sum(int query, int vector) => query * vectors + vector;

        int InTurn(int i) => turns + i % Math.Min(4, v.Count - turns);

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
                    if (keepsW)
                        PairOfKeptW(pair);
                    else
                        PairOfKeptX(pair);
                    a.add(w, wStride);
                }
                rows.Advance(4 * unrolled);
            });
            a.Label(ref done);
        }

        void PairOfKeptW(int pair)
        {
            for (var j = 0; j < vectors; j++)
                v.Load(kept + j, w, v.Bytes * j);
            for (var t = 0; t < queries; t++)
            {
                v.LoadEach(InTurn(t), rows, t, 4 * pair);
                for (var j = 0; j < vectors; j++)
                    v.AddWordDot(Sum(t, j), kept + j, InTurn(t));
            }
        }

        void PairOfKeptX(int pair)
        {
            for (var t = 0; t < queries; t++)
                v.LoadEach(kept + t, rows, t, 4 * pair);
            for (var j = 0; j < vectors; j++)
            {
                v.Load(InTurn(j), w, v.Bytes * j);
                for (var t = 0; t < queries; t++)
                    v.AddWordDot(Sum(t, j), InTurn(j), kept + t);
            }
        }
    }
}
