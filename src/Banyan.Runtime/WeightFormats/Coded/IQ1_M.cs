using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ1_M: <c>byte entry[32]; byte high[16]; ushort scales[4]</c>: as IQ1_S, but the sign of the eighth belongs to eight weights (bit 3 of
/// the nibble in high that has their three bits), and the scale to 16 (three bits of scales). The upper nibbles of scales are d, a half.
/// </summary>
readonly struct IQ1_M : ICodes
{
    static readonly TernarySearch s_search = new(16, parts: 2);

    public static string Name => "IQ1_M";
    public static uint GgufType => 29;
    public static int BlockWeights => 256;
    public static int BlockBytes => 56;
    public static int Unit => 16;
    public static int Bits => 3;
    public static ReadOnlySpan<sbyte> Values => IQ1_S.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        var d = 0;
        for (var i = 0; i < 4; i++)
        {
            var word = BinaryPrimitives.ReadUInt16LittleEndian(block[(48 + 2 * i)..]);
            d |= word >> 12 << 4 * i;
            for (var unit = 0; unit < 4; unit++)
                to.Numbers[4 * i + unit] = (byte)(2 * (word >> 3 * unit & 7) + 1);
        }
        to.Scale = (float)BitConverter.UInt16BitsToHalf((ushort)d) / 8;
        for (var eight = 0; eight < 32; eight++)
        {
            var high = block[32 + eight / 2] >> 4 * (eight % 2) & 15;
            IQ1_S.Write(block[eight] | (high & 7) << 8, high >> 3, to.Codes[(8 * eight)..]);
        }
    }

    public static bool NeedsImportance => true;

    public static bool IsWritten => true;

    public static bool TakesImportance => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<float> alike = stackalloc float[BlockWeights];
        alike.Fill(1);
        EncodeWeighed(weights, alike, block);
    }

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        const float Least = 1e-7f;
        Span<float> scales = stackalloc float[16], counts = stackalloc float[256];
        Span<ushort> entries = stackalloc ushort[2];
        Span<byte> ways = stackalloc byte[16];
        var (meanSquare, largest) = (2 * LevelSearch.Squares(weights) / 256, 0f);
        scales.Clear();
        ways.Clear();
        for (var unit = 0; unit < 16; unit++)
        {
            var x = weights.Slice(16 * unit, 16);
            var counted = counts.Slice(16 * unit, 16);
            LevelSearch.Weigh(x, importance.Slice(16 * unit, 16), meanSquare, counted);
            if (Math.Abs(BlockScale.Farthest(x)) < Least)
                continue;
            scales[unit] = s_search.Encode(x, counted, entries, out var way);
            if (scales[unit] == 0)
                continue;
            largest = Math.Max(largest, scales[unit]);
            ways[unit] = (byte)way;
            (block[2 * unit], block[2 * unit + 1]) = ((byte)entries[0], (byte)entries[1]);
            block[32 + unit] = (byte)(entries[0] >> 8 | way >> 1 << 3 | (entries[1] >> 8 | (way & 1) << 3) << 4);
        }
        if (largest == 0)
            return;
        var (inverse, qx, q2) = (1 / (largest / 15), 0f, 0f);
        Span<ushort> words = stackalloc ushort[4];
        words.Clear();
        for (var unit = 0; unit < 16; unit++)
        {
            var number = Math.Clamp((int)MathF.Round(0.5f * (inverse * scales[unit] - 1)), 0, 7);
            words[unit / 4] |= (ushort)(number << 3 * (unit % 4));
            for (var eight = 0; eight < 2; eight++)
            {
                var of = TernarySearch.LevelsOf(block[2 * unit + eight] | (block[32 + unit] >> 4 * eight & 7) << 8);
                for (var i = 0; i < 8; i++)
                {
                    var (at, value) = (16 * unit + 8 * eight + i, s_search.Values(ways[unit], eight)[of[i]] * (2 * number + 1));
                    qx += counts[at] * value * weights[at];
                    q2 += counts[at] * value * value;
                }
            }
        }
        var d = BitConverter.HalfToUInt16Bits((Half)((q2 > 0 ? qx / q2 : largest / 15) * 1.1125f));
        for (var i = 0; i < 4; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(block[(48 + 2 * i)..], (ushort)(words[i] | (d >> 4 * i & 15) << 12));
    }
}
