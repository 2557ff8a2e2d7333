using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Tests.WeightFormats;

public class WeightFormatTests
{
    // Root-mean-square error of normal weights, as a share of their deviation, that the format's levels allow.
    public static TheoryData<string, double> Bounds => new()
    {
        { "Q4_1", 0.08 }, { "Q5_1", 0.04 }, { "IQ4_NL", 0.08 }, { "IQ4_XS", 0.09 }, { "Q3_K", 0.17 }, { "Q2_K", 0.3 },
        { "MXFP4", 0.14 }, { "NVFP4", 0.12 },
        { "IQ3_S", 0.18 }, { "IQ3_XXS", 0.23 }, { "IQ2_S", 0.28 }, { "IQ2_XS", 0.33 }, { "IQ2_XXS", 0.38 },
        { "IQ1_M", 0.47 }, { "IQ1_S", 0.5 },
        { "TQ2_0", 1 }, { "TQ1_0", 1 }, { "Q2_0", 0.8 }, { "Q1_0", 0.7 }, { "F32", 0 }, { "F16", 3e-4 }, { "BF16", 2e-3 },
        { "Q8_0", 0.007 }, { "Q6_K", 0.021 }, { "Q5_K", 0.04 }, { "Q5_0", 0.05 }, { "Q4_K", 0.08 }, { "Q4_0", 0.1 },
    };

    static float[] Normal(int count, int seed, float deviation = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count)
            .Select(_ =>
                deviation * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
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
    public void Every_format_that_is_written_has_a_bound_here() =>
        Assert.Equal(WeightFormat.All.Where(f => f.IsWritten).Select(f => f.Name).Order(), Bounds.Select(b => b.Data.Item1).Order());

    /// <summary>
    /// What libggml 0.5.0 (dequantize_row_*) makes of the same random blocks, with NaN and infinite scales among them: the first half of
    /// the SHA-256 of the floats, every NaN being the same.
    /// </summary>
    [Theory]
    [InlineData("Q4_0", "57d43500bf36ddd8")]
    [InlineData("Q4_1", "0fcc7b188ad464b2")]
    [InlineData("Q5_0", "5377a09900fbdb6f")]
    [InlineData("Q5_1", "850526ba12dcbe3f")]
    [InlineData("Q8_0", "892ace13d44764cf")]
    [InlineData("Q2_K", "405ba04156ce8304")]
    [InlineData("Q3_K", "c6895502916e130c")]
    [InlineData("Q4_K", "1b41a9e0db34d286")]
    [InlineData("Q5_K", "f57652bcde587955")]
    [InlineData("Q6_K", "4d991672e95cfb17")]
    [InlineData("IQ2_XXS", "8a74caaa682c260f")]
    [InlineData("IQ2_XS", "eccb9b0ff9cf18a4")]
    [InlineData("IQ3_XXS", "80fc2a9cdaabf893")]
    [InlineData("IQ1_S", "a154a0f2eaef19dc")]
    [InlineData("IQ4_NL", "45d5adc7442f4219")]
    [InlineData("IQ3_S", "665a1d43922c1edb")]
    [InlineData("IQ2_S", "837044663be54f89")]
    [InlineData("IQ4_XS", "7b6d009dae4f72c6")]
    [InlineData("IQ1_M", "c0aad4bc0a7b4826")]
    [InlineData("TQ1_0", "ca678a73be1a948d")]
    [InlineData("TQ2_0", "fa06a8e79bf8c1e1")]
    [InlineData("MXFP4", "6def1f7411bc0dd1")]
    [InlineData("NVFP4", "25b10b06b91945bc")]
    [InlineData("Q1_0", "82c6a58533b48494")]
    [InlineData("Q2_0", "ce7c0bf163519dc8")]
    public void Any_bytes_are_dequantized_to_ggmls_bits(string name, string hash)
    {
        Assert.True(WeightFormat.TryGet(name, out var format));
        var bytes = new byte[64 * format.BlockBytes];
        var state = 2463534242u;
        for (var i = 0; i < bytes.Length; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            bytes[i] = (byte)(state >> 24);
        }
        var weights = new float[64 * format.BlockWeights];
        format.Dequantize(bytes, weights);
        var bits = weights.Select(w => float.IsNaN(w) ? 0x7FC00000u : BitConverter.SingleToUInt32Bits(w)).ToArray();
        Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(bits.AsSpan())))[..16]);
    }

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
        Assert.Equal(["F32 0 1 4", "F16 1 1 2", "BF16 30 1 2", "Q4_0 2 32 18", "Q4_1 3 32 20", "Q5_0 6 32 22", "Q5_1 7 32 24",
            "Q8_0 8 32 34", "Q4_K 12 256 144", "Q5_K 13 256 176",
            "Q6_K 14 256 210", "Q2_K 10 256 84", "Q3_K 11 256 110", "IQ4_NL 20 32 18", "IQ4_XS 23 256 136", "IQ3_S 21 256 110",
            "IQ3_XXS 18 256 98", "IQ2_S 22 256 82",
            "IQ2_XS 17 256 74", "IQ2_XXS 16 256 66", "IQ1_M 29 256 56", "IQ1_S 19 256 50", "TQ1_0 34 256 54", "TQ2_0 35 256 66",
            "MXFP4 39 32 17", "NVFP4 40 64 36",
            "Q1_0 41 128 18", "Q2_0 42 64 18"], rows);
        Assert.All(WeightFormat.All, f => Assert.True(WeightFormat.TryGet(f.GgufType, out var same) && same == f));
        Assert.True(WeightFormat.TryGet("q4_k", out var lower) && lower == WeightFormat.Q4_K);
        Assert.False(WeightFormat.TryGet(9, out _));
        Assert.False(WeightFormat.TryGet("Q8_1", out _));
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
        float[] weights = [float.NaN, BitConverter.UInt32BitsToSingle(0x7f800001), float.PositiveInfinity,
            BitConverter.UInt32BitsToSingle(0x3f808000), BitConverter.UInt32BitsToSingle(0x3f818000)];
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
