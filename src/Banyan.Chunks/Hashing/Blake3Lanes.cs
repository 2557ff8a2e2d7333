using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Banyan.Chunks;

/// <summary>What a vector does for <see cref="Blake3Lanes"/>: one input per 32-bit lane.</summary>
/// <typeparam name="TVector">The vector of 32-bit words.</typeparam>
unsafe interface IBlake3Lanes<TVector> where TVector : unmanaged
{
    /// <summary>The word in every lane.</summary>
    static abstract TVector All(uint word);

    /// <summary>0, 1, 2, …</summary>
    static abstract TVector Indices { get; }

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Xor(TVector a, TVector b);

    static abstract TVector RotateRight(TVector v, [ConstantExpected] byte bits);

    /// <summary>
    /// Reads a block of 16 words of each input and writes it as columns: <c>m[w]</c> holds word w of every input. <paramref name="m"/> has
    /// room for as many vectors again.
    /// </summary>
    /// <param name="input">The first input; the others follow at <paramref name="stride"/> bytes.</param>
    /// <param name="stride">Distance between two inputs in bytes.</param>
    /// <param name="m">Aligned to 64 bytes.</param>
    /// <param name="goesOn">Whether another block follows.</param>
    static abstract void Load(byte* input, nint stride, TVector* m, bool goesOn);

    /// <summary>Writes eight columns, <c>m[w]</c> holding word w of every input, as rows of eight words.</summary>
    static abstract void Store(TVector* m, uint* values);
}

/// <summary>BLAKE3 over as many inputs at once as a vector has lanes: no step of the hash crosses lanes.</summary>
static unsafe class Blake3Lanes
{
    /// <summary>Hashes one input a lane, each of <paramref name="blocks"/> whole 64-byte blocks.</summary>
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
    /// <param name="values">Receives 8 words an input; may overlap inputs already read.</param>
    [SkipLocalsInit, MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hash<TLanes, TVector>(byte* input, nint stride, int blocks, uint* key, ulong counter, bool counts, uint flags,
        uint first, uint last, uint* values)
        where TLanes : struct, IBlake3Lanes<TVector>
        where TVector : unmanaged
    {
        var h0 = TLanes.All(key[0]);
        var h1 = TLanes.All(key[1]);
        var h2 = TLanes.All(key[2]);
        var h3 = TLanes.All(key[3]);
        var h4 = TLanes.All(key[4]);
        var h5 = TLanes.All(key[5]);
        var h6 = TLanes.All(key[6]);
        var h7 = TLanes.All(key[7]);

        // A span in memory is far below 2^32 kibibytes, so the high half of the counter is the same in all lanes.
        var counterLow = TLanes.All((uint)counter);
        if (counts)
            counterLow = TLanes.Add(counterLow, TLanes.Indices);
        var counterHigh = TLanes.All((uint)(counter >> 32));
        // A register load across two cache lines takes twice as long.
        var lines = stackalloc TVector[2 * 16 + 64 / sizeof(TVector)];
        var m = (TVector*)(((nint)lines + 63) & ~63);

        fixed (byte* schedule = Blake3.Schedule)
        {
            for (var block = 0; block < blocks; block++, input += Blake3.BlockLength)
            {
                TLanes.Load(input, stride, m, block + 1 < blocks);
                var blockFlags = flags | (block == 0 ? first : 0) | (block == blocks - 1 ? last : 0);

                TVector v0 = h0, v1 = h1, v2 = h2, v3 = h3, v4 = h4, v5 = h5, v6 = h6, v7 = h7;
                var v8 = TLanes.All(Blake3.Iv[0]);
                var v9 = TLanes.All(Blake3.Iv[1]);
                var v10 = TLanes.All(Blake3.Iv[2]);
                var v11 = TLanes.All(Blake3.Iv[3]);
                var v12 = counterLow;
                var v13 = counterHigh;
                var v14 = TLanes.All((uint)Blake3.BlockLength);
                var v15 = TLanes.All(blockFlags);

                for (var s = schedule; s < schedule + 7 * 16; s += 16)
                {
                    Mix<TLanes, TVector>(ref v0, ref v4, ref v8, ref v12, m[s[0]], m[s[1]]);
                    Mix<TLanes, TVector>(ref v1, ref v5, ref v9, ref v13, m[s[2]], m[s[3]]);
                    Mix<TLanes, TVector>(ref v2, ref v6, ref v10, ref v14, m[s[4]], m[s[5]]);
                    Mix<TLanes, TVector>(ref v3, ref v7, ref v11, ref v15, m[s[6]], m[s[7]]);
                    Mix<TLanes, TVector>(ref v0, ref v5, ref v10, ref v15, m[s[8]], m[s[9]]);
                    Mix<TLanes, TVector>(ref v1, ref v6, ref v11, ref v12, m[s[10]], m[s[11]]);
                    Mix<TLanes, TVector>(ref v2, ref v7, ref v8, ref v13, m[s[12]], m[s[13]]);
                    Mix<TLanes, TVector>(ref v3, ref v4, ref v9, ref v14, m[s[14]], m[s[15]]);
                }
                h0 = TLanes.Xor(v0, v8);
                h1 = TLanes.Xor(v1, v9);
                h2 = TLanes.Xor(v2, v10);
                h3 = TLanes.Xor(v3, v11);
                h4 = TLanes.Xor(v4, v12);
                h5 = TLanes.Xor(v5, v13);
                h6 = TLanes.Xor(v6, v14);
                h7 = TLanes.Xor(v7, v15);
            }
        }
        (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7]) = (h0, h1, h2, h3, h4, h5, h6, h7);
        TLanes.Store(m, values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Mix<TLanes, TVector>(ref TVector a, ref TVector b, ref TVector c, ref TVector d, TVector x, TVector y)
        where TLanes : struct, IBlake3Lanes<TVector>
        where TVector : unmanaged
    {
        a = TLanes.Add(a, TLanes.Add(b, x));
        d = TLanes.RotateRight(TLanes.Xor(d, a), 16);
        c = TLanes.Add(c, d);
        b = TLanes.RotateRight(TLanes.Xor(b, c), 12);
        a = TLanes.Add(a, TLanes.Add(b, y));
        d = TLanes.RotateRight(TLanes.Xor(d, a), 8);
        c = TLanes.Add(c, d);
        b = TLanes.RotateRight(TLanes.Xor(b, c), 7);
    }
}
