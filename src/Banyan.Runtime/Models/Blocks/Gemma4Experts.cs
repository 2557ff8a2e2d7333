using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// Gemma 4's feed-forward beside experts, each with norms of its own; the router reads the stream normed in its own way:
/// <code>
/// output = norm1(mlp(norm(x))) + norm2(experts(norm'(x)))       router: x ÷ √(mean(x²) + ε) ÷ √embedding ⊙ scale
/// </code>
/// </summary>
internal sealed unsafe class Gemma4Experts : Block
{
    readonly GatedFeedForward _dense;
    readonly MixtureOfExperts _experts;
    readonly Norm _beforeDense, _afterDense, _beforeExperts, _afterExperts, _router;

    public Gemma4Experts(LayerLoader at, int feedForward)
    {
        var embedding = at.Config.EmbeddingSize;
        _dense = new GatedFeedForward(at, feedForward);
        _experts = new MixtureOfExperts(at, at.Config.Experts!, at.Config.Experts!.FeedForwardSize);
        (_beforeDense, _afterDense) = (at.Norm("ffn_norm"), at.Norm("post_ffw_norm_1"));
        (_beforeExperts, _afterExperts) = (at.Norm("pre_ffw_norm_2"), at.Norm("post_ffw_norm_2"));
        var scale = at.Vector("ffn_gate_inp.scale", embedding);
        Kernels.Operations.Scale.Apply(scale.Floats, 1 / MathF.Sqrt(embedding), embedding);
        _router = new Norm("ffn_gate_inp.scale", scale, embedding, at.Config.NormEpsilon);
    }

    public override int Columns => _dense.Columns;

    public override IEnumerable<MatrixProduct> Products => [.. _dense.Products, .. _experts.Products];

    public override bool HasRouter => true;

    public override bool NeedsBlocks(Precision precision) => false; // of its input, which is not normed yet

    public override void Run(Pass pass, Activations input, float* x)
    {
        AddNormed(pass, input, x, _beforeDense, _dense, _afterDense, null);
        var routed = pass.Activations(Columns);
        _router.Apply(pass, input.Rows, routed, quantize: false);
        AddNormed(pass, input, x, _beforeExperts, _experts, _afterExperts, routed);
    }

    // x += after(block(before(input)))
    void AddNormed(Pass pass, Activations input, float* x, Norm before, Block block, Norm after, Activations? routed)
    {
        var normed = pass.Activations(Columns);
        var update = pass.Floats(Columns);
        new Span<float>(update, checked(pass.Rows * Columns)).Clear();
        before.Apply(pass, input.Rows, normed, block.NeedsBlocks(pass.Precision));
        if (routed is null)
            block.Run(pass, normed, update);
        else
            _experts.Run(pass, normed, routed, update);
        after.Apply(pass, update);
        Add.Apply(x, update, (long)pass.Rows * Columns, pass.Pool);
    }
}
