using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models.Projections;

/// <summary>
/// activation(gate·x) ⊙ (up·x), in one product where both are plain and the activation is SiLU: then neither is in memory as a whole.
/// </summary>
internal sealed unsafe class GatedProjection(Projection gate, Projection up, GateActivation activation = GateActivation.Silu)
    : MatrixProduct
{
    public override IReadOnlyList<Projection> Projections { get; } = [gate, up];

    public GateActivation Activation => activation;

    public override WeightRead Read { get; } = new([gate.Matrix, up.Matrix], ActivationBlock.Columns / PackedFormat.Rows);

    /// <summary>y[rows of the pass, rows of each], in the form that <paramref name="reader"/> needs.</summary>
    public void Apply(Pass pass, Activations x, Activations y, Projection reader)
    {
        var (exact, rows) = (pass.Precision.Exact, pass.Rows);
        var quantize = reader.NeedsBlocks(exact);
        Begin(pass, x, exact);
        if (!exact && activation == GateActivation.Silu && gate.IsPlain && up.IsPlain && !gate.IsAdapted(pass) && !up.IsAdapted(pass)
            && Linear.TryMultiplyGated(x, gate.Matrix, up.Matrix, y, rows, pass.Pool, floats: !quantize))
            return;
        float* g = pass.Floats(gate.Rows), u = pass.Floats(up.Rows);
        Linear.Multiply(x, gate.Matrix, g, rows, pass.Pool, exact);
        Linear.Multiply(x, up.Matrix, u, rows, pass.Pool, exact);
        gate.Finish(pass, x, g);
        up.Finish(pass, x, u);
        GatedUnit.Apply(g, u, y, rows, activation, quantize, pass.Pool);
    }
}
