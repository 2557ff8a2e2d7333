using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>
/// A block of the runtime with its backward pass. One file each, beside the block that it mirrors: it computes the same from the same
/// projections, keeps what the backward pass needs in its layer's region, and borrows everything else. To add one: a class, and a row in
/// <see cref="Of"/>.
/// </summary>
internal abstract unsafe class BlockGradient
{
    /// <summary>
    /// output[rows, embedding] += block(input). If output is null, only what the backward pass needs is recomputed.
    /// </summary>
    public abstract void Forward(TrainingPass pass, float* input, float* output);

    /// <summary>
    /// dInput[rows, embedding] = the gradient, from that of the output; null if nothing below is trained. What <see cref="Forward"/> kept
    /// may be overwritten.
    /// </summary>
    public abstract void Backward(TrainingPass pass, float* input, float* dOutput, float* dInput);

    /// <summary>The gradient of a block.</summary>
    /// <exception cref="ArgumentException">There is no gradient for blocks of this kind.</exception>
    public static BlockGradient Of(Block block, GradientBuilder at) => block switch
    {
        Attention { WithoutGradient: { } what } => throw new ArgumentException($"models that {what} cannot be trained yet"),
        MixtureOfExperts { IsPlain: false } =>
            throw new ArgumentException("experts with biases, groups, or other activations than SwiGLU cannot be trained yet"),
        GatedFeedForward { Activation: not (GateActivation.Silu or GateActivation.Gelu) } =>
            throw new ArgumentException("feed-forwards of this activation cannot be trained yet"),
        MixtureOfExperts { Shared: not null } or MixtureOfExperts { HasSelectionBias: true }
            or MixtureOfExperts { Shape: { Sigmoid: true } or { Scale: not 1 } } =>
            throw new ArgumentException(
                "experts that every token goes to, or that are chosen by sigmoids, with a bias or a scale, cannot be trained yet"),
        Attention attention => new AttentionGradient(attention, at),
        GatedFeedForward gated => new GatedGradient(gated, at),
        MixtureOfExperts experts => new ExpertsGradient(experts, at),
        _ => throw new ArgumentException($"models with {block.GetType().Name} cannot be trained yet"),
    };
}
