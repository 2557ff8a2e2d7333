using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Chunks;

/// <summary>Eight inputs at once for <see cref="Blake3Lanes"/>. Uses the rotations of AVX-512 where available.</summary>
readonly unsafe struct Blake3Avx2 : IBlake3Lanes<Vector256<uint>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> All(uint word) => Vector256.Create(word);

    public static Vector256<uint> Indices => Vector256<uint>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> a, Vector256<uint> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> a, Vector256<uint> b) => a ^ b;

    // AVX-512 has the rotation as one instruction; without it whole bytes are shuffled and the rest is two shifts.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight(Vector256<uint> v, [ConstantExpected] byte bits) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(v, bits)
        : bits == 16 ? Avx2.Shuffle(v.AsByte(), Vector256.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
            2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)).AsUInt32()
        : bits == 8 ? Avx2.Shuffle(v.AsByte(), Vector256.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,
            1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)).AsUInt32()
        : (v >>> bits) | (v << (32 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* input, nint stride, Vector256<uint>* m, bool goesOn)
    {
        LoadTransposed(input, stride, m);
        LoadTransposed(input + 32, stride, m + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint>* m, uint* values) =>
        LoadTransposed((byte*)m, sizeof(Vector256<uint>), (Vector256<uint>*)values);

    /// <summary>Reads 8 words of each of 8 rows and writes them as columns: <c>m[w]</c> holds word w of every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void LoadTransposed(byte* rows, nint stride, Vector256<uint>* m)
    {
        var r0 = Vector256.Load((uint*)rows);
        var r1 = Vector256.Load((uint*)(rows + stride));
        var r2 = Vector256.Load((uint*)(rows + 2 * stride));
        var r3 = Vector256.Load((uint*)(rows + 3 * stride));
        var r4 = Vector256.Load((uint*)(rows + 4 * stride));
        var r5 = Vector256.Load((uint*)(rows + 5 * stride));
        var r6 = Vector256.Load((uint*)(rows + 6 * stride));
        var r7 = Vector256.Load((uint*)(rows + 7 * stride));

        // Pairs of words, then of double words, then of halves.
        var a0 = Avx2.UnpackLow(r0, r1).AsUInt64();
        var a1 = Avx2.UnpackHigh(r0, r1).AsUInt64();
        var a2 = Avx2.UnpackLow(r2, r3).AsUInt64();
        var a3 = Avx2.UnpackHigh(r2, r3).AsUInt64();
        var a4 = Avx2.UnpackLow(r4, r5).AsUInt64();
        var a5 = Avx2.UnpackHigh(r4, r5).AsUInt64();
        var a6 = Avx2.UnpackLow(r6, r7).AsUInt64();
        var a7 = Avx2.UnpackHigh(r6, r7).AsUInt64();

        var b0 = Avx2.UnpackLow(a0, a2).AsUInt32();
        var b1 = Avx2.UnpackHigh(a0, a2).AsUInt32();
        var b2 = Avx2.UnpackLow(a1, a3).AsUInt32();
        var b3 = Avx2.UnpackHigh(a1, a3).AsUInt32();
        var b4 = Avx2.UnpackLow(a4, a6).AsUInt32();
        var b5 = Avx2.UnpackHigh(a4, a6).AsUInt32();
        var b6 = Avx2.UnpackLow(a5, a7).AsUInt32();
        var b7 = Avx2.UnpackHigh(a5, a7).AsUInt32();

        m[0] = Avx2.Permute2x128(b0, b4, 0x20);
        m[1] = Avx2.Permute2x128(b1, b5, 0x20);
        m[2] = Avx2.Permute2x128(b2, b6, 0x20);
        m[3] = Avx2.Permute2x128(b3, b7, 0x20);
        m[4] = Avx2.Permute2x128(b0, b4, 0x31);
        m[5] = Avx2.Permute2x128(b1, b5, 0x31);
        m[6] = Avx2.Permute2x128(b2, b6, 0x31);
        m[7] = Avx2.Permute2x128(b3, b7, 0x31);
    }
}
