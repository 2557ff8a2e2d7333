using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Tests.WeightFormats;

public class WeightFormatTests
{
    // Root-mean-square error of normal weights, as a share of their deviation, that the format's levels allow.
    public static TheoryData<string, double> Bounds => new()
    {
        { "F32", 0 }, { "F16", 3e-4 }, { "BF16", 2e-3 }, { "Q8_0", 0.007 }, { "Q6_K", 0.021 }, { "Q5_K", 0.04 }, { "Q5_0", 0.05 }, { "Q4_K", 0.08 }, { "Q4_0", 0.1 },
    };

    static float[] Normal(int count, int seed, float deviation = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => deviation * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    static float[] RoundTrip(WeightFormat format, float[] weights)
    {
        var blocks = new byte[format.ByteLength(weights.Length)];
        format.Quantize(weights, blocks);
        var back = new float[weights.Length];
        format.Dequantize(blocks, back);
        return back;
    }

    [Fact]
    public void Every_format_of_the_table_has_a_bound_here() =>
        Assert.Equal(WeightFormat.All.Select(f => f.Name).Order(), Bounds.Select(b => b.Data.Item1).Order());

    [Theory]
    [MemberData(nameof(Bounds))]
    public void Normal_weights_survive_within_the_error_of_the_format(string name, double bound)
    {
        Assert.True(WeightFormat.TryGet(name, out var format));
        foreach (var deviation in (float[])[1f, 0.02f])
        {
            var weights = Normal(64 * 256, seed: 1, deviation);
            var back = RoundTrip(format, weights);
            var error = Math.Sqrt(weights.Zip(back).Average(p => Math.Pow(p.First - p.Second, 2))) / deviation;
            Assert.InRange(error, bound / 3, bound);
        }
    }

    [Theory]
    [MemberData(nameof(Bounds))]
    public void Zeros_stay_zeros_and_one_sided_weights_keep_their_side(string name, double bound)
    {
        Assert.True(WeightFormat.TryGet(name, out var format));
        Assert.All(RoundTrip(format, new float[512]), w => Assert.Equal(0, w));
        foreach (var sign in (float[])[1, -1])
        {
            var weights = Normal(512, seed: 2).Select(w => sign * (3 + 0.5f * Math.Abs(w))).ToArray();
            Assert.All(weights.Zip(RoundTrip(format, weights)), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, 10 * bound));
        }
    }

    [Fact]
    public void Numbers_names_and_sizes_are_ggmls()
    {
        var rows = WeightFormat.All.Select(f => $"{f.Name} {f.GgufType} {f.BlockWeights} {f.BlockBytes}");
        Assert.Equal(["F32 0 1 4", "F16 1 1 2", "BF16 30 1 2", "Q4_0 2 32 18", "Q5_0 6 32 22", "Q8_0 8 32 34", "Q4_K 12 256 144", "Q5_K 13 256 176", "Q6_K 14 256 210"], rows);
        Assert.All(WeightFormat.All, f => Assert.True(WeightFormat.TryGet(f.GgufType, out var same) && same == f));
        Assert.True(WeightFormat.TryGet("q4_k", out var lower) && lower == WeightFormat.Q4_K);
        Assert.False(WeightFormat.TryGet(3, out _));
        Assert.False(WeightFormat.TryGet("Q4_1", out _));
    }

    [Fact]
    public void Lengths_that_do_not_match_are_refused()
    {
        Assert.Throws<ArgumentException>(() => WeightFormat.Q8_0.Dequantize(new byte[33], new float[32]));
        Assert.Throws<ArgumentException>(() => WeightFormat.Q8_0.Dequantize(new byte[34], new float[64]));
        Assert.Throws<ArgumentException>(() => WeightFormat.Q4_K.Quantize(new float[32], new byte[144]));
        Assert.Throws<ArgumentException>(() => WeightFormat.Q4_K.ByteLength(100));
        Assert.Throws<OverflowException>(() => WeightFormat.F32.ByteLength(long.MaxValue));
    }

    [Fact]
    public void Every_half_widens_as_the_hardware_does()
    {
        var blocks = new byte[2 * 65536];
        for (var i = 0; i < 65536; i++)
            BitConverter.TryWriteBytes(blocks.AsSpan(2 * i), (ushort)i);
        float[] vectors = new float[65536], scalars = new float[65536];
        WeightFormat.F16.Dequantize(blocks, vectors);
        F16Format.Scalar(blocks, scalars);
        Assert.Equal(scalars.Select(BitConverter.SingleToUInt32Bits), vectors.Select(BitConverter.SingleToUInt32Bits));
        WeightFormat.BF16.Dequantize(blocks, vectors);
        BF16Format.Scalar(blocks, scalars);
        Assert.Equal(scalars.Select(BitConverter.SingleToUInt32Bits), vectors.Select(BitConverter.SingleToUInt32Bits));
    }

    [Fact]
    public void Vectors_equal_scalars_for_every_length()
    {
        var random = new Random(3);
        for (var length = 0; length <= 100; length++)
        {
            var bytes = new byte[34 * length];
            random.NextBytes(bytes);
            float[] vectors = new float[32 * length], scalars = new float[32 * length];
            WeightFormat.Q8_0.Dequantize(bytes, vectors);
            Q8_0Format.Scalar(bytes, scalars);
            Assert.Equal(scalars, vectors);
            WeightFormat.F16.Dequantize(bytes.AsSpan(0, 2 * length), vectors.AsSpan(0, length));
            F16Format.Scalar(bytes.AsSpan(0, 2 * length), scalars.AsSpan(0, length));
            Assert.Equal(scalars, vectors);
        }
    }

    [Fact]
    public void Rounding_to_BF16_keeps_NaN_and_rounds_ties_to_even()
    {
        float[] weights = [float.NaN, BitConverter.UInt32BitsToSingle(0x7f800001), float.PositiveInfinity, BitConverter.UInt32BitsToSingle(0x3f808000), BitConverter.UInt32BitsToSingle(0x3f818000)];
        var back = RoundTrip(WeightFormat.BF16, weights);
        Assert.True(float.IsNaN(back[0]) && float.IsNaN(back[1]) && float.IsPositiveInfinity(back[2]));
        Assert.Equal(0x3f800000u, BitConverter.SingleToUInt32Bits(back[3]));
        Assert.Equal(0x3f820000u, BitConverter.SingleToUInt32Bits(back[4]));
    }

    [Fact]
    public void Six_bit_scales_and_minima_come_back()
    {
        var packed = new byte[12];
        for (var group = 0; group < 8; group++)
            SixBitScales.Set(packed, group, 63 - 7 * group, 5 * group + 21);
        for (var group = 0; group < 8; group++)
            Assert.Equal((63 - 7 * group, 5 * group + 21), SixBitScales.Get(packed, group));
    }
}
