using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Training.Optimization;
using Banyan.Training.Parameters;

namespace Banyan.Training.Tests.Optimization;

/// <summary>The optimizer against its formula in doubles, and the schedule's shape.</summary>
public unsafe class AdamWTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Steps_are_those_of_the_formula(int threads)
    {
        var options = new TuneOptions { WeightDecay = 0.1 };
        using var parameters = new ParameterSet();
        var random = new Random(1);
        void Fill(Parameter p)
        {
            foreach (ref var value in p.Values)
                value = random.NextSingle() - 0.5f;
        }
        var matrix = parameters.Add("a", 37, 91, ParameterKind.Matrix, Fill);
        var vector = parameters.Add("b", 1, 45, ParameterKind.Vector, Fill);
        parameters.Allocate();
        using var pool = new WorkerPool(threads);
        using var optimizer = new AdamW(parameters, options, pool);
        foreach (var (p, decay) in new[] { (matrix, 0.1), (vector, 0.0) })
        {
            parameters.Restart();
            new Span<float>(optimizer.State.Mean.Floats, (int)parameters.Size).Clear();
            new Span<float>(optimizer.State.Square.Floats, (int)parameters.Size).Clear();
            double[] x = [.. p.Values.ToArray()], m = new double[p.Count], v = new double[p.Count];
            for (var step = 1; step <= 3; step++)
            {
                var squares = 0.0;
                for (var i = 0; i < p.Count; i++)
                {
                    p.Gradient[i] = random.NextSingle() - 0.3f;
                    squares += p.Gradient[i] * p.Gradient[i];
                    var g = 0.5 * p.Gradient[i];
                    m[i] = 0.9 * m[i] + 0.1 * g;
                    v[i] = 0.999 * v[i] + 0.001 * g * g;
                    x[i] -= 0.01
                        * (m[i] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.999, step))) + 1e-8) + decay * x[i]);
                }
                Assert.Equal(Math.Sqrt(squares), optimizer.Norm(), 1e-4);
                optimizer.Step(step, 0.01, 0.5);
            }
            for (var i = 0; i < p.Count; i++)
                Assert.Equal(x[i], p.Value[i], 2e-6);
            parameters.ClearGradients();
        }
    }

    [Fact]
    public void The_rate_rises_along_a_line_and_falls_along_a_cosine()
    {
        var options = new TuneOptions { LearningRate = 1, Warmup = 0.1 };
        double[] rates = [.. Enumerable.Range(0, 100).Select(i => LearningRate.At(i, 100, options))];
        Assert.Equal([0.1, 0.5, 1, 1], new[] { rates[0], rates[4], rates[9], rates[10] });
        Assert.Equal(0.5, rates[55], 1e-9);
        Assert.InRange(rates[99], 1e-6, 1e-3);
        Assert.Equal(1, LearningRate.At(0, 1, options with { Warmup = 0 }));
        Assert.All(Enumerable.Range(1, 12),
            steps => Assert.All(Enumerable.Range(0, steps), i => Assert.InRange(LearningRate.At(i, steps, options), 1e-9, 1)));
    }
}
