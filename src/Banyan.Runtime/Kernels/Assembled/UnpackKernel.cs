using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Packing;
using static Banyan.Runtime.Kernels.Assembled.KernelWriter;
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
    }

    public static byte[] Assemble(PackedFormat format)
    {
        var code = new KernelWriter();
        var a = code.A;
        var reader = PanelReader.For(code, format);
        var (groups, steps, to) = (rbx, rcx, rax);

        code.Begin();
        a.mov(r15, KernelWriter.Arguments);
        a.mov(PanelReader.Scales, __qword_ptr[r15]);
        a.mov(PanelReader.Quants, __qword_ptr[r15 + 8]);
        a.mov(groups, __qword_ptr[r15 + 16]);
        a.mov(to, __qword_ptr[r15 + 24]);
        code.Repeat(groups, () =>
        {
            reader.BeginGroup();
            a.add(PanelReader.Scales, reader.HeaderBytes);
            a.mov(steps, reader.StepsPerGroup);
            code.Repeat(steps, Step);
        });
        code.End();
        return code.ToBytes();

        void Step()
        {
            for (var block = 0; block < reader.BlocksPerStep; block++)
            {
                reader.ReadScales(block);
                a.vmovups(__zmmword_ptr[to + UnpackedBlock.ScalesAt], Zmm(BlockProduct.Scale));
                if (format.Kind == WeightKind.U6)
                {
                    a.vmovups(__zmmword_ptr[to + UnpackedBlock.HalfScalesAt], Zmm(BlockProduct.FirstScale));
                    a.vmovups(__zmmword_ptr[to + UnpackedBlock.HalfScalesAt + 64], Zmm(BlockProduct.LastScale));
                }
                else if (format.Kind != WeightKind.I8)
                    a.vmovups(__zmmword_ptr[to + UnpackedBlock.MinsAt], Zmm(BlockProduct.Min));
                reader.ReadQuants(block * reader.BlockBytes, (j, weights) => a.vmovdqu32(__zmmword_ptr[to + 64 * j], weights));
                a.add(to, UnpackedBlock.Bytes);
            }
            a.add(PanelReader.Quants, reader.BlocksPerStep * reader.BlockBytes);
            if (reader.StepScaleBytes > 0)
                a.add(PanelReader.Scales, reader.StepScaleBytes);
        }
    }
}
