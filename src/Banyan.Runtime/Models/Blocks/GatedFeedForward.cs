using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>down · (activation(gate·x) ⊙ (up·x)): SwiGLU or GEGLU (arXiv 2002.05202).</summary>
internal sealed unsafe class GatedFeedForward : Block
{
    readonly GatedProjection _gateUp;
    readonly Projection _down;

    /// <param name="at">The layer's tensors.</param>
    /// <param name="feedForward">Width of the hidden layer.</param>
    /// <param name="suffix">Of the tensors' names: <c>_shexp</c> of the shared expert.</param>
    public GatedFeedForward(LayerLoader at, int feedForward, string suffix = "")
    {
        var embedding = at.Config.EmbeddingSize;
        // Some files have gate and up in one tensor, in that order (phi3).
        var (gate, up) = at.Has($"ffn_gate{suffix}.weight")
            ? (at.Projection($"ffn_gate{suffix}", feedForward, embedding), at.Projection($"ffn_up{suffix}", feedForward, embedding))
            : (at.Part($"ffn_up{suffix}", 0, feedForward, 2 * feedForward, embedding),
                at.Part($"ffn_up{suffix}", feedForward, feedForward, 2 * feedForward, embedding));
        _gateUp = new GatedProjection(gate, up, at.Config.GateActivation);
        _down = at.Projection($"ffn_down{suffix}", embedding, feedForward, at.Config.ResidualScale);
    }

    public GateActivation Activation => _gateUp.Activation;

    public Projection Gate => _gateUp.Projections[0];

    public Projection Up => _gateUp.Projections[1];

    public Projection Down => _down;

    public override int Columns => _down.Rows;

    public override IEnumerable<MatrixProduct> Products => [_gateUp, _down];

    public override bool NeedsBlocks(Precision precision) => _gateUp.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var hidden = pass.Activations(_down.Columns);                // hidden [rows, feedForward]
        _gateUp.Apply(pass, input, hidden, reader: _down);
        _down.AddTo(pass, hidden, x);
    }
}
