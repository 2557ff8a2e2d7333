using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Chunks;

/// <summary>Sixteen inputs at once for <see cref="Blake3Lanes"/>: a block of 64 bytes is one register.</summary>
readonly unsafe struct Blake3Avx512 : IBlake3Lanes<Vector512<uint>>
{
    public const int Inputs = 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> All(uint word) => Vector512.Create(word);

    public static Vector512<uint> Indices => Vector512<uint>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> a, Vector512<uint> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> a, Vector512<uint> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight(Vector512<uint> v, [ConstantExpected] byte bits) => Avx512F.RotateRight(v, bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* input, nint stride, Vector512<uint>* m, bool goesOn)
    {
        LoadTransposed(input, stride, m, m + 16);
        // Sixteen streams at once are more than the hardware prefetcher tracks.
        if (goesOn)
            for (var i = 0; i < Inputs; i++)
                Sse.Prefetch0(input + Blake3.BlockLength + i * stride);
    }

    /// <summary>As 16 × 16 words of which the right half is unused.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<uint>* m, uint* values)
    {
        LoadTransposed((byte*)m, sizeof(Vector512<uint>), m, m + 16);
        for (var i = 0; i < Inputs; i++)
            m[i].GetLower().Store(values + i * Blake3.ValueWords);
    }

    /// <summary>Reads 16 words of each of 16 rows and writes them as columns: <c>m[w]</c> holds word w of every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void LoadTransposed(byte* rows, nint stride, Vector512<uint>* m, Vector512<uint>* c)
    {
        // Pairs of words, then of double words: lane k of c[4 i + j] holds word 4 k + j of rows 4 i … 4 i + 3.
        for (var i = 0; i < 4; i++, rows += 4 * stride)
        {
            var r0 = Vector512.Load((uint*)rows);
            var r1 = Vector512.Load((uint*)(rows + stride));
            var r2 = Vector512.Load((uint*)(rows + 2 * stride));
            var r3 = Vector512.Load((uint*)(rows + 3 * stride));
            var a0 = Avx512F.UnpackLow(r0, r1).AsUInt64();
            var a1 = Avx512F.UnpackHigh(r0, r1).AsUInt64();
            var a2 = Avx512F.UnpackLow(r2, r3).AsUInt64();
            var a3 = Avx512F.UnpackHigh(r2, r3).AsUInt64();
            c[4 * i] = Avx512F.UnpackLow(a0, a2).AsUInt32();
            c[4 * i + 1] = Avx512F.UnpackHigh(a0, a2).AsUInt32();
            c[4 * i + 2] = Avx512F.UnpackLow(a1, a3).AsUInt32();
            c[4 * i + 3] = Avx512F.UnpackHigh(a1, a3).AsUInt32();
        }
        // Then the 4 × 4 lanes of each j.
        for (var j = 0; j < 4; j++)
        {
            var low01 = Avx512F.Shuffle4x128(c[j], c[4 + j], 0b_01_00_01_00);
            var high01 = Avx512F.Shuffle4x128(c[j], c[4 + j], 0b_11_10_11_10);
            var low23 = Avx512F.Shuffle4x128(c[8 + j], c[12 + j], 0b_01_00_01_00);
            var high23 = Avx512F.Shuffle4x128(c[8 + j], c[12 + j], 0b_11_10_11_10);
            m[j] = Avx512F.Shuffle4x128(low01, low23, 0b_10_00_10_00);
            m[4 + j] = Avx512F.Shuffle4x128(low01, low23, 0b_11_01_11_01);
            m[8 + j] = Avx512F.Shuffle4x128(high01, high23, 0b_10_00_10_00);
            m[12 + j] = Avx512F.Shuffle4x128(high01, high23, 0b_11_01_11_01);
        }
    }
}
