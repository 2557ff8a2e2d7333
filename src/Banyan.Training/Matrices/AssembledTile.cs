using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Rungs;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Training.Matrices;

/// <summary>
/// A tile's product as machine code for AVX-512: <see cref="Tile{T}"/>'s loop with every number of rows up to 12, in float32 (the same
/// bits) or, where the processor multiplies them faster, with pairs of BF16 in place of floats: a step of the depth is two columns of a and
/// two rows of b (<c>vdpbf16ps</c>, summed in float32).
/// </summary>
internal static unsafe class AssembledTile
{
    /// <summary>The most rows of a tile.</summary>
    public const int MaxRows = 12;

    const int PanelBytes = sizeof(float) * Panels.Columns, Unrolled = 4, Left = 24, Right = 25, Each = 26, EachCount = 4;

    static readonly Lock s_making = new();
    static readonly nint[] s_kernels = new nint[8 * (MaxRows + 1)];

    /// <summary>Whether this rung's tiles are assembled.</summary>
    public static bool IsSupported => Ladder.Current is AssembledRung;

    /// <summary>
    /// <paramref name="rows"/> rows of a and c, one or (<paramref name="two"/>) two vectors of columns. <paramref name="strip"/>: a's rows
    /// are adjacent (<see cref="TileProduct.RowStride"/> is 1), 12 to a column; else its columns are.
    /// </summary>
    public static void Run(in TileProduct product, float* a, float* c, int rows, bool two, bool strip, bool pairs)
    {
        var arguments = new Arguments
        {
            A = a,
            RowBytes = sizeof(float) * product.RowStride,
            B = product.B,
            SecondBytes = sizeof(float) * product.Second,
            C = c,
            StrideBytes = sizeof(float) * product.Stride,
            Depth = product.Depth,
            Scale = product.Scale,
            Add = product.Add ? 1 : 0,
        };
        for (int done; rows > 0; rows -= done, arguments.A += done * product.RowStride, arguments.C += done * product.Stride)
        {
            done = Math.Min(rows, MaxRows);
            KernelSet.Call(Kernel(done, two, strip, pairs), &arguments);
        }
    }

    static nint Kernel(int rows, bool two, bool strip, bool pairs)
    {
        ref var kernel = ref s_kernels[((two ? 4 : 0) + (strip ? 2 : 0) + (pairs ? 1 : 0)) * (MaxRows + 1) + rows];
        if (kernel == 0)
            Make(ref kernel, rows, two, strip, pairs);
        return kernel;
    }

    static void Make(ref nint kernel, int rows, bool two, bool strip, bool pairs)
    {
        lock (s_making)
            if (Volatile.Read(ref kernel) == 0)
                Volatile.Write(ref kernel, ExecutableMemory.Place(Assemble(rows, two, strip, pairs)));
    }

    [StructLayout(LayoutKind.Sequential)]
    struct Arguments
    {
        public float* A;
        public nint RowBytes;
        public float* B;
        public nint SecondBytes;
        public float* C;
        public nint StrideBytes;
        public long Depth;
        public float Scale;
        public int Add;
    }

    static byte[] Assemble(int rows, bool two, bool strip, bool pairs)
    {
        var code = new KernelWriter();
        var a = code.A;
        AssemblerRegister64[] threes = [r8, r9, r10, r11];
        var (stride, b, second, to, toStride, depth) = (rax, rcx, rdx, rsi, rbp, rbx);
        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(r8, __qword_ptr[r15]);
        a.mov(stride, __qword_ptr[r15 + 8]);
        a.mov(b, __qword_ptr[r15 + 16]);
        a.mov(second, __qword_ptr[r15 + 24]);
        a.mov(to, __qword_ptr[r15 + 32]);
        a.mov(toStride, __qword_ptr[r15 + 40]);
        for (var i = 1; i < threes.Length && !strip; i++)
        {
            a.lea(threes[i], __[threes[i - 1] + stride * 2]);
            a.add(threes[i], stride);
        }
        for (var row = 0; row < rows; row++)
        {
            a.vpxord(Sum(row, 0), Sum(row, 0), Sum(row, 0));
            if (two)
                a.vpxord(Sum(row, 1), Sum(row, 1), Sum(row, 1));
        }
        // What is added to is near when the sums are complete.
        a.mov(r12, to);
        for (var row = 0; row < rows; row++, a.add(r12, toStride))
            for (var vector = 0; vector < (two ? 2 : 1); vector++)
                a.prefetchw(__byte_ptr[r12 + PanelBytes * vector]);
        a.mov(depth, __qword_ptr[r15 + 48]);
        a.shr(depth, 2);
        Steps(Unrolled);
        a.mov(depth, __qword_ptr[r15 + 48]);
        a.and(depth, Unrolled - 1);
        Steps(1);
        Store();
        code.End();
        return code.ToBytes();

        static AssemblerRegisterZMM Sum(int row, int vector) => KernelWriter.Zmm(MaxRows * vector + row);

        void Steps(int unrolled)
        {
            var none = a.CreateLabel();
            a.test(depth, depth);
            a.jz(none);
            code.Repeat(depth, () =>
            {
                for (var step = 0; step < unrolled; step++)
                {
                    a.vmovups(KernelWriter.Zmm(Left), __zmmword_ptr[b + PanelBytes * step]);
                    if (two)
                        a.vmovups(KernelWriter.Zmm(Right), __zmmword_ptr[b + second + PanelBytes * step]);
                    for (var row = 0; row < rows; row++)
                    {
                        var each = KernelWriter.Zmm(Each + row % EachCount);
                        a.vpbroadcastd(each, __dword_ptr[Element(row, step)]);
                        Multiply(Sum(row, 0), each, KernelWriter.Zmm(Left));
                        if (two)
                            Multiply(Sum(row, 1), each, KernelWriter.Zmm(Right));
                    }
                }
                a.add(b, PanelBytes * unrolled);
                if (strip)
                    a.add(r8, sizeof(float) * MaxRows * unrolled);
                else
                    for (var i = 0; i < (rows + 2) / 3; i++)
                        a.add(threes[i], sizeof(float) * unrolled);
            });
            a.Label(ref none);
        }

        AssemblerMemoryOperand Element(int row, int step) => strip
            ? __[r8 + sizeof(float) * (row + MaxRows * step)]
            : (row % 3) switch
            {
                0 => __[threes[row / 3] + sizeof(float) * step],
                1 => __[threes[row / 3] + stride + sizeof(float) * step],
                _ => __[threes[row / 3] + stride * 2 + sizeof(float) * step],
            };

        void Multiply(AssemblerRegisterZMM sum, AssemblerRegisterZMM each, AssemblerRegisterZMM columns)
        {
            if (pairs)
                a.vdpbf16ps(sum, each, columns);
            else
                a.vfmadd231ps(sum, each, columns);
        }

        void Store()
        {
            var (adds, done) = (a.CreateLabel(), a.CreateLabel());
            var scale = KernelWriter.Zmm(Each);
            a.vbroadcastss(scale, __dword_ptr[r15 + 56]);
            a.mov(ecx, __dword_ptr[r15 + 60]);
            a.test(ecx, ecx);
            a.jnz(adds);
            Rows(add: false);
            a.jmp(done);
            a.Label(ref adds);
            Rows(add: true);
            a.Label(ref done);

            void Rows(bool add)
            {
                for (var row = 0; row < rows; row++)
                {
                    for (var vector = 0; vector < (two ? 2 : 1); vector++)
                    {
                        if (add)
                            a.vfmadd213ps(Sum(row, vector), scale, __zmmword_ptr[to + PanelBytes * vector]);
                        else
                            a.vmulps(Sum(row, vector), scale, Sum(row, vector));
                        a.vmovups(__zmmword_ptr[to + PanelBytes * vector], Sum(row, vector));
                    }
                    a.add(to, toStride);
                }
            }
        }
    }
}
