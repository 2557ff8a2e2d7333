using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>What a residual wraps: a mixer, which combines a row with the other rows of its sequence, or a feed-forward, which computes
/// each row alone. A block has weights and a shape, and nothing that a pass changes: it is shared by all passes and sequences. One file
/// each, to be read beside its paper.</summary>
/// <remarks> Everything that a block computes is in <see cref="Pass.Memory"/>, and every weight it multiplies by is a
/// <see cref="Projection"/>. That is the seam for training: a backward pass reads the forward pass's results from a workspace that keeps
/// them, and gradients and adapters belong to the projections. </remarks>
internal abstract class Block
{
    /// <summary>Its products, in the order in which they run.</summary>
    public abstract IEnumerable<MatrixProduct> Products { get; }

    /// <summary>Columns of its input.</summary>
    public abstract int Columns { get; }

    /// <summary>x[rows, embedding] += block(input).</summary>
    public abstract unsafe void Run(Pass pass, Activations input, float* x);

    /// <summary>Its state of a sequence between passes; null for none.</summary>
    public virtual LayerState? State => null;

    /// <summary>The number of int8 values per activation, if activations are quantized.</summary>
    public virtual int Terms(Precision precision) => 1;

    /// <summary>Whether a router in it makes discrete choices.</summary>
    public virtual bool HasRouter => false;

    /// <summary>Multiply-adds that a row takes for each position before it.</summary>
    public virtual long PositionProducts => 0;

    /// <summary>Whether its input is needed in quantized form.</summary>
    public abstract bool NeedsBlocks(Precision precision);
}
