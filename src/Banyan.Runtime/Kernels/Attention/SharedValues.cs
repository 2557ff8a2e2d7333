using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>
/// The values of a page whose values are the first numbers of its keys (<see cref="KvLayout.ValuesAreKeys"/>), as a page has its own.
/// </summary>
[SkipLocalsInit]
internal static unsafe class SharedValues
{
    const int Page = KvLayout.PagePositions, Lanes = KvLayout.Lanes;

    /// <summary>Floats: keys [4, keySize, 16 positions] to values [64, stride].</summary>
    public static void Transpose(KvLayout layout, float* keys, float* to)
    {
        for (var slot = 0; slot < Page; slot++)
        {
            var row = to + slot * layout.ValueStride;
            for (var d = 0; d < layout.ValueSize; d++)
                row[d] = keys[layout.KeyIndex(slot, d)];
            new Span<float>(row + layout.ValueSize, layout.ValueStride - layout.ValueSize).Clear();
        }
    }

    /// <summary>Integers: keys [pairs, 64, 2] to values [32, stride, 2].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(KvLayout layout, short* keys, short* to)
    {
        var (pairs, stride, first) = ((layout.ValueSize + 1) / 2, layout.ValueStride, 0);
        if (Avx512BW.IsSupported && Vector512.IsHardwareAccelerated)
            for (; first + 8 <= pairs; first += 8)
                for (var slot = 0; slot < Page; slot += Lanes)
                    Transpose8(keys + (first * Page + slot) * 2, to + (slot / 2 * stride + 2 * first) * 2, 2 * stride);
        for (var pair = first; pair < pairs; pair++)
        {
            var from = (ulong*)(keys + pair * Page * 2);
            for (var two = 0; two < Page / 2; two++)
            {
                var x = from[two]; // two dimensions of one position, then of the next
                *(ulong*)(to + (two * stride + 2 * pair) * 2) = (x & 0xFFFF_0000_0000_FFFF) | (x & 0xFFFF_0000_0000) >> 16
                    | (x & 0xFFFF_0000) << 16;
            }
        }
    }

    // Eight pairs of dimensions of sixteen positions: eight rows of eight units of two dimensions of two positions, turned.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose8(short* from, short* to, int stride)
    {
        const int Even = 0x88, Odd = 0xDD;
        var order = Vector512.Create(Vector256.Create(Vector128.Create((byte)0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15)));
        Vector512<long> Row(int pair) => Avx512BW.Shuffle(Vector512.Load((byte*)(from + pair * 2 * Page)), order).AsInt64();
        var (a, b, c, d) = (Row(0), Row(1), Row(2), Row(3));
        var (e, f, g, h) = (Row(4), Row(5), Row(6), Row(7));
        Columns(Avx512F.UnpackLow(a, b), Avx512F.UnpackLow(c, d), Avx512F.UnpackLow(e, f), Avx512F.UnpackLow(g, h), to);
        Columns(Avx512F.UnpackHigh(a, b), Avx512F.UnpackHigh(c, d), Avx512F.UnpackHigh(e, f), Avx512F.UnpackHigh(g, h), to + stride);

        // Columns 0, 2, 4 and 6 of what two rows give, a lane each.
        void Columns(Vector512<long> ab, Vector512<long> cd, Vector512<long> ef, Vector512<long> gh, short* first)
        {
            var (low, high) = (Avx512F.Shuffle4x128(ab, cd, Even), Avx512F.Shuffle4x128(ef, gh, Even));
            Avx512F.Shuffle4x128(low, high, Even).Store((long*)first);
            Avx512F.Shuffle4x128(low, high, Odd).Store((long*)(first + 4 * stride));
            (low, high) = (Avx512F.Shuffle4x128(ab, cd, Odd), Avx512F.Shuffle4x128(ef, gh, Odd));
            Avx512F.Shuffle4x128(low, high, Even).Store((long*)(first + 2 * stride));
            Avx512F.Shuffle4x128(low, high, Odd).Store((long*)(first + 6 * stride));
        }
    }
}
