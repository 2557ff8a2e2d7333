using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Training.Optimization;
using Banyan.Training.Parameters;

namespace Banyan.Training.Tests.Optimization;

/// <summary>Muon against its formula in doubles; what is not its own goes to AdamW.</summary>
public unsafe class MuonTests
{
    [Theory]
    [InlineData(1, 24, 70)]
    [InlineData(3, 70, 24)]
    [InlineData(2, 37, 37)]
    public void Steps_are_those_of_the_formula(int threads, int rows, int columns)
    {
        using var parameters = new ParameterSet();
        var random = new Random(1);
        var matrix = parameters.Add("a", rows, columns, ParameterKind.Matrix, p => Fill(p.Values, random));
        parameters.Allocate();
        using var pool = new WorkerPool(threads);
        using var optimizer = new AdamW(parameters,
            new TuneOptions { Method = TuneMethod.Full, Optimizer = TuneOptimizer.Muon, WeightDecay = 0.1 }, pool);
        double[] x = [.. matrix.Values.ToArray()], m = new double[x.Length];
        for (var step = 1; step <= 3; step++)
        {
            Fill(new Span<float>(matrix.Gradient, x.Length), random);
            var u = new double[x.Length];
            for (var i = 0; i < x.Length; i++)
            {
                var g = 0.05 * 0.5 * matrix.Gradient[i];
                m[i] = 0.95 * m[i] + g;
                u[i] = 0.95 * m[i] + g;
            }
            u = Orthogonalized(u, rows, columns);
            for (var i = 0; i < x.Length; i++)
                x[i] -= 0.01 * (0.2 * Math.Sqrt(Math.Max(rows, columns)) * u[i] + 0.1 * x[i]);
            optimizer.Step(step, 0.01, 0.5);
        }
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(x[i], matrix.Value[i], 2e-5);
    }

    [Fact]
    public void Tokens_and_vectors_are_AdamWs_and_a_gradient_of_zeros_moves_nothing()
    {
        float[][] results = [.. new[] { TuneOptimizer.AdamW, TuneOptimizer.Muon }.Select(which =>
        {
            using var parameters = new ParameterSet();
            var random = new Random(2);
            var tokens = parameters.Add("token_embd.weight", 30, 16, ParameterKind.Tokens, p => Fill(p.Values, random));
            var vector = parameters.Add("norm", 1, 16, ParameterKind.Vector, p => Fill(p.Values, random));
            var still = parameters.Add("still", 16, 16, ParameterKind.Matrix, p => Fill(p.Values, random));
            parameters.Allocate();
            using var pool = new WorkerPool(1);
            using var optimizer = new AdamW(parameters, new TuneOptions { Method = TuneMethod.Full, Optimizer = which }, pool);
            Fill(new Span<float>(tokens.Gradient, 30 * 16), random);
            Fill(new Span<float>(vector.Gradient, 16), random);
            optimizer.Step(1, 0.01, 1);
            return (float[])[.. tokens.Values, .. vector.Values, .. still.Values];
        })];
        Assert.Equal(results[0], results[1]);
    }

    [Fact]
    public void An_adapter_cannot_have_it() =>
        Assert.Contains("Muon",
            Assert.Throws<ArgumentException>(() => new TuneOptions { Optimizer = TuneOptimizer.Muon }.Validate()).Message,
            StringComparison.Ordinal);

    static void Fill(Span<float> values, Random random)
    {
        foreach (ref var value in values)
            value = random.NextSingle() - 0.5f;
    }

    static double[] Orthogonalized(double[] u, int rows, int columns)
    {
        var norm = Math.Sqrt(u.Sum(v => v * v));
        u = [.. u.Select(v => v / norm)];
        for (var i = 0; i < 5; i++)
        {
            var a = Product(u, Transposed(u, rows, columns), rows, columns, rows);
            var square = Product(a, a, rows, rows, rows);
            double[] p = [.. a.Select((v, at) => -4.7750 * v + 2.0315 * square[at] + (at % (rows + 1) == 0 ? 3.4445 : 0))];
            u = Product(p, u, rows, rows, columns);
        }
        return u;
    }

    static double[] Transposed(double[] a, int rows, int columns) =>
        [.. Enumerable.Range(0, rows * columns).Select(i => a[i % rows * columns + i / rows])];

    static double[] Product(double[] a, double[] b, int rows, int depth, int columns) =>
        [.. Enumerable.Range(0, rows * columns)
            .Select(i => Enumerable.Range(0, depth).Sum(k => a[i / columns * depth + k] * b[k * columns + i % columns]))];
}
