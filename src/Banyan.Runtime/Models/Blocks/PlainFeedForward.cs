using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>down · activation(up·x), without a gate: relu² in Nemotron-H (arXiv 2504.03624), GELU in BERT.</summary>
internal sealed unsafe class PlainFeedForward : Block
{
    readonly Projection _up, _down;
    readonly PlainActivation _activation;

    public PlainFeedForward(LayerLoader at, int feedForward, PlainActivation activation, string suffix = "")
    {
        var embedding = at.Config.EmbeddingSize;
        _activation = activation;
        _up = at.Projection($"ffn_up{suffix}", feedForward, embedding);
        _down = at.Projection($"ffn_down{suffix}", embedding, feedForward, at.Config.ResidualScale);
    }

    public override int Columns => _down.Rows;

    public override IEnumerable<MatrixProduct> Products => [_up, _down];

    public override bool NeedsBlocks(Precision precision) => _up.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var hidden = pass.Activations(_down.Columns);                // hidden [rows, feedForward]
        _up.Apply(pass, input, hidden.Rows);
        _activation.Apply(hidden.Rows, (long)pass.Rows * _down.Columns);
        _down.AddTo(pass, hidden, x);
    }
}

/// <summary>What a feed-forward without a gate goes through.</summary>
internal enum PlainActivation
{
    /// <summary>max(0, x)².</summary>
    SquaredRelu,

    /// <summary>GELU, by tanh.</summary>
    Gelu,
}

internal static unsafe class PlainActivations
{
    /// <summary>In place.</summary>
    public static void Apply(this PlainActivation activation, float* x, long count)
    {
        for (long i = 0; i < count; i++)
            x[i] = activation == PlainActivation.SquaredRelu ? Math.Max(x[i], 0) * Math.Max(x[i], 0)
                : x[i] / (1 + MathF.Exp(-x[i] * (GeluMultiply.Linear + GeluMultiply.Cubic * x[i] * x[i])));
    }
}
