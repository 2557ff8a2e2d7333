using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Formats of codes: see <see cref="CodedPacking{TCodes}"/>. Codes become weights, signed ones from 128 on, by a shuffle.
/// </summary>
internal sealed class CodedReader<TCodes>(Vectors vectors) : PanelReader(vectors) where TCodes : struct, ICodes
{
    const int ThirdBitAt = 128;

    // Where there are minima codes are weights.
    int TableRegister => Registers.GroupMin;

    public override int StepsPerGroup => CodedPacking<TCodes>.Blocks;
    public override int HeaderBytes => CodedPacking<TCodes>.NumbersAt;
    public override int StepScaleBytes => TCodes.Scales == ScaleForm.Plain ? CodedPacking<TCodes>.ScaleBytes
        : CodedPacking<TCodes>.NumberBytes;
    public override int BlockBytes => CodedPacking<TCodes>.QuantBytes;
    public override bool IsSlow => true;

    public override void BeginGroup()
    {
        for (var part = 0; TCodes.Scales == ScaleForm.Numbers && part < Vectors.Parts; part++)
            Vectors.Load(Registers.GroupScale + part, Scales, part * Vectors.Bytes);
        for (var part = 0; TCodes.HasMins && part < Vectors.Parts; part++)
        {
            // A minimum is what is taken off.
            Vectors.Load(Registers.GroupMin + part, Scales, CodedPacking<TCodes>.GroupMinsAt + part * Vectors.Bytes);
            Vectors.Xor(Registers.GroupMin + part, Registers.GroupMin + part, 0x80000000);
        }
        if (TCodes.HasMins)
            return;
        Span<byte> table = stackalloc byte[16];
        for (var i = 0; i < table.Length; i++)
            table[i] = (byte)(TCodes.Values[i] + 128);
        Vectors.LoadTable(TableRegister, table);
    }

    public override void ReadScales(int block, int part)
    {
        if (TCodes.Scales == ScaleForm.Plain)
        {
            Vectors.LoadHalves(Registers.Scale, Scales, part * Vectors.Bytes / 2);
            return;
        }
        if (TCodes.Scales == ScaleForm.Eighths)
        {
            Vectors.LoadHalves(Registers.Scale, Scales, part * Vectors.Bytes / 2);
            Vectors.LoadHalves(Registers.LastScale, Scales, 32 + part * Vectors.Bytes / 2);
            return;
        }
        if (TCodes.HasMins)
        {
            Vectors.Move(Registers.Scale, Registers.GroupScale + part);
            Vectors.LoadBytes(Registers.Min, Scales, part * Vectors.Bytes / 4, signed: false);
            Vectors.LoadBytes(Registers.LastScale, Scales, 16 + part * Vectors.Bytes / 4, signed: false);
            return;
        }
        if (TCodes.Unit == 16)
        {
            ReadNumbers(Registers.Scale, 0, part, Registers.GroupScale);
            ReadNumbers(Registers.LastScale, 16, part, Registers.GroupScale);
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

    public override void ReadMins(int part)
    {
        ReadNumbers(Registers.Min, 32, part, Registers.GroupMin);
        ReadNumbers(Registers.LastScale, 48, part, Registers.GroupMin);
    }

    public override void ReadNumbers(int to, int half, int part)
    {
        Vectors.LoadBytes(to, Scales, 16 * half + part * Vectors.Bytes / 4, signed: false);
        Vectors.Shift(Registers.Temporary, to, 16);
        Vectors.AddIntegers(to, Registers.Temporary);
    }

    // 16 numbers as floats, times a group's.
    void ReadNumbers(int to, int offset, int part, int group)
    {
        Vectors.LoadBytes(to, Scales, offset + part * Vectors.Bytes / 4, signed: true);
        Vectors.ToFloats(to);
        Vectors.Multiply(to, to, group + part);
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
            if (!TCodes.HasMins)
                Vectors.LookUp(weights, TableRegister, weights);
            each(j, part, weights);
        }
    }
}
