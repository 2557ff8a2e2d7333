using Banyan.Runtime.Models.Blocks;

namespace Banyan.Runtime.Models;

/// <summary>How finely a model computes: what its weights are multiplied with.</summary>
/// <param name="Exact">Activations stay floats.</param>
/// <param name="MixerTerms">Else: int8 values that stand for one activation in a mixer, 1 or 2
/// (<see cref="Kernels.Matrices.Activations"/>); elsewhere it is 1.</param>
internal readonly record struct Precision(bool Exact, int MixerTerms)
{
    /// <summary>Whether a mixer's own products are those of the exact path.</summary>
    public bool ExactMixer => Exact || MixerTerms == 2;

    /// <summary>
    /// Which experts a row goes to is discrete, and rounded activations now and then choose others than the model does. Most of what
    /// moves the choice is rounded in the mixers, so where there is a router their activations have 16 bits.
    /// </summary>
    public static Precision Of(ModelOptions options, IEnumerable<Block> blocks) =>
        new(options.Activations == ActivationFormat.Float, blocks.Any(b => b.HasRouter) ? 2 : 1);
}
