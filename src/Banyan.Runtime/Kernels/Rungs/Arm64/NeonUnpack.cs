using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>Arm64's code for each weight format: a group of a panel, unpacked 16 bytes at a time.</summary>
internal static unsafe class NeonUnpack
{
    public static void Q4_0(byte* scales, byte* quants, UnpackedBlock* to)
    {
        ToFloats(scales, to->Scales, 1f / 16);
        UpperNibbles(quants, to->Values);
    }

    public static void Q5_0(byte* scales, byte* quants, UnpackedBlock* to)
    {
        ToFloats(scales, to->Scales, 1f / 8);
        LowBits(quants, to->Values);
        UpperFive(quants + Nibbles.Bytes, to->Values);
    }

    public static void Q4_1(byte* scales, byte* quants, UnpackedBlock* to)
    {
        ToFloats(scales, to->Scales);
        ToFloats(scales + 32, to->Mins);
        LowBits(quants, to->Values);
    }

    public static void Q5_1(byte* scales, byte* quants, UnpackedBlock* to)
    {
        Q4_1(scales, quants, to);
        FifthBits(quants + Nibbles.Bytes, to->Values);
    }

    public static void Q8_0(byte* scales, byte* quants, UnpackedBlock* to)
    {
        ToFloats(scales, to->Scales);
        Unsafe.CopyBlockUnaligned(to->Values, quants, 512);
    }

    public static void Q4_K(byte* scales, byte* quants, UnpackedBlock* to)
    {
        GroupScales(scales, to);
        for (var b = 0; b < 8; b++, quants += Nibbles.Bytes)
            LowBits(quants, to[b].Values);
    }

    public static void Q5_K(byte* scales, byte* quants, UnpackedBlock* to)
    {
        GroupScales(scales, to);
        for (var b = 0; b < 8; b++, quants += Nibbles.Bytes + HighBits.Bytes)
        {
            LowBits(quants, to[b].Values);
            FifthBits(quants + Nibbles.Bytes, to[b].Values);
        }
    }

    public static void Q6_K(byte* scales, byte* quants, UnpackedBlock* to)
    {
        HalfScales(scales, to);
        for (var b = 0; b < 8; b++, quants += Q6_KPacking.BlockBytes)
        {
            LowBits(quants, to[b].Values);
            TopBits(quants + Nibbles.Bytes, to[b].Values);
        }
    }

    /// <summary>16 times 0…15, and 128 less: a signed byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void UpperNibbles(byte* quants, byte* values)
    {
        var sign = Vector128.Create((byte)0x80);
        for (var i = 0; i < Nibbles.Bytes; i += 16)
        {
            var v = Vector128.Load(quants + i);
            (v << 4 ^ sign).Store(values + i);
            (v & Vector128.Create((byte)0xF0) ^ sign).Store(values + Nibbles.Bytes + i);
        }
    }

    /// <summary>0…15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void LowBits(byte* quants, byte* values)
    {
        for (var i = 0; i < Nibbles.Bytes; i += 16)
        {
            var v = Vector128.Load(quants + i);
            (v & Vector128.Create((byte)15)).Store(values + i);
            (v >>> 4).Store(values + Nibbles.Bytes + i);
        }
    }

    /// <summary>Adds 16 where the bit is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void FifthBits(byte* plane, byte* values)
    {
        for (var i = 0; i < HighBits.Bytes; i += 16)
            for (var (j, bits) = (0, Vector128.Load(plane + i)); j < 8; j++, bits >>>= 1)
                (Vector128.Load(values + j * 64 + i) | (bits & Vector128<byte>.One) << 4).Store(values + j * 64 + i);
    }

    /// <summary>8 times 0…31, and 128 less: a signed byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void UpperFive(byte* plane, byte* values)
    {
        for (var i = 0; i < HighBits.Bytes; i += 16)
            for (var (j, bits) = (0, Vector128.Load(plane + i)); j < 8; j++, bits >>>= 1)
                (Vector128.Load(values + j * 64 + i) << 3 ^ (~bits & Vector128<byte>.One) << 7).Store(values + j * 64 + i);
    }

    /// <summary>Adds 16, 32 or 48.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void TopBits(byte* planes, byte* values)
    {
        for (var i = 0; i < 128; i += 16)
            for (var (j, bits) = (i / 64 * 4, Vector128.Load(planes + i)); j < i / 64 * 4 + 4; j++, bits >>>= 2)
                (Vector128.Load(values + j * 64 + i % 64) | (bits & Vector128.Create((byte)3)) << 4).Store(values + j * 64 + i % 64);
    }

    static void ToFloats(byte* halves, float* to, float factor = 1)
    {
        (HalfFloats.ToFloat((ushort*)halves) * factor).Store(to);
        (HalfFloats.ToFloat((ushort*)halves + 8) * factor).Store(to + 8);
    }

    /// <summary>See <see cref="KScales"/>.</summary>
    static void GroupScales(byte* scales, UnpackedBlock* to)
    {
        float* d = stackalloc float[16], dmin = stackalloc float[16];
        ToFloats(scales, d);
        ToFloats(scales + 32, dmin);
        for (var row = 0; row < UnpackedBlock.Rows; row += 4)
            (-Vector128.Load(dmin + row)).Store(dmin + row);
        var (six, four) = (Vector128.Create((byte)63), Vector128.Create((byte)15));
        scales += KScales.Pairs;
        for (var pair = 0; pair < 4; pair++, scales += KScales.PairBytes, to += 2)
        {
            var (even, odd, mins) = (Vector128.Load(scales), Vector128.Load(scales + 16), Vector128.Load(scales + 32));
            Multiply(even & six, d, to[0].Scales);
            Multiply(even >>> 6 | (mins & four) << 2, dmin, to[0].Mins);
            Multiply(odd & six, d, to[1].Scales);
            Multiply(odd >>> 6 | mins >>> 4 << 2, dmin, to[1].Mins);
        }
    }

    /// <summary>16 small numbers, a byte a row, × a float a row.</summary>
    static void Multiply(Vector128<byte> numbers, float* by, float* to)
    {
        var (low, high) = Vector128.Widen(numbers);
        var (a, b) = Vector128.Widen(low);
        var (c, d) = Vector128.Widen(high);
        (Vector128.ConvertToSingle(a.AsInt32()) * Vector128.Load(by)).Store(to);
        (Vector128.ConvertToSingle(b.AsInt32()) * Vector128.Load(by + 4)).Store(to + 4);
        (Vector128.ConvertToSingle(c.AsInt32()) * Vector128.Load(by + 8)).Store(to + 8);
        (Vector128.ConvertToSingle(d.AsInt32()) * Vector128.Load(by + 12)).Store(to + 12);
    }

    /// <summary>See <see cref="Q6_KPacking"/>.</summary>
    static void HalfScales(byte* scales, UnpackedBlock* to)
    {
        var d = stackalloc float[16];
        ToFloats(scales, d);
        var from = (sbyte*)scales + Q6_KPacking.HalfScales;
        for (var b = 0; b < 8; b++, to++)
        {
            Unsafe.CopyBlockUnaligned(to->Scales, d, 64);
            for (var i = 0; i < 32; i += 16, from += 16)
            {
                var (low, high) = Vector128.Widen(Vector128.Load(from));
                Twice(low, to->HalfScales + 2 * i);
                Twice(high, to->HalfScales + 2 * i + 16);
            }
        }

        static void Twice(Vector128<short> scales, short* to)
        {
            var (low, high) = Vector128.Widen(scales);
            (low & Vector128.Create(0xFFFF) | low << 16).AsInt16().Store(to);
            (high & Vector128.Create(0xFFFF) | high << 16).AsInt16().Store(to + 8);
        }
    }
}
