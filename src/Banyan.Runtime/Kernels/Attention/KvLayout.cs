namespace Banyan.Runtime.Kernels;

/// <summary>
/// One layer's part of a page of the KV cache: <see cref="PagePositions"/> positions of all KV heads. A head's keys lie with 16 positions as
/// lanes, [4, headDim, 16], so that scores need no sums across lanes; its values [64, headDim rounded up to 16].
/// </summary>
/// <remarks>
/// In 16 bits a number is an integer times a scale of its head and position; the scales of 64 keys, then of 64 values, follow the head's
/// values. That is 8 times finer than half precision where it counts (half alone puts log-probabilities of stories260K off by 0.0083, this by
/// 0.0019), and, as .NET has no instruction for halves, cheaper to read. A scale is applied to a score or a weight, not to each number.
/// </remarks>
/// <param name="IsHalf">16 bits a number; otherwise F32.</param>
/// <param name="KvHeads">Heads that have keys and values.</param>
/// <param name="HeadDim">Values a head, at least 1.</param>
internal readonly unsafe record struct KvLayout(bool IsHalf, int KvHeads, int HeadDim)
{
    public const int PagePositions = 64, Lanes = 16;

    public int ElementBytes => IsHalf ? 2 : 4;

    /// <summary>A row of values, in elements.</summary>
    public int ValueStride => (HeadDim + Lanes - 1) / Lanes * Lanes;

    public int KeyElements => PagePositions * HeadDim;

    public int HeadElements => KeyElements + PagePositions * ValueStride;

    /// <summary>From a head to the next: its numbers, and in 16 bits their scales.</summary>
    public long HeadBytes => (long)HeadElements * ElementBytes + (IsHalf ? 2 * PagePositions * sizeof(float) : 0);

    /// <summary>Bytes of a page of one layer; a multiple of 64.</summary>
    public long PageBytes => KvHeads * HeadBytes;

    /// <summary>Pages for that many positions.</summary>
    public static int Pages(int positions) => (positions + PagePositions - 1) / PagePositions;

    /// <summary>Writes one position's keys and values [kvHeads, headDim] into its slot (position mod 64) of its page.</summary>
    public void Write(byte* page, int slot, float* keys, float* values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)PagePositions);
        for (var head = 0; head < KvHeads; head++, keys += HeadDim, values += HeadDim)
        {
            var start = page + head * HeadBytes;
            var key = slot / Lanes * Lanes * HeadDim + slot % Lanes;
            var value = KeyElements + slot * ValueStride;
            if (IsHalf)
            {
                var numbers = (short*)start;
                var scales = (float*)(numbers + HeadElements);
                scales[slot] = ToIntegers(keys, numbers + key, Lanes);
                scales[PagePositions + slot] = ToIntegers(values, numbers + value, 1);
                new Span<short>(numbers + value + HeadDim, ValueStride - HeadDim).Clear();
            }
            else
            {
                var numbers = (float*)start;
                for (var d = 0; d < HeadDim; d++)
                    numbers[key + d * Lanes] = keys[d];
                new Span<float>(values, HeadDim).CopyTo(new Span<float>(numbers + value, HeadDim));
                new Span<float>(numbers + value + HeadDim, ValueStride - HeadDim).Clear();
            }
        }
    }

    // Writes a head of one position, `step` apart; returns the scale, which is no number where one of them is none.
    float ToIntegers(float* from, short* to, int step)
    {
        var largest = 0f;
        for (var d = 0; d < HeadDim; d++)
            largest = MathF.Max(largest, MathF.Abs(from[d]));
        if (!float.IsFinite(largest) || largest < 1e-30f)
        {
            for (var d = 0; d < HeadDim; d++)
                to[d * step] = 0;
            return float.IsFinite(largest) ? 0 : float.NaN;
        }
        var inverse = short.MaxValue / largest;
        for (var d = 0; d < HeadDim; d++)
            to[d * step] = (short)MathF.Round(from[d] * inverse);
        return largest / short.MaxValue;
    }
}
