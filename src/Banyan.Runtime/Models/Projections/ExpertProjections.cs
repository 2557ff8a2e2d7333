using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;

namespace Banyan.Runtime.Models.Projections;

/// <summary>
/// Gate, up and down of all experts of a layer: Σ share · down(silu(gate(x)) ⊙ up(x)) over the experts that a row goes to.
/// </summary>
internal sealed unsafe class ExpertProjections : MatrixProduct
{
    readonly PackedMatrix[] _gate, _up, _down;
    readonly Shape _shape;

    /// <summary>What the buffers of the computation depend on.</summary>
    sealed record Shape(int Experts, int Used, int FeedForward, ExpertUnit Unit);

    /// <param name="gate">One an expert, [feed-forward, embedding]; plain.</param>
    /// <param name="up">Likewise.</param>
    /// <param name="down">Likewise, [embedding, feed-forward].</param>
    /// <param name="used">Experts that a row goes to.</param>
    /// <param name="unit">What they compute between these.</param>
    public ExpertProjections(Projection[] gate, Projection[] up, Projection[] down, int used, ExpertUnit unit = default)
    {
        Projections = [.. gate, .. up, .. down];
        PackedMatrix[] Matrices(Projection[] projections) => [.. projections.Select(p => p.Matrix)];
        (_gate, _up, _down) = (Matrices(gate), Matrices(up), Matrices(down));
        _shape = new Shape(gate.Length, used, gate[0].Rows, unit);
    }

    public override IReadOnlyList<Projection> Projections { get; }

    /// <summary>Of one expert.</summary>
    public (Projection Gate, Projection Up, Projection Down) Of(int expert) =>
        (Projections[expert], Projections[_gate.Length + expert], Projections[2 * _gate.Length + expert]);

    // Which are read is known when the router has chosen; from then on the product plans by itself.
    public override WeightRead Read { get; } = new([]);

    public override double Share => (double)_shape.Used / _shape.Experts;

    // Of the input: what down meets is the experts' own.
    public override bool NeedsBlocks(bool exact) => Projections[0].NeedsBlocks(exact) || Projections[_gate.Length].NeedsBlocks(exact);

    /// <summary>
    /// x[rows, embedding] += the experts of the input; <paramref name="chosen"/> and <paramref name="shares"/> are [rows, used].
    /// </summary>
    public void AddTo(Pass pass, Activations input, int[] chosen, float[] shares, float* x, ExpertBiases biases = default)
    {
        pass.Inputs?.AddExperts(this, _shape.Unit, input, pass.Rows, _shape.Used, chosen, shares, biases, pass.Pool);
        Quantize(pass, input, pass.Precision.Exact);
        Buffers(pass).Run(input, pass.Rows, chosen, shares, _gate, _up, _down, x, Read, biases);
    }

    ExpertLinear Buffers(Pass pass) => pass.Memory.Tool(_shape, pass, static (shape, pass) =>
        new ExpertLinear(pass.Memory.MaxRows, shape.Experts, shape.Used, shape.FeedForward, pass.Pool,
            pass.Precision.Exact, unit: shape.Unit));
}
