using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>
/// Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) for the matrices inside the layers: the momentum, made orthogonal by five
/// Newton–Schulz steps. AdamW (arXiv 1711.05101) for the embedding, norms and biases.
/// </summary>
internal sealed class Optimizer
{
    private const float MuonRate = 0.02f, AdamRate = 0.004f, WeightDecay = 0.1f;
    private const float MuonMomentum = 0.95f, Beta1 = 0.9f, Beta2 = 0.95f, Epsilon = 1e-8f, LargestNorm = 1;

    private readonly Dictionary<string, Tensor> _parameters;

    /// <param name="parameters">The weights, whose gradients each step reads and clears.</param>
    public Optimizer(Dictionary<string, Tensor> parameters)
    {
        _parameters = parameters;
        foreach (var (name, parameter) in parameters)
        {
            State[name + "/momentum"] = zeros_like(parameter, requires_grad: false);
            if (!IsHiddenMatrix(name))
            {
                State[name + "/square"] = zeros_like(parameter, requires_grad: false);
            }
        }
    }

    /// <summary>Momentum of every parameter, and AdamW's mean square; part of a checkpoint.</summary>
    public Dictionary<string, Tensor> State { get; } = [];

    /// <summary>One step with the gradients as they are; <paramref name="rate"/> in 0…1 scales both learning rates. Then clears the gradients.</summary>
    public void Step(long step, float rate)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        float norm = MathF.Sqrt(_parameters.Values.Sum(p => p.grad!.square().sum().ToSingle()));
        float clip = MathF.Min(1, LargestNorm / (norm + 1e-6f));
        foreach (var (name, parameter) in _parameters)
        {
            var gradient = parameter.grad!.mul_(clip);
            var momentum = State[name + "/momentum"];
            if (IsHiddenMatrix(name))
            {
                momentum.mul_(MuonMomentum).add_(gradient, alpha: 1 - MuonMomentum);
                var update = Orthogonalize((gradient * (1 - MuonMomentum)) + (momentum * MuonMomentum));
                float scale = MathF.Sqrt(MathF.Max(1, parameter.shape[0] / (float)parameter.shape[1]));
                parameter.mul_(1 - (rate * MuonRate * WeightDecay));
                parameter.add_(update, alpha: -rate * MuonRate * scale);
            }
            else
            {
                var square = State[name + "/square"];
                momentum.mul_(Beta1).add_(gradient, alpha: 1 - Beta1);
                square.mul_(Beta2).add_(gradient * gradient, alpha: 1 - Beta2);
                float c1 = 1 - MathF.Pow(Beta1, step), c2 = 1 - MathF.Pow(Beta2, step);
                parameter.add_((momentum / c1) / ((square / c2).sqrt() + Epsilon), alpha: -rate * AdamRate);
            }

            gradient.zero_();
        }
    }

    private static bool IsHiddenMatrix(string name) => name.EndsWith("_proj.weight", StringComparison.Ordinal);

    /// <summary>Pushes all singular values towards one.</summary>
    private static Tensor Orthogonalize(Tensor gradient)
    {
        const float a = 3.4445f, b = -4.7750f, c = 2.0315f;
        bool tall = gradient.shape[0] > gradient.shape[1];
        var x = tall ? gradient.t().contiguous() : gradient;
        x = x / (x.norm() + 1e-7f);
        for (int i = 0; i < 5; i++)
        {
            var square = x.mm(x.t());
            x = (a * x) + ((b * square) + (c * square.mm(square))).mm(x);
        }

        return tall ? x.t() : x;
    }
}
