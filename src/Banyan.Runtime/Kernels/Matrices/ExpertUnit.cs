using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>What experts compute between their matrices.</summary>
/// <param name="Activation">What the gate goes through.</param>
/// <param name="ScalesInput">The share multiplies what an expert gets, not what it gives.</param>
internal readonly record struct ExpertUnit(GateActivation Activation, bool ScalesInput);

/// <summary>Biases of all experts, one expert after the other; null for none.</summary>
internal readonly unsafe struct ExpertBiases
{
    /// <summary>[experts, feed-forward]</summary>
    public float* Gate { get; init; }

    /// <summary>[experts, feed-forward]</summary>
    public float* Up { get; init; }

    /// <summary>[experts, embedding]</summary>
    public float* Down { get; init; }
}
