namespace Banyan.Runtime.Kernels;

/// <summary>
/// One layer's part of a page of the KV cache: <see cref="PagePositions"/> positions of all KV heads. A head's keys lie with 16 positions as
/// lanes, [4, headDim, 16], so that scores need no sums across lanes; its values [64, headDim rounded up to 16].
/// </summary>
/// <param name="IsHalf">F16; otherwise F32.</param>
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

    /// <summary>Bytes of a page of one layer; a multiple of 64.</summary>
    public long PageBytes => (long)KvHeads * HeadElements * ElementBytes;

    /// <summary>Pages for that many positions.</summary>
    public static int Pages(int positions) => (positions + PagePositions - 1) / PagePositions;

    /// <summary>Writes one position's keys and values [kvHeads, headDim] into its slot (position mod 64) of its page.</summary>
    public void Write(byte* page, int slot, float* keys, float* values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)PagePositions);
        for (var head = 0; head < KvHeads; head++, keys += HeadDim, values += HeadDim)
        {
            var start = (long)head * HeadElements;
            var key = start + slot / Lanes * Lanes * HeadDim + slot % Lanes;
            var value = start + KeyElements + (long)slot * ValueStride;
            if (IsHalf)
            {
                for (var d = 0; d < HeadDim; d++)
                    ((Half*)page)[key + d * Lanes] = (Half)keys[d];
                HalfFloats.FromFloat(values, (ushort*)page + value, HeadDim);
                new Span<ushort>((ushort*)page + value + HeadDim, ValueStride - HeadDim).Clear();
            }
            else
            {
                for (var d = 0; d < HeadDim; d++)
                    ((float*)page)[key + d * Lanes] = keys[d];
                Buffer.MemoryCopy(values, (float*)page + value, HeadDim * sizeof(float), HeadDim * sizeof(float));
                new Span<float>((float*)page + value + HeadDim, ValueStride - HeadDim).Clear();
            }
        }
    }
}
