using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>
/// What the minima of weights with a minimum for each 16 columns are multiplied by before the scale: the sum of the quants of each half.
/// </summary>
internal readonly unsafe struct ActivationHalves
{
    public required float First { get; init; }

    public required float Last { get; init; }

    /// <param name="x">A block, or the first term of one.</param>
    /// <param name="second">The second; null if there is none.</param>
    public static ActivationHalves Of(ActivationBlock* x, ActivationBlock* second)
    {
        var (first, last) = (x->FirstOffset32, x->LastOffset32);
        if (second is not null)
            (first, last) = ((first << ActivationBlock.SecondBits) + second->FirstOffset32, (last << ActivationBlock.SecondBits) + second->LastOffset32);
        return new() { First = first / -32, Last = last / -32 };
    }
}
