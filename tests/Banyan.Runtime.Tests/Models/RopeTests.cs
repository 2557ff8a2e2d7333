using Banyan.Runtime.Models;

namespace Banyan.Runtime.Tests.Models;

/// <summary>Frequencies of rotary embeddings and their scalings.</summary>
public class RopeTests
{
    static RopeConfig Rope(RopeScaling? scaling, int dimensions = 128, double theta = 500_000, float[]? factors = null) =>
        new() { Pairs = RopePairs.Halves, Dimensions = dimensions, Theta = theta, Scaling = scaling, FrequencyFactors = factors };

    [Fact]
    public void Plain_frequencies_fall_from_one_to_nearly_one_over_theta()
    {
        var frequencies = Rope(null).Frequencies();
        Assert.Equal(64, frequencies.Length);
        Assert.Equal(1, frequencies[0]);
        Assert.Equal(Math.Pow(500_000, -126.0 / 128), frequencies[63], 1e-15);
        Assert.Equal(1, Rope(null).Magnitude);
    }

    [Fact]
    public void Linear_scaling_divides_all() =>
        Assert.Equal(Rope(null).Frequencies().Select(f => f / 4), Rope(new LinearScaling(4)).Frequencies());

    // Llama 3.1: factor 8, low 1, high 4, original 8192. Wavelengths under 2048 stay, over 8192 are 8 times longer.
    [Fact]
    public void Llama3_scaling_keeps_short_waves_and_stretches_long_ones()
    {
        var (plain, scaled) = (Rope(null).Frequencies(), Rope(new Llama3Scaling(8, 1, 4, 8192)).Frequencies());
        for (var i = 0; i < plain.Length; i++)
        {
            var wavelength = 2 * Math.PI / plain[i];
            var ratio = plain[i] / scaled[i];
            if (wavelength < 2048)
                Assert.Equal(1, ratio, 1e-12);
            else if (wavelength > 8192)
                Assert.Equal(8, ratio, 1e-12);
            else
                Assert.InRange(ratio, 1, 8);
        }
        // The factors that llama.cpp's converter writes for this model as rope_freqs.weight give the same frequencies.
        float[] factors = [.. plain.Zip(scaled).Select(p => (float)(p.First / p.Second))];
        foreach (var (expected, actual) in scaled.Zip(Rope(null, factors: factors).Frequencies()))
            Assert.Equal(1, actual / expected, 1e-6);
    }

    // Qwen2.5 at 131,072: factor 4 over 32,768, theta 1e6, head size 128.
    [Fact]
    public void Yarn_keeps_fast_pairs_stretches_slow_ones_and_sharpens_attention()
    {
        var rope = Rope(new YarnScaling(4, 32768), theta: 1e6);
        var ratios = Rope(null, theta: 1e6).Frequencies().Zip(rope.Frequencies(), (plain, scaled) => plain / scaled).ToArray();
        // Pairs that turn 32 times in 32,768 tokens: 64·ln(32768 / (32·2π)) / ln 1e6 = 23.6; once: 39.6.
        Assert.All(ratios[..24], r => Assert.Equal(1, r, 1e-12));
        Assert.All(ratios[40..], r => Assert.Equal(4, r, 1e-9));
        Assert.Equal(ratios.Order(), ratios);
        // Halfway between pairs 23 and 40 half of the frequency is stretched.
        Assert.Equal(1 / (8.0 / 17 / 4 + 9.0 / 17), ratios[31], 1e-9);
        Assert.Equal(0.1 * Math.Log(4) + 1, rope.Magnitude, 1e-12);
    }
}
