using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// Packs formats whose blocks of 32 columns are some F16 words (a scale, or a scale and a minimum), the fifth bits where there are any, and
/// 16 bytes of nibbles, of columns c and c + 16 in one byte: as the panel has them.
/// </summary>
internal static unsafe class SmallBlocks
{
    const int FifthBytes = 4, NibbleBytes = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants, int words, bool hasFifth)
    {
        var (fifthAt, nibblesAt, quantBytes) = Layout(words, hasFifth);
        var lanes = stackalloc Vector256<uint>[4];
        for (var group = 0; group < columns / 32; group++, source += nibblesAt + NibbleBytes, scales += words * 32, quants += quantBytes)
            for (var half = 0; half < 2; half++)
            {
                var block = source + half * EightRows.Rows * rowBytes;
                var to = quants + half * EightRows.Bytes;
                for (var word = 0; word < words; word++)
                    EightRows.CopyWords(block + word * 2, rowBytes, scales + word * 32 + half * 16);
                EightRows.Load4(block + nibblesAt, rowBytes, lanes);
                EightRows.Store(lanes, 4, to);
                if (hasFifth)
                    HighBits.Pack(EightRows.Dwords(block + fifthAt, rowBytes)).Store((uint*)(to + Nibbles.Bytes));
            }
    }

    /// <summary>The reference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants, int words, bool hasFifth)
    {
        var (fifthAt, nibblesAt, quantBytes) = Layout(words, hasFifth);
        for (var group = 0; group < columns / 32; group++, source += nibblesAt + NibbleBytes, scales += words * 32, quants += quantBytes)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                for (var word = 0; word < words; word++)
                    ((ushort*)scales)[word * 16 + r] = ((ushort*)block)[word];
                var nibbles = (uint*)(block + nibblesAt);
                for (var p = 0; p < 4; p++)
                    ((uint*)quants)[p * 16 + r] = nibbles[p];
                if (hasFifth)
                    HighBits.PackRow(*(uint*)(block + fifthAt), (uint*)(quants + Nibbles.Bytes), r);
            }
    }

    static (int FifthAt, int NibblesAt, int QuantBytes) Layout(int words, bool hasFifth) =>
        (2 * words, 2 * words + (hasFifth ? FifthBytes : 0), Nibbles.Bytes + (hasFifth ? HighBits.Bytes : 0));
}
