using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>Arm64's code for formats of codes (<see cref="CodedPacking{TCodes}"/>): 16 codes looked up at a time.</summary>
internal static unsafe class NeonCodes<TCodes> where TCodes : struct, ICodes
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* to)
    {
        var table = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(TCodes.Values)).AsByte();
        for (var b = 0; b < CodedPacking<TCodes>.Blocks; b++, quants += CodedPacking<TCodes>.QuantBytes)
        {
            var values = to[b].Values;
            for (var i = 0; i < 64; i += 16)
                for (var j = 0; j < 8; j++)
                {
                    var each = Vector128.Shuffle(table, Codes(quants + i, j));
                    if (TCodes.HasMins)
                        each *= Numbers(CodedPacking<TCodes>.Numbers(scales, b, j / 4) + i / 4);
                    each.Store(values + j * 64 + i);
                }
        }
        CodedPacking<TCodes>.UnpackScales(scales, to);
    }

    // Four rows' numbers, four times each.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Numbers(byte* numbers) =>
        Vector128.Shuffle(Vector128.CreateScalarUnsafe(*(uint*)numbers).AsByte(),
            Vector128.Create((byte)0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Codes(byte* quants, int j)
    {
        if (TCodes.Bits == 4)
        {
            var nibbles = Vector128.Load(quants + j % 4 * 64);
            return j < 4 ? nibbles & Vector128.Create((byte)15) : nibbles >>> 4;
        }
        var codes = Vector128.Load(quants + j / 4 * 64) >>> j % 4 * 2 & Vector128.Create((byte)3);
        return TCodes.Bits == 2 ? codes : codes | (Vector128.Load(quants + 128) >>> j & Vector128<byte>.One) << 2;
    }
}
