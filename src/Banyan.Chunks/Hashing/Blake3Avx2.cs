using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Chunks;

/// <summary>
/// BLAKE3 over eight inputs at once, one per 32-bit lane: no step of the hash crosses lanes. Uses the rotations of AVX-512 where available.
/// </summary>
static unsafe class Blake3Avx2
{
    /// <summary>Hashes eight inputs of <paramref name="blocks"/> whole 64-byte blocks each.</summary>
    /// <param name="input">The first input; the others follow at <paramref name="stride"/> bytes.</param>
    /// <param name="stride">Distance between two inputs in bytes.</param>
    /// <param name="blocks">Blocks per input.</param>
    /// <param name="key">8 words.</param>
    /// <param name="counter">Counter of the first input.</param>
    /// <param name="counts">Whether the counter grows by one per input (kibibytes) or stays (parents).</param>
    /// <param name="flags">Flags of every block; <paramref name="first"/> and <paramref name="last"/> are added on the first and
    /// last.</param>
    /// <param name="first">See <paramref name="flags"/>.</param>
    /// <param name="last">See <paramref name="flags"/>.</param>
    /// <param name="values">Receives 8 × 8 words; may overlap inputs already read.</param>
    [SkipLocalsInit, MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hash8(byte* input, nint stride, int blocks, uint* key, ulong counter, bool counts, uint flags,
        uint first, uint last, uint* values)
    {
        var h0 = Vector256.Create(key[0]);
        var h1 = Vector256.Create(key[1]);
        var h2 = Vector256.Create(key[2]);
        var h3 = Vector256.Create(key[3]);
        var h4 = Vector256.Create(key[4]);
        var h5 = Vector256.Create(key[5]);
        var h6 = Vector256.Create(key[6]);
        var h7 = Vector256.Create(key[7]);

        // A span in memory is far below 2^32 kibibytes, so the high half of the counter is the same in all lanes.
        var counterLow = Vector256.Create((uint)counter) + (counts ? Vector256<uint>.Indices : Vector256<uint>.Zero);
        var counterHigh = Vector256.Create((uint)(counter >> 32));
        var m = stackalloc Vector256<uint>[16];

        fixed (byte* schedule = Blake3.Schedule)
        {
            for (var block = 0; block < blocks; block++, input += Blake3.BlockLength)
            {
                LoadTransposed(input, stride, m);
                LoadTransposed(input + 32, stride, m + 8);
                var blockFlags = flags | (block == 0 ? first : 0) | (block == blocks - 1 ? last : 0);

                Vector256<uint> v0 = h0, v1 = h1, v2 = h2, v3 = h3, v4 = h4, v5 = h5, v6 = h6, v7 = h7;
                var v8 = Vector256.Create(Blake3.Iv[0]);
                var v9 = Vector256.Create(Blake3.Iv[1]);
                var v10 = Vector256.Create(Blake3.Iv[2]);
                var v11 = Vector256.Create(Blake3.Iv[3]);
                var v12 = counterLow;
                var v13 = counterHigh;
                var v14 = Vector256.Create((uint)Blake3.BlockLength);
                var v15 = Vector256.Create(blockFlags);

                for (var s = schedule; s < schedule + 7 * 16; s += 16)
                {
                    Mix(ref v0, ref v4, ref v8, ref v12, m[s[0]], m[s[1]]);
                    Mix(ref v1, ref v5, ref v9, ref v13, m[s[2]], m[s[3]]);
                    Mix(ref v2, ref v6, ref v10, ref v14, m[s[4]], m[s[5]]);
                    Mix(ref v3, ref v7, ref v11, ref v15, m[s[6]], m[s[7]]);
                    Mix(ref v0, ref v5, ref v10, ref v15, m[s[8]], m[s[9]]);
                    Mix(ref v1, ref v6, ref v11, ref v12, m[s[10]], m[s[11]]);
                    Mix(ref v2, ref v7, ref v8, ref v13, m[s[12]], m[s[13]]);
                    Mix(ref v3, ref v4, ref v9, ref v14, m[s[14]], m[s[15]]);
                }
                h0 = v0 ^ v8;
                h1 = v1 ^ v9;
                h2 = v2 ^ v10;
                h3 = v3 ^ v11;
                h4 = v4 ^ v12;
                h5 = v5 ^ v13;
                h6 = v6 ^ v14;
                h7 = v7 ^ v15;
            }
        }
        (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7]) = (h0, h1, h2, h3, h4, h5, h6, h7);
        LoadTransposed((byte*)m, sizeof(Vector256<uint>), (Vector256<uint>*)values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Mix(ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d,
        Vector256<uint> x, Vector256<uint> y)
    {
        a += b + x;
        d = Rotate16(d ^ a);
        c += d;
        b = Rotate(b ^ c, 12);
        a += b + y;
        d = Rotate8(d ^ a);
        c += d;
        b = Rotate(b ^ c, 7);
    }

    // AVX-512 has the rotation as one instruction; without it whole bytes are shuffled and the rest is two shifts.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<uint> Rotate(Vector256<uint> v, [ConstantExpected] byte bits) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(v, bits) : (v >>> bits) | (v << (32 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<uint> Rotate16(Vector256<uint> v) => Avx512F.VL.IsSupported
        ? Avx512F.VL.RotateRight(v, 16)
        : Avx2.Shuffle(v.AsByte(),
            Vector256.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9,
                14, 15, 12, 13)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<uint> Rotate8(Vector256<uint> v) => Avx512F.VL.IsSupported
        ? Avx512F.VL.RotateRight(v, 8)
        : Avx2.Shuffle(v.AsByte(),
            Vector256.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8,
                13, 14, 15, 12)).AsUInt32();

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
