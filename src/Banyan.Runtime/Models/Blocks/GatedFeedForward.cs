using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>SwiGLU (arXiv 2002.05202): down · (silu(gate·x) ⊙ (up·x)).</summary>
internal sealed unsafe class GatedFeedForward : Block
{
    readonly GatedProjection _gateUp;
    readonly Projection _down;

    public GatedFeedForward(LayerLoader at, int feedForward)
    {
        var embedding = at.Config.EmbeddingSize;
        _gateUp = new GatedProjection(at.Projection("ffn_gate", feedForward, embedding), at.Projection("ffn_up", feedForward, embedding));
        _down = at.Projection("ffn_down", embedding, feedForward);
    }

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
