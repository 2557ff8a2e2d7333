using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// Rows become lanes, eight at a time, in registers: what the scalar packing does a dword at a time, which took most of a model's loading.
/// The same bytes come out. A panel is two halves of eight rows; from vector to vector of a panel there are 64 bytes.
/// </summary>
internal static unsafe class EightRows
{
    /// <summary>Rows of a half, and bytes of theirs in a vector of a panel.</summary>
    public const int Rows = 8, Bytes = 32, VectorBytes = 64;

    /// <summary>Whether packing goes this way; the scalar rung forces the scalar way.</summary>
    public static bool IsSupported => Avx2.IsSupported && BitConverter.IsLittleEndian && Ladder.UsesVectors;

    /// <summary>lanes[j], j &lt; 4: dword j of each of the rows at <paramref name="source"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load4(byte* source, nint rowBytes, Vector256<uint>* lanes)
    {
        // Rows four apart share a vector, so that nothing crosses its halves.
        var a = Vector256.Create(Vector128.Load((uint*)source), Vector128.Load((uint*)(source + 4 * rowBytes)));
        var b = Vector256.Create(Vector128.Load((uint*)(source + rowBytes)), Vector128.Load((uint*)(source + 5 * rowBytes)));
        var c = Vector256.Create(Vector128.Load((uint*)(source + 2 * rowBytes)), Vector128.Load((uint*)(source + 6 * rowBytes)));
        var d = Vector256.Create(Vector128.Load((uint*)(source + 3 * rowBytes)), Vector128.Load((uint*)(source + 7 * rowBytes)));
        var (ab, cd) = (Avx2.UnpackLow(a, b).AsUInt64(), Avx2.UnpackLow(c, d).AsUInt64());
        lanes[0] = Avx2.UnpackLow(ab, cd).AsUInt32();
        lanes[1] = Avx2.UnpackHigh(ab, cd).AsUInt32();
        (ab, cd) = (Avx2.UnpackHigh(a, b).AsUInt64(), Avx2.UnpackHigh(c, d).AsUInt64());
        lanes[2] = Avx2.UnpackLow(ab, cd).AsUInt32();
        lanes[3] = Avx2.UnpackHigh(ab, cd).AsUInt32();
    }

    /// <summary>lanes[j], j &lt; 8: the same of 32 bytes a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load8(byte* source, nint rowBytes, Vector256<uint>* lanes)
    {
        Load4(source, rowBytes, lanes);
        Load4(source + 16, rowBytes, lanes + 4);
    }

    /// <summary>Vectors <paramref name="lanes"/>[0, count) to every 64th byte from <paramref name="to"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint>* lanes, int count, byte* to)
    {
        for (var j = 0; j < count; j++)
            lanes[j].Store((uint*)(to + j * VectorBytes));
    }

    /// <summary>Element i: byte i of each row's dword, rows in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> ByByte(Vector256<uint> dwords)
    {
        var order = Vector256.Create((byte)0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 4, 8, 12, 1, 5, 9, 13, 2,
            6, 10, 14, 3, 7, 11, 15);
        return Avx2.PermuteVar8x32(Avx2.Shuffle(dwords.AsByte(), order).AsUInt32(), Vector256.Create(0u, 4, 1, 5, 2, 6, 3, 7)).AsUInt64();
    }

    /// <summary>A word of each row, such as its scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyWords(byte* source, nint rowBytes, byte* to)
    {
        for (var r = 0; r < Rows; r++)
            ((ushort*)to)[r] = *(ushort*)(source + r * rowBytes);
    }

    /// <summary>A dword of each row that lies anywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Dwords(byte* source, nint rowBytes) => Vector256.Create(
        *(uint*)source, *(uint*)(source + rowBytes), *(uint*)(source + 2 * rowBytes), *(uint*)(source + 3 * rowBytes),
        *(uint*)(source + 4 * rowBytes), *(uint*)(source + 5 * rowBytes), *(uint*)(source + 6 * rowBytes), *(uint*)(source + 7 * rowBytes));
}
