using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Synthesis;

/// <summary>
/// Random weights generated directly as blocks: random levels with scales that give the weights the wanted standard deviation, so that
/// gigabytes take seconds. The same seed gives the same bytes.
/// </summary>
sealed class RandomWeights(WeightFormat format, double deviation, ulong seed)
{
    const int ScalePatterns = 256;
    const int TableSize = 4096, TableBlocks = 256;

    readonly byte[] _table = IsTable(format) ? NormalTable(format, deviation) : format == WeightFormat.Q4_K
        || format == WeightFormat.Q5_K ? ScaleTable() : [];
    ulong _state = seed;

    /// <summary>Whether it makes blocks of a format.</summary>
    public static bool Makes(WeightFormat format) => !IsTable(format) || format.IsWritten;

    // Numbers, and blocks whose levels are a code's: they are taken from a table of quantized ones.
    static bool IsTable(WeightFormat format) =>
        !new[] { WeightFormat.Q8_0, WeightFormat.Q6_K, WeightFormat.Q5_K, WeightFormat.Q5_1, WeightFormat.Q5_0, WeightFormat.Q4_K,
            WeightFormat.Q4_1, WeightFormat.Q4_0 }.Contains(format);

    /// <summary>Fills whole blocks.</summary>
    public void Fill(Span<byte> blocks)
    {
        if (IsTable(format))
        {
            FillFromTable(blocks);
            return;
        }
        FillRandom(blocks);
        for (; blocks.Length > 0; blocks = blocks[format.BlockBytes..])
            SetScales(blocks[..format.BlockBytes]);
    }

    /// <summary>
    /// Writes scales into a block of random bytes. The divisors are the standard deviation of uniform levels (and of the 6- and 8-bit
    /// scales).
    /// </summary>
    void SetScales(Span<byte> block)
    {
        var vary = deviation * (0.75 + 0.5 * block[^1] / 255); // blocks of real weights differ
        if (format == WeightFormat.Q8_0)
        {
            // Quantizers write −127 … 127, and the kernels rely on that.
            var q = Vector256.Create<byte>(block[2..]);
            Vector256.ConditionalSelect(Vector256.Equals(q, Vector256.Create((byte)0x80)), Vector256.Create((byte)0x81), q)
                .CopyTo(block[2..]);
            Half(block, vary / 73.6);
        }
        else if (format == WeightFormat.Q4_0)
        {
            Half(block, vary / 4.64);
        }
        else if (format == WeightFormat.Q5_0)
        {
            Half(block, vary / 9.25);
        }
        else if (format == WeightFormat.Q4_1 || format == WeightFormat.Q5_1)
        {
            var (divisor, middle) = format == WeightFormat.Q4_1 ? (4.61, 7.5) : (9.23, 15.5);
            Half(block, vary / divisor);
            Half(block[2..], -middle * vary / divisor);
        }
        else if (format == WeightFormat.Q6_K)
        {
            foreach (ref var scale in block.Slice(192, 16))
                scale = (byte)((scale & 0x80) == 0 ? 32 + (scale & 31) : -(32 + (scale & 31)));
            Half(block[208..], vary / (48.4 * 18.5));
        }
        else
        {
            // Scale = min, and dmin = d · (half the highest level): the weights are centred on zero.
            var highest = format == WeightFormat.Q4_K ? 15 : 31;
            var d = vary / (48.4 * (highest + 1) / Math.Sqrt(12));
            Half(block, d);
            Half(block[2..], d * highest / 2);
            _table.AsSpan(12 * block[4], 12).CopyTo(block[4..]);
        }
    }

    static void Half(Span<byte> at, double value) => BinaryPrimitives.WriteHalfLittleEndian(at, (Half)value);

    void FillFromTable(Span<byte> blocks)
    {
        Span<ushort> indices = stackalloc ushort[1024];
        var size = format.BlockBytes;
        var count = _table.Length / size;
        for (var done = 0; done < blocks.Length / size;)
        {
            FillRandom(MemoryMarshal.AsBytes(indices));
            for (var i = 0; i < indices.Length && done < blocks.Length / size; i++, done++)
                _table.AsSpan((indices[i] & (count - 1)) * size, size).CopyTo(blocks[(done * size)..]);
        }
    }

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014).</summary>
    void FillRandom(Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (var i = 0; i < words.Length; i++)
            words[i] = Next();
        foreach (ref var rest in bytes[(8 * words.Length)..])
            rest = (byte)Next();
    }

    ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Normally distributed numbers, with radii at even steps of probability (Box–Muller).</summary>
    static byte[] NormalTable(WeightFormat format, double deviation)
    {
        var random = new Random(1);
        var values = new float[format.BlockWeights == 1 ? TableSize : TableBlocks * format.BlockWeights];
        for (var i = 0; i < values.Length; i++)
            values[i] =
                (float)(deviation * Math.Sqrt(-2 * Math.Log((i + 0.5) / values.Length)) * Math.Cos(2 * Math.PI * random.NextDouble()));
        if (format.BlockWeights > 1)
            random.Shuffle(values); // a block has large ones and small ones
        var table = new byte[format.ByteLength(values.Length)];
        format.Quantize(values, table);
        return table;
    }

    /// <summary>Packed six-bit scales from 32 to 63, each minimum equal to its scale.</summary>
    static byte[] ScaleTable()
    {
        var random = new Random(1);
        var table = new byte[12 * ScalePatterns];
        for (var pattern = 0; pattern < ScalePatterns; pattern++)
            for (var group = 0; group < 8; group++)
            {
                var scale = random.Next(32, 64);
                SixBitScales.Set(table.AsSpan(12 * pattern, 12), group, scale, scale);
            }
        return table;
    }
}
