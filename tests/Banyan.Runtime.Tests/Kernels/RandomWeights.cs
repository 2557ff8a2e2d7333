using System.Buffers.Binary;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>Weights whose quants take every value and whose scales are moderate.</summary>
static class RandomWeights
{
    public static byte[] Make(WeightFormat format, int rows, int columns, int seed = 1)
    {
        var random = new Random(seed);
        var bytes = new byte[rows * format.ByteLength(columns)];
        random.NextBytes(bytes);
        if (format.BlockWeights == 1)
            for (var i = 0; i < bytes.Length; i += format.BlockBytes)
                format.Quantize([(float)(random.NextDouble() - 0.5)], bytes.AsSpan(i, format.BlockBytes));
        else
            for (var i = 0; i < bytes.Length; i += format.BlockBytes)
                WriteScales(format, bytes.AsSpan(i, format.BlockBytes), random);
        return bytes;
    }

    static void WriteScales(WeightFormat format, Span<byte> block, Random random)
    {
        foreach (var offset in ScaleOffsets(format))
            switch (format.Name)
            {
                case "MXFP4": // a power of two
                    block[offset] = (byte)random.Next(118, 123);
                    break;
                case "NVFP4": // bytes of a few exponents
                    block[offset] = (byte)random.Next(1, 24);
                    block[offset + 1] = (byte)random.Next(1, 24);
                    break;
                case "IQ1_M": // the upper nibbles of four words are a half
                    block[offset + 1] = (byte)(block[offset + 1] & 15 | 0x211F >> (offset - 48) * 2 << 4);
                    break;
                default:
                    BinaryPrimitives.WriteHalfLittleEndian(block[offset..], (Half)((random.NextDouble() - 0.3) * 0.02));
                    break;
            }
    }

    /// <summary>Where a block has its scales, most of them F16.</summary>
    public static int[] ScaleOffsets(WeightFormat format) => format.Name switch
    {
        "Q4_1" or "Q5_1" or "Q4_K" or "Q5_K" or "NVFP4" => [0, 2],
        "Q2_K" => [80, 82],
        "Q3_K" => [108],
        "IQ1_M" => [48, 50, 52, 54],
        "TQ1_0" => [52],
        "TQ2_0" => [64],
        "Q6_K" => [208],
        _ => [0],
    };

    public static float[] Dequantize(WeightFormat format, byte[] bytes)
    {
        var floats = new float[bytes.Length / format.BlockBytes * format.BlockWeights];
        format.Dequantize(bytes, floats);
        return floats;
    }

    public static float[] Floats(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count)
            .Select(_ => (float)((random.NextDouble() + random.NextDouble() + random.NextDouble()) * 2 - 3))];
    }
}
