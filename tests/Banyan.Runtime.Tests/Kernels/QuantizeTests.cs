using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Tests.Kernels;

public unsafe class QuantizeTests
{
    public static TheoryData<string> Rungs => [.. RungProcess.Rungs.Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(Rungs))]
    public void Every_rung_makes_the_same_blocks(string rungName)
    {
        var rung = Ladder.Choose(rungName);
        float[] special = [0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, 1e-31f, -1e-30f,
            float.MaxValue, -float.MaxValue, 1e-38f];
        var random = new Random(2);
        for (var blocks = 0; blocks <= 8; blocks++)
            for (var round = 0; round < 40; round++)
            {
                using var x = new GuardedMemory(blocks * 32 * sizeof(float));
                using var expected = new GuardedMemory(blocks * ActivationBlock.Bytes);
                using var actual = new GuardedMemory(blocks * ActivationBlock.Bytes);
                for (var i = 0; i < blocks * 32; i++)
                    x.Floats[i] = round > 10 && random.Next(40) == 0 ? special[random.Next(special.Length)]
                        : round % 3 == 0 ? random.Next(-254, 255) / 2f
                        : (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 4)));
                new ScalarRung().Quantize(x.Floats, blocks, (ActivationBlock*)expected.Pointer);
                rung.Quantize(x.Floats, blocks, (ActivationBlock*)actual.Pointer);
                Assert.Equal(new Span<byte>(expected.Pointer, (int)expected.Length).ToArray(),
                    new Span<byte>(actual.Pointer, (int)actual.Length).ToArray());
            }
    }

    [Fact]
    public void Values_come_back_within_half_a_step()
    {
        var x = RandomWeights.Floats(64, 9);
        var blocks = stackalloc ActivationBlock[2];
        fixed (float* p = x)
            Ladder.Current.Quantize(p, 2, blocks);
        for (var i = 0; i < 64; i++)
            Assert.Equal(x[i], blocks[i / 32].Scale * blocks[i / 32].Quants[i % 32], blocks[i / 32].Scale * 0.501f);
    }
}
