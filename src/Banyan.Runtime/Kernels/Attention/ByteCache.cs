using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>A page of 8 bits as one of 16: each byte times 256 and its block's share, rounded as vpmulhrsw does.</summary>
[SkipLocalsInit]
internal static unsafe class ByteCache
{
    const int Page = KvLayout.PagePositions;

    /// <summary>Keys [pairs, 64, 2].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WidenKeys(KvLayout layout, byte* head, short* to)
    {
        var shares = (short*)(head + layout.ShareOffset);
        var twice = stackalloc short[2 * Page];
        for (var block = 0; block < layout.KeyBlocks; block++)
        {
            for (var position = 0; position < Page; position++)
                twice[2 * position] = twice[2 * position + 1] = shares[block * Page + position];
            var end = Math.Min((block + 1) * KvLayout.BlockDims, layout.KeyDim) / 2;
            for (var pair = block * KvLayout.BlockDims / 2; pair < end; pair++)
                Widen((sbyte*)head + pair * 2 * Page, twice, 2 * Page, to + pair * 2 * Page);
        }
    }

    /// <summary>Values [pairs, stride, 2].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WidenValues(KvLayout layout, byte* head, short* to)
    {
        var shares = (short*)(head + layout.ShareOffset) + layout.KeyBlocks * Page;
        var stride = layout.ValueStride;
        var alternate = stackalloc short[2 * KvLayout.BlockDims];
        for (var pair = 0; pair < Page / 2; pair++)
            for (var block = 0; block < layout.ValueBlocks; block++)
            {
                var both = Vector256.Create(((int*)(shares + block * Page))[pair]);
                for (var i = 0; i < 4; i++)
                    both.Store((int*)alternate + 8 * i);
                var first = 2 * (pair * stride + block * KvLayout.BlockDims);
                Widen((sbyte*)head + layout.KeyElements + first, alternate,
                    2 * Math.Min(KvLayout.BlockDims, stride - block * KvLayout.BlockDims), to + first);
            }
    }

    /// <summary>Numbers: a multiple of 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Widen(sbyte* from, short* shares, int count, short* to)
    {
        var i = 0;
        if (Ladder.UsesVectors && Avx2.IsSupported)
            for (; i < count; i += 16)
                Avx2.MultiplyHighRoundScale(Avx2.ConvertToVector256Int16(from + i) << 8, Vector256.Load(shares + i)).Store(to + i);
        for (; i < count; i++)
            to[i] = KvLayout.Scaled(from[i], shares[i]);
    }
}
