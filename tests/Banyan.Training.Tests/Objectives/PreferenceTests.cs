using Banyan.Training.Objectives;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;
using Banyan.Training.Tests.Passes;

namespace Banyan.Training.Tests.Objectives;

/// <summary>The gradient of preference objectives against differences of their losses.</summary>
public unsafe class PreferenceTests
{
    [Theory]
    [InlineData(TuneObjective.Dpo)]
    [InlineData(TuneObjective.Orpo)]
    public void The_gradient_is_the_loss_difference(TuneObjective which)
    {
        using var model = TinyModels.Load("qwen2-tiny-f32");
        var options = new TuneOptions { Rank = 4, Objective = which, OrpoLambda = 3 };
        using var network = new Network(model, options, 200);
        network.Allocate(recompute: false);
        foreach (var b in network.Parameters.All.Where(p => p.Name.EndsWith(".lora_b", StringComparison.Ordinal)))
            Start.Normal(b, 7, 0.05);
        foreach (var (length, seed) in new[] { (40, 1), (31, 2), (25, 3), (50, 4) }) // two pairs
            network.Pass.Add(TinyModels.Sample(model, length, seed));
        var objective = Objective.Of(options);
        network.Parameters.ClearGradients();
        var (_, margin) = objective.Run(network, 1);
        Assert.NotEqual(0, margin);
        var gradient = new Span<float>(network.Parameters.Gradients, (int)network.Parameters.Size).ToArray();
        var values = new Span<float>(network.Parameters.Values, (int)network.Parameters.Size).ToArray();
        var norm = Math.Sqrt(gradient.Sum(g => (double)g * g));
        var step = 0.02 / norm;
        var slope = (8 * (At(step) - At(-step)) - (At(2 * step) - At(-2 * step))) / (12 * step);
        Assert.Equal(norm, slope, 0.01 * norm);

        double At(double distance)
        {
            for (var i = 0; i < values.Length; i++)
                network.Parameters.Values[i] = (float)(values[i] + distance * gradient[i] / norm);
            return objective.Run(network, null).Loss;
        }
    }
}
