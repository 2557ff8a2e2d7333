using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Chunks;

/// <summary>
/// BLAKE3 over sixteen inputs at once, one per 32-bit lane, as <see cref="Blake3Avx2"/> does over eight: a block of 64 bytes is one
/// register.
/// </summary>
static unsafe class Blake3Avx512
{
    public const int Inputs = 16;

    // The parameters are those of Blake3Avx2.Hash8; values receives 16 × 8 words.
    [SkipLocalsInit, MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hash16(byte* input, nint stride, int blocks, uint* key, ulong counter, bool counts, uint flags,
        uint first, uint last, uint* values)
    {
        var h0 = Vector512.Create(key[0]);
        var h1 = Vector512.Create(key[1]);
        var h2 = Vector512.Create(key[2]);
        var h3 = Vector512.Create(key[3]);
        var h4 = Vector512.Create(key[4]);
        var h5 = Vector512.Create(key[5]);
        var h6 = Vector512.Create(key[6]);
        var h7 = Vector512.Create(key[7]);

        var counterLow = Vector512.Create((uint)counter) + (counts ? Vector512<uint>.Indices : Vector512<uint>.Zero);
        var counterHigh = Vector512.Create((uint)(counter >> 32));
        // A register load across two cache lines takes twice as long.
        var lines = stackalloc Vector512<uint>[16 + 16 + 1];
        var m = (Vector512<uint>*)(((nint)lines + 63) & ~63);

        fixed (byte* schedule = Blake3.Schedule)
        {
            for (var block = 0; block < blocks; block++, input += Blake3.BlockLength)
            {
                LoadTransposed(input, stride, m, m + 16);
                // Sixteen streams at once are more than the hardware prefetcher tracks.
                if (block + 1 < blocks)
                    for (var i = 0; i < Inputs; i++)
                        Sse.Prefetch0(input + Blake3.BlockLength + i * stride);
                var blockFlags = flags | (block == 0 ? first : 0) | (block == blocks - 1 ? last : 0);

                Vector512<uint> v0 = h0, v1 = h1, v2 = h2, v3 = h3, v4 = h4, v5 = h5, v6 = h6, v7 = h7;
                var v8 = Vector512.Create(Blake3.Iv[0]);
                var v9 = Vector512.Create(Blake3.Iv[1]);
                var v10 = Vector512.Create(Blake3.Iv[2]);
                var v11 = Vector512.Create(Blake3.Iv[3]);
                var v12 = counterLow;
                var v13 = counterHigh;
                var v14 = Vector512.Create((uint)Blake3.BlockLength);
                var v15 = Vector512.Create(blockFlags);

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
        // Back to rows: as 16 × 16 words of which the right half is unused.
        (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7]) = (h0, h1, h2, h3, h4, h5, h6, h7);
        LoadTransposed((byte*)m, sizeof(Vector512<uint>), m, m + 16);
        for (var i = 0; i < Inputs; i++)
            m[i].GetLower().Store(values + i * Blake3.ValueWords);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Mix(ref Vector512<uint> a, ref Vector512<uint> b, ref Vector512<uint> c, ref Vector512<uint> d,
        Vector512<uint> x, Vector512<uint> y)
    {
        a += b + x;
        d = Avx512F.RotateRight(d ^ a, 16);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 12);
        a += b + y;
        d = Avx512F.RotateRight(d ^ a, 8);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 7);
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
