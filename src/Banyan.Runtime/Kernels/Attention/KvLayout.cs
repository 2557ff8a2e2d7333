using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>
/// One layer's part of a page of the KV cache: <see cref="PagePositions"/> positions of all KV heads. A head's numbers, then its scales.
/// <code>
/// 32 bits   keys [4, keySize, 16 positions], values [64 positions, stride]; floats
/// 16 bits   keys [keySize / 2, 64 positions, 2], values [32, stride, 2 positions]; integers, with a scale for each position
///  8 bits   the same in bytes, and a 16-bit share of the position's scale for each 32 numbers
/// </code>
/// Positions are lanes for scores and dimensions are lanes for values, so that no sum crosses lanes. Integers are in pairs, as the
/// instruction that multiplies them and adds neighbours wants them.
/// </summary>
/// <remarks>
/// An integer of 16 bits with a scale is 8 times finer than half precision where it counts (half alone puts log-probabilities of
/// stories260K off by 0.0083, this by 0.0019), and twice as fast to multiply as a float. A scale is applied to a score or a weight, not
/// to each number.
/// </remarks>
/// <param name="Bits">A number's: 32, 16 or 8.</param>
/// <param name="KvHeads">Heads that have keys and values.</param>
/// <param name="KeySize">Numbers of a key head, at least 1.</param>
/// <param name="ValueSize">Numbers of a value head, at least 1.</param>
internal readonly unsafe record struct KvLayout(int Bits, int KvHeads, int KeySize, int ValueSize)
{
    /// <summary>Keys and values of the same size.</summary>
    public KvLayout(int bits, int kvHeads, int headSize) : this(bits, kvHeads, headSize, headSize)
    {
    }

    /// <summary>The values are the first <see cref="ValueSize"/> numbers of the keys, which lie there once (latent attention).</summary>
    public bool ValuesAreKeys { get; init; }

    public const int PagePositions = 64, Lanes = 16, BlockDims = 32;

    public bool IsFloat => Bits == 32;

    /// <summary>Numbers of a key, rounded up to a pair where they are in pairs.</summary>
    public int KeyDim => IsFloat ? KeySize : (KeySize + 1) / 2 * 2;

    /// <summary>A row of values, in numbers.</summary>
    public int ValueStride => (ValueSize + Lanes - 1) / Lanes * Lanes;

    public int KeyElements => PagePositions * KeyDim;

    public int ValueElements => PagePositions * ValueStride;

    int HeadElements => KeyElements + (ValuesAreKeys ? 0 : ValueElements);

    /// <summary>From a head's start to its scales: floats [64 keys], then [64 values] unless these are the keys.</summary>
    public long ScaleOffset => (long)HeadElements * (Bits / 8);

    /// <summary>From a head's start to the shares of its blocks in 8 bits: 16 bits [key blocks, then value blocks, 64].</summary>
    public long ShareOffset => ScaleOffset + (ValuesAreKeys ? 1 : 2) * PagePositions * sizeof(float);

    /// <summary>Blocks of 32 numbers of one key.</summary>
    public int KeyBlocks => BlocksOf(KeySize);

    /// <summary>Blocks of 32 numbers of one value.</summary>
    public int ValueBlocks => BlocksOf(ValueSize);

    static int BlocksOf(int size) => (size + BlockDims - 1) / BlockDims;

    /// <summary>From a head to the next.</summary>
    public long HeadBytes => Bits switch
    {
        32 => ScaleOffset,
        16 => ShareOffset,
        _ => ShareOffset + (KeyBlocks + (ValuesAreKeys ? 0 : ValueBlocks)) * (long)PagePositions * sizeof(short),
    };

    /// <summary>Bytes of a page of one layer; a multiple of 64.</summary>
    public long PageBytes => KvHeads * HeadBytes;

    /// <summary>Pages for that many positions.</summary>
    public static int Pages(int positions) => (positions + PagePositions - 1) / PagePositions;

    /// <summary>Where a number of a position lies, counted in numbers from the head's start.</summary>
    public int KeyIndex(int slot, int d) => IsFloat
        ? slot / Lanes * Lanes * KeySize + d * Lanes + slot % Lanes
        : d / 2 * 2 * PagePositions + slot * 2 + d % 2;

    /// <inheritdoc cref="KeyIndex"/>
    public int ValueIndex(int slot, int d) =>
        KeyElements + (IsFloat ? slot * ValueStride + d : slot / 2 * 2 * ValueStride + d * 2 + slot % 2);

    /// <summary>
    /// Writes one position's keys [kvHeads, keySize] and values [kvHeads, valueSize], unless these are the keys, into its slot (position
    /// mod 64) of its page.
    /// </summary>
    [SkipLocalsInit]
    public void Write(byte* page, int slot, float* keys, float* values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)PagePositions);
        var integers = stackalloc short[IsFloat ? 1 : Math.Max(KeyDim, ValueStride)];
        for (var head = 0; head < KvHeads; head++, keys += KeySize, values += ValueSize)
        {
            var size = ValuesAreKeys ? 0 : ValueSize;
            var start = page + head * HeadBytes;
            var scales = (float*)(start + ScaleOffset);
            switch (Bits)
            {
                case 32:
                    for (var d = 0; d < KeySize; d++)
                        ((float*)start)[KeyIndex(slot, d)] = keys[d];
                    if (size == 0)
                        break;
                    new Span<float>(values, size).CopyTo(new Span<float>((float*)start + ValueIndex(slot, 0), size));
                    new Span<float>((float*)start + ValueIndex(slot, size), ValueStride - size).Clear();
                    break;
                case 16:
                    scales[slot] = ToIntegers(keys, KeySize, integers);
                    for (var d = 0; d < KeySize; d++)
                        ((short*)start)[KeyIndex(slot, d)] = integers[d];
                    if (size > 0)
                        scales[PagePositions + slot] = ToIntegers(values, size, integers);
                    for (var d = 0; d < size; d++)
                        ((short*)start)[ValueIndex(slot, d)] = integers[d];
                    break;
                default:
                    var shares = (ushort*)(start + ShareOffset) + slot;
                    scales[slot] = ToBytes(keys, KeySize, integers, shares);
                    for (var d = 0; d < KeySize; d++)
                        ((sbyte*)start)[KeyIndex(slot, d)] = (sbyte)integers[d];
                    if (size > 0)
                        scales[PagePositions + slot] = ToBytes(values, size, integers, shares + KeyBlocks * PagePositions);
                    for (var d = 0; d < size; d++)
                        ((sbyte*)start)[ValueIndex(slot, d)] = (sbyte)integers[d];
                    break;
            }
        }
    }

    /// <summary>The number that an element stands for: what attention computes with.</summary>
    public float Read(byte* page, int head, int slot, int d, bool value)
    {
        value &= !ValuesAreKeys;
        var start = page + head * HeadBytes;
        var index = value ? ValueIndex(slot, d) : KeyIndex(slot, d);
        var scale = Bits == 32 ? 1 : ((float*)(start + ScaleOffset))[(value ? PagePositions : 0) + slot];
        return Bits switch
        {
            32 => ((float*)start)[index],
            16 => ((short*)start)[index] * scale,
            _ => Scaled(((sbyte*)start)[index],
                ((short*)(start + ShareOffset))[((value ? KeyBlocks : 0) + d / BlockDims) * PagePositions + slot]) * scale,
        };
    }

    /// <summary>A byte with its block's share as an integer of 16 bits: what vpmulhrsw computes of byte · 256 and the share.</summary>
    public static short Scaled(sbyte quant, short share) => (short)((quant * 256 * share + 0x4000) >> 15);

    // Returns the scale, which is no number where one of them is none.
    static float ToIntegers(float* from, int count, short* to)
    {
        var largest = Largest(from, count);
        if (!float.IsFinite(largest) || largest < Smallest)
        {
            new Span<short>(to, count).Clear();
            return float.IsFinite(largest) ? 0 : float.NaN;
        }
        Round(from, short.MaxValue / largest, to, count);
        return largest / short.MaxValue;
    }

    // The largest byte of the largest block is 127 · 256 ≈ the largest integer of 16 bits; smaller blocks have a smaller share of that.
    static float ToBytes(float* from, int size, short* to, ushort* shares)
    {
        var largest = Largest(from, size);
        var bad = !float.IsFinite(largest) || largest < Smallest;
        for (var block = 0; block < BlocksOf(size); block++)
        {
            var (first, count) = (block * BlockDims, Math.Min(BlockDims, size - block * BlockDims));
            var share = bad ? 0 : Math.Min(short.MaxValue, (int)MathF.Ceiling(Largest(from + first, count) / largest * short.MaxValue));
            shares[block * PagePositions] = (ushort)share;
            if (share == 0)
                new Span<short>(to + first, count).Clear();
            else
                Round(from + first, 127f * short.MaxValue / (largest * share), to + first, count);
        }
        return bad ? float.IsFinite(largest) ? 0 : float.NaN : largest / (127 * 256);
    }

    const float Smallest = 1e-30f;

    // NaN where one of them is.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Largest(float* from, int count)
    {
        var (largest, d) = (0f, 0);
        if (Ladder.UsesVectors)
        {
            var maxima = Vector256<float>.Zero;
            for (; d + 8 <= count; d += 8)
                maxima = Vector256.Max(maxima, Vector256.Abs(Vector256.Load(from + d)));
            largest = Softmax.LargestLane(maxima);
        }
        for (; d < count; d++)
            largest = MathF.Max(largest, MathF.Abs(from[d]));
        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Round(float* from, float inverse, short* to, int count)
    {
        var d = 0;
        if (Ladder.UsesVectors)
            for (; d + 16 <= count; d += 16)
                Vector256.Narrow(
                    Vector256.ConvertToInt32(Vector256.Round(Vector256.Load(from + d) * inverse)),
                    Vector256.ConvertToInt32(Vector256.Round(Vector256.Load(from + d + 8) * inverse))).Store(to + d);
        for (; d < count; d++)
            to[d] = (short)MathF.Round(from[d] * inverse);
    }
}
