using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Chunks;

/// <summary>
/// BLAKE3's keyed hash of bytes in memory (specification 1.0, "keyed_hash"), 32 bytes of output.
/// Kibibytes are hashed sixteen at a time with AVX-512 (<see cref="Blake3Avx512"/>), eight with AVX2 (<see cref="Blake3Avx2"/>); the
/// remainder by rows (<see cref="Blake3Rows"/>) or word by word, which is the reference that all others agree with.
/// </summary>
static unsafe class Blake3
{
    internal const int BlockLength = 64, ChunkLength = 1024, ValueWords = 8;
    internal const uint ChunkStart = 1, ChunkEnd = 2, Parent = 4, Root = 8, Keyed = 16;

    internal static ReadOnlySpan<uint> Iv =>
        [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19];

    /// <summary>Which message word each of a round's 16 places takes: the permutation of the specification, applied 0 … 6 times.</summary>
    internal static ReadOnlySpan<byte> Schedule =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8,
        3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1,
        10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6,
        12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4,
        9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7,
        11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13,
    ];

    /// <param name="data">Any number of bytes.</param>
    /// <param name="key">32 bytes.</param>
    /// <param name="hash">Receives 32 bytes.</param>
    public static void Hash(ReadOnlySpan<byte> data, ReadOnlySpan<byte> key, Span<byte> hash) => Hash(data, key, hash, MostLanes);

    /// <summary>How many kibibytes this processor hashes at a time: 16, 8, 1; 0 means one at a time, word by word.</summary>
    internal static int MostLanes => Avx512F.IsSupported ? Blake3Avx512.Inputs : Avx2.IsSupported ? 8
        : Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian ? 1 : 0;

    internal static void Hash(ReadOnlySpan<byte> data, ReadOnlySpan<byte> key, Span<byte> hash, int lanes)
    {
        var keyWords = stackalloc uint[ValueWords];
        key[..32].CopyTo(new Span<byte>(keyWords, 32));
        fixed (byte* input = data)
        {
            var value = stackalloc uint[ValueWords];
            if (data.Length <= ChunkLength)
                HashChunk(input, data.Length, keyWords, 0, Root, value, lanes);
            else
                HashTree(input, data.Length, keyWords, value, lanes);
            new ReadOnlySpan<byte>(value, 32).CopyTo(hash);
        }
    }

    /// <summary>More than one kibibyte: hashes all of them, then combines neighbours into parents level by level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void HashTree(byte* input, int length, uint* key, uint* root, int lanes)
    {
        var count = (length + ChunkLength - 1) / ChunkLength;
        var rented = ArrayPool<uint>.Shared.Rent(count * ValueWords);
        fixed (uint* values = rented)
        {
            var whole = length / ChunkLength;
            var i = 0;
            if (lanes == 16)
                for (; i + 16 <= whole; i += 16)
                    Blake3Lanes.Hash<Blake3Avx512, Vector512<uint>>(input + (long)i * ChunkLength, ChunkLength, ChunkLength / BlockLength,
                        key, (ulong)i, true, Keyed, ChunkStart, ChunkEnd, values + i * ValueWords);
            if (lanes >= 8 && whole >= 8)
            {
                for (; i < whole; i += 8)
                {
                    // The last eight may overlap some that are done: hashing those again is cheaper than hashing one at a time.
                    i = Math.Min(i, whole - 8);
                    Blake3Lanes.Hash<Blake3Avx2, Vector256<uint>>(input + (long)i * ChunkLength, ChunkLength, ChunkLength / BlockLength,
                        key, (ulong)i, true, Keyed, ChunkStart, ChunkEnd, values + i * ValueWords);
                }
            }
            for (; i < count; i++)
                HashChunk(input + (long)i * ChunkLength, Math.Min(ChunkLength, length - i * ChunkLength), key, (ulong)i, 0,
                    values + i * ValueWords, lanes);

            // The left subtree holds the largest power of two: pairing neighbours and passing an odd last one up builds exactly that.
            for (; count > 2; count = count / 2 + count % 2)
            {
                var pair = 0;
                if (lanes == 16)
                    for (; pair + 16 <= count / 2; pair += 16)
                        Blake3Lanes.Hash<Blake3Avx512, Vector512<uint>>((byte*)(values + pair * 2 * ValueWords), BlockLength, 1, key, 0,
                            false, Keyed | Parent, 0, 0, values + pair * ValueWords);
                if (lanes >= 8)
                    for (; pair + 8 <= count / 2; pair += 8)
                        Blake3Lanes.Hash<Blake3Avx2, Vector256<uint>>((byte*)(values + pair * 2 * ValueWords), BlockLength, 1, key, 0,
                            false, Keyed | Parent, 0, 0, values + pair * ValueWords);
                for (; pair < count / 2; pair++)
                    HashParent(values + pair * 2 * ValueWords, key, 0, values + pair * ValueWords, lanes);
                if (count % 2 == 1)
                    new Span<uint>(values + (count - 1) * ValueWords,
                        ValueWords).CopyTo(new Span<uint>(values + pair * ValueWords, ValueWords));
            }
            HashParent(values, key, Root, root, lanes);
        }
        ArrayPool<uint>.Shared.Return(rented);
    }

    static void HashParent(uint* children, uint* key, uint flags, uint* value, int lanes)
    {
        var result = stackalloc uint[ValueWords];
        new Span<uint>(key, ValueWords).CopyTo(new Span<uint>(result, ValueWords));
        Compress(result, (byte*)children, BlockLength, 0, Keyed | Parent | flags, lanes);
        new Span<uint>(result, ValueWords).CopyTo(new Span<uint>(value, ValueWords));
    }

    static void HashChunk(byte* input, int length, uint* key, ulong counter, uint lastFlags, uint* value, int lanes)
    {
        new Span<uint>(key, ValueWords).CopyTo(new Span<uint>(value, ValueWords));
        var block = stackalloc byte[BlockLength];
        var flags = Keyed | ChunkStart;
        for (; length > BlockLength; input += BlockLength, length -= BlockLength, flags = Keyed)
            Compress(value, input, BlockLength, counter, flags, lanes);
        new Span<byte>(block, BlockLength).Clear();
        new ReadOnlySpan<byte>(input, length).CopyTo(new Span<byte>(block, BlockLength));
        Compress(value, block, (uint)length, counter, flags | ChunkEnd | lastFlags, lanes);
    }

    static void Compress(uint* value, byte* block, uint length, ulong counter, uint flags, int lanes)
    {
        if (lanes > 0)
            Blake3Rows.Compress(value, block, length, counter, flags);
        else
            Compress(value, block, length, counter, flags);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Compress(uint* value, byte* block, uint length, ulong counter, uint flags)
    {
        var m = (uint*)block;
        var v = stackalloc uint[16];
        for (var i = 0; i < 8; i++)
            v[i] = value[i];
        for (var i = 0; i < 4; i++)
            v[8 + i] = Iv[i];
        (v[12], v[13], v[14], v[15]) = ((uint)counter, (uint)(counter >> 32), length, flags);
        fixed (byte* schedule = Schedule)
            for (var s = schedule; s < schedule + 7 * 16; s += 16)
            {
                Mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
                Mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
                Mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
                Mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
                Mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
                Mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
                Mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
                Mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
            }
        for (var i = 0; i < 8; i++)
            value[i] = v[i] ^ v[8 + i];
    }

    static void Mix(uint* v, int a, int b, int c, int d, uint x, uint y)
    {
        v[a] += v[b] + x;
        v[d] = uint.RotateRight(v[d] ^ v[a], 16);
        v[c] += v[d];
        v[b] = uint.RotateRight(v[b] ^ v[c], 12);
        v[a] += v[b] + y;
        v[d] = uint.RotateRight(v[d] ^ v[a], 8);
        v[c] += v[d];
        v[b] = uint.RotateRight(v[b] ^ v[c], 7);
    }
}
