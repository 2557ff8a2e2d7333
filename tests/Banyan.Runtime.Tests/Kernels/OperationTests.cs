using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Tests.Kernels;

public unsafe class OperationTests
{
    static readonly WorkerPool s_pool = new(2);

    /// <summary>Runs <paramref name="test"/> with n floats that end at a guard page, for all lengths 0–256.</summary>
    static void ForAllLengths(int arrays, Action<int, nint[]> test)
    {
        for (var n = 0; n <= 256; n++)
        {
            var memories = Enumerable.Range(0, arrays).Select(_ => new GuardedMemory(n * sizeof(float))).ToArray();
            for (var a = 0; a < arrays; a++)
                RandomWeights.Floats(n, 31 * n + a).CopyTo(new Span<float>(memories[a].Floats, n));
            test(n, [.. memories.Select(m => (nint)m.Pointer)]);
            foreach (var memory in memories)
                memory.Dispose();
        }
    }

    [Fact]
    public void Rms_norm_vectors_agree_with_the_scalar() => ForAllLengths(4, (n, m) =>
    {
        if (n == 0)
            return;
        RmsNorm.Scalar((float*)m[0], (float*)m[1], (float*)m[2], n, 1e-6f);
        RmsNorm.Vector((float*)m[0], (float*)m[1], (float*)m[3], n, 1e-6f);
        for (var i = 0; i < n; i++)
            Assert.Equal(((float*)m[2])[i], ((float*)m[3])[i], 1e-5f * (1 + Math.Abs(((float*)m[2])[i])));
    });

    [Fact]
    public void Rms_norm_into_activations_is_norm_then_quantize()
    {
        using var y = new Activations(3, 96);
        var x = RandomWeights.Floats(3 * 96, 1);
        var w = RandomWeights.Floats(96, 2);
        var expected = new float[96];
        var block = stackalloc ActivationBlock[3];
        fixed (float* px = x, pw = w, pe = expected)
        {
            RmsNorm.Apply(px, pw, y, 3, 1e-5f, quantize: true, s_pool);
            RmsNorm.Apply(px + 96, pw, pe, 1, 96, 1e-5f, s_pool);
            Ladder.Current.Quantize(pe, 3, block);
        }
        Assert.Equal(expected, new Span<float>(y.Row(1), 96).ToArray());
        Assert.True(
            new Span<byte>(block, 3 * ActivationBlock.Bytes).SequenceEqual(new Span<byte>(y.Blocks + 3, 3 * ActivationBlock.Bytes)));
    }

    [Fact]
    public void Silu_vectors_agree_with_the_scalar() => ForAllLengths(4, (n, m) =>
    {
        var gate = (float*)m[0];
        if (n > 40)
            (gate[3], gate[4], gate[5], gate[6], gate[7]) = (float.NaN, 100, -100, float.PositiveInfinity, 1e-40f);
        SiluMultiply.Scalar(gate, (float*)m[1], (float*)m[2], n);
        SiluMultiply.Vector(gate, (float*)m[1], (float*)m[3], n);
        for (var i = 0; i < n; i++)
        {
            var (expected, actual) = (((float*)m[2])[i], ((float*)m[3])[i]);
            Assert.True(expected.Equals(actual) || Math.Abs(expected - actual) <= 1e-6f * (1e-30f + Math.Abs(expected)) + 1e-30f,
                $"silu({gate[i]}): {expected} {actual}");
        }
    });

    [Fact]
    public void Exponentials_of_sixteen_are_those_of_eight()
    {
        var random = new Random(1);
        float[] x = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, 1e-40f, -87.3f, -87.31f,
            88.3f, 88.31f, 1e30f, -1e30f,
            .. Enumerable.Range(0, 4084).Select(_ => (float)(random.NextDouble() * 200 - 100))];
        for (var i = 0; i < x.Length; i += 16)
        {
            var (first, last) = (VectorExp.Exp(Vector256.Create(x, i)), VectorExp.Exp(Vector256.Create(x, i + 8)));
            Assert.Equal(Vector512.Create(first, last).AsInt32(), VectorExp.Exp(Vector512.Create(x, i)).AsInt32());
        }
    }

    [Fact]
    public void Gelu_vectors_agree_with_the_scalar_and_with_tanh() => ForAllLengths(4, (n, m) =>
    {
        var (gate, up) = ((IntPtr)m[0], (IntPtr)m[1]);
        GeluMultiply.Scalar((float*)gate, (float*)up, (float*)m[2], n);
        GeluMultiply.Vector((float*)gate, (float*)up, (float*)m[3], n);
        for (var i = 0; i < n; i++)
        {
            double g = ((float*)gate)[i], expected =
                0.5 * g * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g))) * ((float*)up)[i];
            Assert.Equal(expected, ((float*)m[2])[i], 1e-5 * (1 + Math.Abs(expected)));
            Assert.Equal(((float*)m[2])[i], ((float*)m[3])[i], 1e-5 * (1 + Math.Abs(expected)));
        }
    });

    [Theory]
    [InlineData(1, 8, 96, 200, 1)]
    [InlineData(3, 5, 71, 64, 1)]
    [InlineData(9, 16, 40, 33, -0.5f)]
    [InlineData(40, 6, 130, 257, 3)]
    public void A_product_of_low_rank_is_that_of_plain_loops(int rows, int rank, int columns, int outputs, float share)
    {
        using var term = new LowRank(rank, columns, outputs);
        float[] a = RandomWeights.Floats(rank * columns, 1), b = RandomWeights.Floats(rank * outputs, 2), x =
            RandomWeights.Floats(rows * columns, 3), y = RandomWeights.Floats(rows * outputs, 4);
        a.CopyTo(new Span<float>(term.A, a.Length));
        b.CopyTo(new Span<float>(term.B, b.Length));
        var actual = y.ToArray();
        fixed (float* px = x, py = actual)
            term.AddTo(px, py, rows, share, s_pool);
        for (var row = 0; row < rows; row++)
            for (var output = 0; output < outputs; output++)
            {
                double sum = y[row * outputs + output];
                for (var k = 0; k < rank; k++)
                    sum += share * b[k * outputs + output] * Enumerable.Range(0, columns)
                        .Sum(c => (double)x[row * columns + c] * a[k * columns + c]);
                Assert.Equal(sum, actual[row * outputs + output], 1e-4 * (1 + Math.Abs(sum)));
            }
    }

    [Theory]
    [InlineData(1, 2048)]
    [InlineData(1, 8960)]
    [InlineData(5, 96)]
    [InlineData(1, 40)]
    public void Silu_into_activations_fills_all_rows_and_blocks(int tokens, int columns)
    {
        using var y = new Activations(tokens, columns);
        var gate = RandomWeights.Floats(tokens * columns, 1);
        var up = RandomWeights.Floats(tokens * columns, 2);
        fixed (float* g = gate, u = up)
            GatedUnit.Apply(g, u, y, tokens, GateActivation.Silu, quantize: true, s_pool);
        for (var i = 0; i < tokens * columns; i++)
            Assert.Equal(gate[i] / (1 + Math.Exp(-gate[i])) * up[i], y.Rows[i], 1e-5);
        var block = stackalloc ActivationBlock[1];
        for (var b = 0; b < tokens * y.BlocksPerRow; b++)
        {
            Ladder.Current.Quantize(y.Row(b / y.BlocksPerRow) + b % y.BlocksPerRow * 32, 1, block);
            Assert.Equal(block->ScaledSum, y.Blocks[b].ScaledSum);
        }
    }

    [Fact]
    public void Softmax_sums_to_one_and_agrees_with_float64() => ForAllLengths(1, (n, m) =>
    {
        var x = (float*)m[0];
        var expected = Enumerable.Range(0, n).Select(i => Math.Exp(((float*)m[0])[i])).ToArray();
        Softmax.Apply(x, n);
        for (var i = 0; i < n; i++)
            Assert.Equal(expected[i] / expected.Sum(), x[i], 1e-6);
    });

    [Fact]
    public void Exponentials_are_within_two_units() => ForAllLengths(1, (n, m) =>
    {
        var x = (float*)m[0];
        for (var i = 0; i < n; i++)
            x[i] = (i - 128) * 0.68f;
        var input = new Span<float>(x, n).ToArray();
        Softmax.ExpMinus(x, 0, n);
        for (var i = 0; i < n; i++)
            Assert.Equal(Math.Exp(input[i]), x[i], Math.Exp(input[i]) * 3e-7);
    });

    [Fact]
    public void Additions_reach_every_element() => ForAllLengths(2, (n, m) =>
    {
        var expected = Enumerable.Range(0, n).Select(i => ((float*)m[0])[i] + ((float*)m[1])[i]).ToArray();
        Add.Apply((float*)m[0], (float*)m[1], n);
        Assert.Equal(expected, new Span<float>((float*)m[0], n).ToArray());
    });

    [Fact]
    public void Halves_convert_exactly_both_ways()
    {
        var halves = new ushort[65536];
        var floats = new float[65536];
        for (var i = 0; i < 65536; i++)
            halves[i] = (ushort)i;
        fixed (ushort* h = halves)
        fixed (float* f = floats)
        {
            HalfFloats.ToFloat(h, f, 65536);
            for (var i = 0; i < 65536; i++)
                Assert.True(((float)BitConverter.UInt16BitsToHalf((ushort)i)).Equals(floats[i]), $"half {i:x4} is {floats[i]}");

            // All halves, the points between neighbours and the next float on either side of those.
            var random = new Random(1);
            for (var round = 0; round < 4; round++)
            {
                for (var i = 0; i < 65536; i++)
                {
                    var low = (float)BitConverter.UInt16BitsToHalf((ushort)i);
                    var middle = BitConverter.SingleToUInt32Bits(low) + 0x1000;
                    floats[i] = round == 3 ? BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32))
                        : BitConverter.UInt32BitsToSingle(middle + (uint)round - 1);
                }
                HalfFloats.FromFloat(f, h, 65536);
                for (var i = 0; i < 65536; i++)
                {
                    var expected = (Half)floats[i];
                    Assert.True(Half.IsNaN(expected) ? Half.IsNaN(BitConverter.UInt16BitsToHalf(h[i]))
                        : BitConverter.HalfToUInt16Bits(expected) == h[i],
                        $"{floats[i]:R} became {h[i]:x4}");
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rope_turns_pairs_by_position_times_frequency(bool interleaved)
    {
        var style = interleaved ? RopeStyle.Interleaved : RopeStyle.Halves;
        foreach (var (headDim, pairs) in ((int, int)[])[(8, 4), (64, 32), (80, 40), (128, 64), (64, 16)])
        {
            const int Tokens = 5, Heads = 3;
            float[] frequencies = [.. Enumerable.Range(0, pairs).Select(i => (float)Math.Pow(10000, -(double)i / pairs))];
            using var angles = new RopeAngles(frequencies, Tokens);
            angles.Compute([0, 1, 7, 1000, 8191]);
            var x = RandomWeights.Floats(Tokens * Heads * headDim, 3);
            using var y = new GuardedMemory(x.Length * sizeof(float));
            x.CopyTo(new Span<float>(y.Floats, x.Length));
            Rope.Apply(y.Floats, Tokens, Heads, headDim, Heads * headDim, angles, style, s_pool);
            int[] positions = [0, 1, 7, 1000, 8191];
            for (var i = 0; i < x.Length; i++)
            {
                var (start, d) = (i / headDim * headDim, i % headDim);
                var expected = (double)x[i];
                if (d < 2 * pairs)
                {
                    var pair = style == RopeStyle.Halves ? d % pairs : d / 2;
                    var isFirst = style == RopeStyle.Halves ? d < pairs : d % 2 == 0;
                    var (first, second) = style == RopeStyle.Halves ? (x[start + pair], x[start + pairs + pair])
                        : (x[start + 2 * pair], x[start + 2 * pair + 1]);
                    var (sine, cosine) = Math.SinCos((double)positions[i / (Heads * headDim)] * frequencies[pair]);
                    expected = isFirst ? first * cosine - second * sine : first * sine + second * cosine;
                }
                Assert.Equal(expected, y.Floats[i], 1e-5);
            }
        }
    }
}
