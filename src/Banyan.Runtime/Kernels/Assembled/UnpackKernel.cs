using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>Unpacks groups of a panel into blocks as <see cref="TileKernel"/> reads them: weights unsigned, scales as floats.</summary>
internal static unsafe class UnpackKernel
{
    [StructLayout(LayoutKind.Sequential)]
    public struct Arguments
    {
        public byte* Scales, Quants;
        public long Groups;
        public UnpackedBlock* To;

        /// <summary>From a block to the next.</summary>
        public long BlockBytes;
    }

    /// <summary>
    /// Makes of blocks as <see cref="Rung.Unpack"/> leaves them what this kernel leaves: for formats that have no
    /// <see cref="PackedFormat.Reader"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Convert(WeightKind kind, UnpackedBlock* w, int blocks)
    {
        const int HalfScales = 2 * UnpackedBlock.Rows;
        var scales = stackalloc float[HalfScales];
        for (; blocks > 0; blocks--, w++)
        {
            for (var i = 0; kind.IsSigned() && i < UnpackedBlock.Rows * UnpackedBlock.Columns; i += 8)
                *(ulong*)(w->Values + i) ^= 0x8080808080808080;
            if (kind != WeightKind.U6)
                continue;
            for (var i = 0; i < HalfScales; i++)
                scales[i] = w->HalfScales[2 * i];
            new Span<float>(scales, HalfScales).CopyTo(new Span<float>(w->HalfScales, HalfScales));
        }
    }

    public static byte[] Assemble(VectorForm form, PackedFormat format)
    {
        var code = new KernelWriter();
        var a = code.A;
        var vectors = Vectors.For(code, form);
        var registers = vectors.Registers;
        var reader = format.Reader!(vectors);
        var (to, blockBytes) = (rax, r8);

        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(PanelReader.Scales, __qword_ptr[r15]);
        a.mov(PanelReader.Quants, __qword_ptr[r15 + 8]);
        a.mov(rbx, __qword_ptr[r15 + 16]);
        a.mov(to, __qword_ptr[r15 + 24]);
        a.mov(blockBytes, __qword_ptr[r15 + 32]);
        reader.Repeat(code, groups: rbx, steps: rcx, block =>
        {
            for (var part = 0; part < vectors.Parts; part++)
            {
                var offset = part * vectors.Bytes;
                reader.ReadScales(block, part);
                vectors.Store(to, UnpackedBlock.ScalesAt + offset, registers.Scale);
                if (format.Kind == WeightKind.U6)
                {
                    vectors.Store(to, UnpackedBlock.HalfScalesAt + offset, registers.Min);
                    vectors.Store(to, UnpackedBlock.HalfScalesAt + 64 + offset, registers.LastScale);
                }
                else if (format.Kind == WeightKind.Halves)
                    vectors.Store(to, UnpackedBlock.LastScalesAt + offset, registers.LastScale);
                else if (format.Kind.HasMins())
                    vectors.Store(to, UnpackedBlock.MinsAt + offset, registers.Min);
                if (!format.Kind.HasTwoMins())
                    continue;
                reader.ReadMins(part);
                vectors.Store(to, UnpackedBlock.MinsAt + offset, registers.Min);
                vectors.Store(to, UnpackedBlock.LastMinsAt + offset, registers.LastScale);
                for (var half = 0; half < 2; half++)
                    reader.ReadNumbers(Numbers(half, part), half, part);
            }
            reader.ReadQuants(block * reader.BlockBytes, (j, part, weights) =>
            {
                // The products of two codes, below 256, lie side by side in a word.
                if (format.Kind.HasTwoMins())
                    vectors.MultiplyWords(weights, weights, Numbers(j / 4, part));
                vectors.Store(to, 64 * j + part * vectors.Bytes, weights);
            });
            a.add(to, blockBytes);
        });
        code.End();
        return code.ToBytes();

        // Where sums would be.
        int Numbers(int half, int part) => half * vectors.Parts + part;
    }
}
