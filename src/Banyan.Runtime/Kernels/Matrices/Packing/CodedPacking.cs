using System.Runtime.CompilerServices;
using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// Formats of codes (<see cref="ICodes"/>): the quants are <see cref="CodePlanes"/>, which kernels look up in a table of 16 bytes. Scales
/// of a group of 16 rows, by <see cref="ScaleForm"/>:
/// <code>
/// Plain      16 F16
/// Numbers    16 floats, where there are minima 16 more, then for each block 16 numbers, or 16 + 16 of both halves and likewise of minima
/// Exponents  for each block 16 numbers
/// Eighths    for each block 16 + 16 F16, of both halves
/// </code>
/// </summary>
internal static unsafe class CodedPacking<TCodes> where TCodes : struct, ICodes
{
    public static int Blocks => TCodes.BlockWeights / UnpackedBlock.Columns;

    /// <summary>Units a block.</summary>
    static int Halves => UnpackedBlock.Columns / TCodes.Unit;

    public static int QuantBytes => CodePlanes.Bytes(TCodes.Bits);

    /// <summary>Where the floats of a group's minima begin.</summary>
    public const int GroupMinsAt = 64;

    /// <summary>Where the numbers of a group begin.</summary>
    public static int NumbersAt => TCodes.Scales == ScaleForm.Numbers ? TCodes.HasMins ? 128 : 64 : 0;

    public static int NumberBytes => (TCodes.Scales == ScaleForm.Eighths ? 2 : 1) * (TCodes.HasMins ? 2 : 1) * Halves * UnpackedBlock.Rows;

    public static int ScaleBytes => TCodes.Scales == ScaleForm.Plain ? 32 : NumbersAt + Blocks * NumberBytes;

    static WeightKind Kind => TCodes.Unit == 32 ? WeightKind.I8 : TCodes.HasMins ? WeightKind.NumbersAndMins : WeightKind.Halves;

    public static PackedFormat Describe() => new(WeightFormat.Coded<TCodes>(), Kind, ScaleBytes, Blocks * QuantBytes)
    {
        Pack = &Pack,
        PackScalar = &Pack,
        Unpack = &Unpack,
        Avx2 = TCodes.Unit == 16 ? Avx2Rung.OfHalves<TCodes>()
            : Avx2Kernels.Of<Avx2Rung.CodedScaleReader<TCodes>, Avx2Rung.CodedQuants<TCodes>>(),
        Neon = &NeonCodes<TCodes>.Unpack,
        Reader = vectors => new CodedReader<TCodes>(vectors),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        CodedBlock block = new() { Codes = stackalloc byte[256], Numbers = stackalloc byte[16], Mins = stackalloc byte[16] };
        for (var group = 0; group < columns
            / TCodes.BlockWeights; group++, source += TCodes.BlockBytes, scales += ScaleBytes, quants += Blocks * QuantBytes)
            for (var r = 0; r < UnpackedBlock.Rows; r++)
            {
                TCodes.Decode(new ReadOnlySpan<byte>(source + r * rowBytes, TCodes.BlockBytes), ref block);
                PackScales(ref block, scales, r);
                fixed (byte* codes = block.Codes)
                    for (var b = 0; b < Blocks; b++)
                        CodePlanes.PackRow(TCodes.Bits, codes + b * UnpackedBlock.Columns, quants + b * QuantBytes, r);
            }
    }

    static void PackScales(ref CodedBlock block, byte* scales, int r)
    {
        if (TCodes.Scales == ScaleForm.Plain)
            ((Half*)scales)[r] = (Half)block.Scale;
        if (TCodes.Scales == ScaleForm.Numbers)
            ((float*)scales)[r] = block.Scale;
        if (TCodes.HasMins)
            ((float*)scales)[16 + r] = block.Min;
        if (TCodes.Scales == ScaleForm.Plain)
            return;
        for (var b = 0; b < Blocks; b++)
            for (var half = 0; half < Halves; half++)
            {
                var at = scales + NumbersAt + b * NumberBytes;
                if (TCodes.Scales == ScaleForm.Eighths)
                    ((Half*)at)[16 * half + r] = (Half)CodedScales.Eighths(block.Numbers[b * Halves + half]);
                else
                    at[16 * half + r] = block.Numbers[b * Halves + half];
                if (TCodes.HasMins)
                    at[32 + 16 * half + r] = block.Mins[b * Halves + half];
            }
    }

    /// <summary>The reference.</summary>
    static void Unpack(byte* scales, byte* quants, UnpackedBlock* blocks)
    {
        for (var b = 0; b < Blocks; b++, quants += QuantBytes)
        {
            CodePlanes.Unpack(TCodes.Bits, quants, blocks[b].Values);
            for (var i = 0; i < UnpackedBlock.Rows * UnpackedBlock.Columns; i++)
                blocks[b].Values[i] =
                    (byte)(TCodes.Values[blocks[b].Values[i]] * (TCodes.HasMins ? Numbers(scales, b, i / 256)[i % 64 / 4] : 1));
        }
        UnpackScales(scales, blocks);
    }

    /// <summary>The numbers of 16 rows for one half of a block, where there are minima.</summary>
    public static byte* Numbers(byte* scales, int block, int half) => scales + NumbersAt + block * NumberBytes + 16 * half;

    /// <summary>The scales of a group, of every form: the reference.</summary>
    public static void UnpackScales(byte* scales, UnpackedBlock* blocks)
    {
        for (var b = 0; b < Blocks; b++)
            for (var half = 0; half < Halves; half++)
            {
                float* to = half == 0 ? blocks[b].Scales : blocks[b].LastScales, mins = half == 0 ? blocks[b].Mins : blocks[b].LastMins;
                var at = scales + NumbersAt + b * NumberBytes + (TCodes.Scales == ScaleForm.Eighths ? 32 : 16) * half;
                for (var r = 0; r < UnpackedBlock.Rows; r++)
                {
                    to[r] = TCodes.Scales switch
                    {
                        ScaleForm.Plain => (float)((Half*)scales)[r],
                        ScaleForm.Numbers when TCodes.HasMins => ((float*)scales)[r],
                        ScaleForm.Numbers => ((float*)scales)[r] * (sbyte)at[r],
                        ScaleForm.Exponents => Power(at[r]),
                        _ => (float)((Half*)at)[r],
                    };
                    if (TCodes.HasMins)
                        mins[r] = -(((float*)scales)[16 + r] * (sbyte)at[32 + r]);
                }
            }
    }

    // 2^(e − 128) as kernels compute it: twice, halved. The very least, 2^-128, is 0.
    static float Power(byte e) => BitConverter.UInt32BitsToSingle((uint)e << 23) * 0.5f;
}
