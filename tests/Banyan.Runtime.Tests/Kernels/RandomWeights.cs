using System.Buffers.Binary;
using Banyan.Runtime.WeightFormats;

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
                foreach (var offset in ScaleOffsets(format))
                    BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(i + offset), (Half)((random.NextDouble() - 0.3) * 0.02));
        return bytes;
    }

    /// <summary>Where a block has its F16 scales.</summary>
    public static int[] ScaleOffsets(WeightFormat format) => format.Name switch
    {
        "Q4_K" or "Q5_K" => [0, 2],
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
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() + random.NextDouble() + random.NextDouble()) * 2 - 3))];
    }
}
