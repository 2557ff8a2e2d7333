using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Formats of codes with one scale a block: see <see cref="CodedPacking{TCodes}"/>. Codes become weights, from 128 on, by a shuffle.
/// </summary>
internal sealed class CodedReader<TCodes>(Vectors vectors) : PanelReader(vectors) where TCodes : struct, ICodes
{
    const int ThirdBitAt = 128;

    // There are no minima whose register the table would take.
    int TableRegister => Registers.GroupMin;

    public override int StepsPerGroup => CodedPacking<TCodes>.Blocks;
    public override int HeaderBytes => CodedPacking<TCodes>.NumbersAt;
    public override int StepScaleBytes => TCodes.Scales == ScaleForm.Plain ? CodedPacking<TCodes>.ScaleBytes : CodedPacking<TCodes>.NumberBytes;
    public override int BlockBytes => CodedPacking<TCodes>.QuantBytes;

    public override void BeginGroup()
    {
        Span<byte> table = stackalloc byte[16];
        for (var i = 0; i < table.Length; i++)
            table[i] = (byte)(TCodes.Values[i] + 128);
        Vectors.LoadTable(TableRegister, table);
        for (var part = 0; TCodes.Scales == ScaleForm.Numbers && part < Vectors.Parts; part++)
            Vectors.Load(Registers.GroupScale + part, Scales, part * Vectors.Bytes);
    }

    public override void ReadScales(int block, int part)
    {
        if (TCodes.Scales == ScaleForm.Plain)
        {
            Vectors.LoadHalves(Registers.Scale, Scales, part * Vectors.Bytes / 2);
            return;
        }
        Vectors.LoadBytes(Registers.Scale, Scales, part * Vectors.Bytes / 4, signed: TCodes.Scales == ScaleForm.Numbers);
        if (TCodes.Scales == ScaleForm.Exponents)
        {
            Vectors.Shift(Registers.Scale, Registers.Scale, 23);
            Vectors.MultiplyByConstant(Registers.Scale, Registers.Scale, 0.5f);
            return;
        }
        Vectors.ToFloats(Registers.Scale);
        Vectors.Multiply(Registers.Scale, Registers.Scale, Registers.GroupScale + part);
    }

    public override void ReadQuants(int offset, Action<int, int, int> each)
    {
        var (packed, weights) = (Registers.Packed, Registers.Weights);
        for (var plane = 0; plane < (TCodes.Bits == 4 ? 4 : 2); plane++)
            for (var part = 0; part < Vectors.Parts; part++)
            {
                var at = offset + part * Vectors.Bytes;
                Vectors.Load(packed, Quants, at + 64 * plane);
                for (var i = 0; i < (TCodes.Bits == 4 ? 2 : 4); i++)
                    Take(plane, part, at, i);
            }

        void Take(int plane, int part, int at, int i)
        {
            var (j, right, mask) = TCodes.Bits == 4 ? (plane + 4 * i, 4 * i, Nibbles.Low) : (4 * plane + i, 2 * i, 0x03030303u);
            if (right != 0)
                Vectors.Shift(weights, packed, -right);
            Vectors.And(weights, right == 0 ? packed : weights, mask);
            if (TCodes.Bits == 3)
            {
                Vectors.LoadShifted(Registers.Temporary, Quants, at + ThirdBitAt, 2 - j);
                Vectors.OrMasked(weights, Registers.Temporary, 0x04040404);
            }
            Vectors.LookUp(weights, TableRegister, weights);
            each(j, part, weights);
        }
    }
}
