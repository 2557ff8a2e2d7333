using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>The experts together against each row and expert alone, by the plain products.</summary>
public unsafe class ExpertLinearTests
{
    const int Experts = 5, Used = 2, Embedding = 512, FeedForward = 256;

    static readonly WorkerPool s_pool = new(2);

    public static TheoryData<string, string> FormatsAndRungs =>
        [.. from f in WeightFormat.All where f.Name is not ("Q5_1" or "Q3_K") && !f.Name.StartsWith("IQ")
            && !f.Name.StartsWith("TQ") from r in RungProcess.Rungs select (f.Name, r.Name)];

    static WeightFormat Format(string name) => WeightFormat.TryGet(name, out var format) ? format : throw new ArgumentException(name);

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Experts_together_are_experts_alone(string name, string rungName)
    {
        foreach (var (rows, exact) in ((int, bool)[])[(1, false), (2, false), (23, false), (23, true)])
            Check(Format(name), Format(name), Ladder.Choose(rungName), rows, exact,
                row => [row % Experts, (row * 3 + 1 + row / Experts) % Experts]);
    }

    // More rows than a product takes at once, experts that nobody goes to, weights of different kinds.
    [Theory]
    [InlineData("Q4_K", "Q6_K")]
    [InlineData("BF16", "Q8_0")]
    [InlineData("Q8_0", "F16")]
    public void All_rows_may_go_to_the_same_experts(string gate, string down) =>
        Check(Format(gate), Format(down), Ladder.Current, 530, exact: false, _ => [3, 1]);

    static void Check(WeightFormat format, WeightFormat downFormat, Rung rung, int rows, bool exact, Func<int, int[]> choose)
    {
        int[] chosen =
            [.. Enumerable.Range(0, rows).SelectMany(choose)
                .Select((e, i) => i % Used == 1 && e == choose(i / Used)[0] ? (e + 1) % Experts : e)];
        float[] shares = [.. Enumerable.Range(0, rows * Used).Select(i => 1f / (i % 7 + 2))];
        PackedMatrix[] Matrices(WeightFormat f, int r, int c, int seed) =>
            [.. Enumerable.Range(0, Experts).Select(e => LinearTests.Pack(f, RandomWeights.Make(f, r, c, seed + e), r, c))];
        var (gate, up, down) = (Matrices(format, FeedForward, Embedding, 10), Matrices(format, FeedForward, Embedding, 20),
            Matrices(downFormat, Embedding, FeedForward, 30));
        using var input = new Activations(rows, Embedding);
        RandomWeights.Floats(rows * Embedding, 3).CopyTo(new Span<float>(input.Rows, rows * Embedding));
        for (var row = 0; row < rows; row++)
            input.QuantizeBlocks(rung, row, 0, input.BlocksPerRow);

        var (expected, magnitudes) = (new float[rows * Embedding], new float[rows * Embedding]);
        for (var row = 0; row < rows; row++)
            foreach (var place in Enumerable.Range(0, Used).OrderBy(p => chosen[row * Used + p]))
            {
                var update = Alone(rung, input, row, gate[chosen[row * Used + place]], up[chosen[row * Used + place]],
                    down[chosen[row * Used + place]], exact);
                var largest = update.Max(Math.Abs);
                for (var c = 0; c < Embedding; c++)
                {
                    expected[row * Embedding + c] += shares[row * Used + place] * update[c];
                    magnitudes[row * Embedding + c] += largest;
                }
            }

        using var experts = new ExpertLinear(rows, Experts, Used, FeedForward, s_pool, exact, rung);
        using var x = new GuardedMemory((long)rows * Embedding * sizeof(float));
        new Span<byte>(x.Pointer, (int)x.Length).Clear();
        experts.Run(input, rows, chosen, shares, gate, up, down, x.Floats);
        var integers = format.BlockWeights > 1 && downFormat.BlockWeights > 1 && !exact;
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], x.Floats[i], integers ? 0 : 1e-4f * magnitudes[i]);

        foreach (var matrix in gate.Concat(up).Concat(down))
            matrix.Dispose();
    }

    static float[] Alone(Rung rung, Activations input, int row, PackedMatrix gate, PackedMatrix up, PackedMatrix down, bool exact)
    {
        using var one = new Activations(1, Embedding);
        new Span<float>(input.Row(row), Embedding).CopyTo(new Span<float>(one.Rows, Embedding));
        one.QuantizeBlocks(rung, 0, 0, one.BlocksPerRow);
        using var hidden = new Activations(1, FeedForward);
        var (g, u, y) = (new float[FeedForward], new float[FeedForward], new float[Embedding]);
        fixed (float* pg = g, pu = u, py = y)
        {
            Linear.Multiply(rung, one, gate, pg, 1, s_pool, exact);
            Linear.Multiply(rung, one, up, pu, 1, s_pool, exact);
            if (Ladder.UsesVectors)
                SiluMultiply.Vector(pg, pu, hidden.Rows, FeedForward);
            else
                SiluMultiply.Scalar(pg, pu, hidden.Rows, FeedForward);
            hidden.QuantizeBlocks(rung, 0, 0, hidden.BlocksPerRow);
            Linear.Multiply(rung, hidden, down, py, 1, s_pool, exact);
        }
        return y;
    }
}
