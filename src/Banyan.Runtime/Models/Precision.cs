using Banyan.Runtime.Models.Blocks;

namespace Banyan.Runtime.Models;

/// <summary>The precision of a model's activations.</summary>
/// <param name="Exact">Activations stay floats.</param>
/// <param name="MixerTerms">If not exact: int8 values per activation in a mixer, 1 or 2 (<see cref="Kernels.Matrices.Activations"/>);
/// elsewhere it is 1.</param>
internal readonly record struct Precision(bool Exact, int MixerTerms)
{
    /// <summary>Whether a mixer's own products are those of the exact path.</summary>
    public bool ExactMixer => Exact || MixerTerms == 2;

    /// <summary>Routing is discrete, and rounded activations sometimes select other experts than the model does. Most of that error comes
    /// from the mixers, so in models with a router their activations have 16 bits.</summary>
    public static Precision Of(ModelOptions options, IEnumerable<Block> blocks) =>
        new(options.Activations == ActivationFormat.Float, blocks.Any(b => b.HasRouter) ? 2 : 1);
}
