using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>The gated delta rule and the convolution before it, beside loops that read like the formula: the same bits.</summary>
public sealed unsafe class DeltaRuleTests
{
    [Theory]
    [InlineData(128, 1)]
    [InlineData(128, 3)]
    [InlineData(128, 16)]
    [InlineData(64, 5)]
    [InlineData(72, 16)]
    [InlineData(20, 7)]
    [InlineData(256, 4)]
    public void Rows_correct_a_matrix_one_after_the_other(int size, int rows)
    {
        const int Apart = 11;
        var random = new Random(size + rows);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
        var (s, q, k) = (Numbers(size * size), Numbers(rows * size), Numbers(rows * size));
        var (v, keep, rate) = (Numbers(rows * (size + Apart)), Numbers(rows), Numbers(rows));
        var (expected, y, outputs) = (s.ToArray(), new float[rows * size], new float[rows * (size + Apart)]);
        for (var row = 0; row < rows; row++)
            for (var c = 0; c < size; c++)
            {
                float held = 0, sum = 0;
                for (var j = 0; j < size; j++)
                    held = MathF.FusedMultiplyAdd(k[row * size + j], expected[j * size + c], held);
                var change = rate[row] * (v[row * (size + Apart) + c] - keep[row] * held);
                for (var j = 0; j < size; j++)
                {
                    ref var at = ref expected[j * size + c];
                    at = MathF.FusedMultiplyAdd(k[row * size + j], change, keep[row] * at);
                    sum = MathF.FusedMultiplyAdd(q[row * size + j], at, sum);
                }
                y[row * size + c] = sum;
            }

        fixed (float* state = s, queries = q, keys = k, values = v, keeps = keep, rates = rate, to = outputs)
            DeltaRule.Correct(state, size, new()
            {
                Count = rows,
                Queries = queries,
                Keys = keys,
                Keep = keeps,
                Rate = rates,
                Values = values,
                ValueStride = size + Apart,
                Outputs = to,
                OutputStride = size + Apart,
            });

        Assert.Equal(expected, s);
        Assert.Equal(y, Enumerable.Range(0, rows).SelectMany(r => outputs[(r * (size + Apart))..][..size]));
        Assert.All(Enumerable.Range(0, rows), r => Assert.All(outputs[(r * (size + Apart) + size)..][..Apart], o => Assert.Equal(0, o)));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_convolution_adds_each_channel_by_itself(bool silu, bool hasBias)
    {
        const int Taps = 4, Channels = 45, First = 8;
        var random = new Random(4);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 20 - 10))];
        var (rows, weight, bias, y) = (Numbers(Taps * Channels), Numbers(Taps * Channels), Numbers(Channels), new float[Channels]);
        fixed (float* x = rows, w = weight, b = bias, to = y)
        {
            var taps = stackalloc float*[Taps] { null, x + Channels, x + 2 * Channels, x + 3 * Channels };
            FloatRows.Convolve(taps, w, hasBias ? b : null, to, Taps, Channels, First, Channels, silu);
        }
        for (var c = 0; c < Channels; c++)
        {
            var sum = hasBias ? bias[c] : 0;
            for (var tap = 1; tap < Taps; tap++)
                sum = MathF.FusedMultiplyAdd(weight[tap * Channels + c], rows[tap * Channels + c], sum);
            var expected = c < First ? 0 : silu ? sum / (1 + MathF.Exp(-sum)) : sum;
            Assert.Equal(expected, y[c], Math.Max(1e-6f, Math.Abs(expected) * 1e-6f));
        }
    }
}
