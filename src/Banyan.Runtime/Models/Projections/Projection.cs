using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models.Projections;

/// <summary>y = scale · W·x + bias: what a block multiplies by. Changes to a projection that leave its matrix unchanged are applied after
/// the product (<see cref="Finish"/>): adapters at run time, each for the rows of the sequences that use it.</summary>
/// <param name="name">The tensor's name in GGUF, by which adapters name it: <c>blk.0.attn_q.weight</c>.</param>
/// <param name="matrix">W [rows, columns].</param>
/// <param name="bias">[rows]; null for none.</param>
internal sealed unsafe class Projection(string name, PackedMatrix matrix, AlignedBuffer? bias = null) : MatrixProduct
{
    Projection[]? _self;
    AdapterTerm?[] _adapters = []; // by the adapter's number

    public string Name => name;

    public PackedMatrix Matrix => matrix;

    /// <summary>[<see cref="Rows"/>]; null for none.</summary>
    public float* Bias => bias is null ? null : bias.Floats;

    public int Rows => matrix.Rows;

    public int Columns => matrix.Columns;

    /// <summary>What the product is multiplied by, such as the scale of a residual; the bias is not.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Whether it consists of its matrix alone.</summary>
    public bool IsPlain => bias is null && Scale == 1;

    public override IReadOnlyList<Projection> Projections => _self ??= [this];

    public override WeightRead Read { get; } = new([matrix]);

    /// <summary>Whether it needs quantized activations: weights of 16 and 32 bits do not.</summary>
    public override bool NeedsBlocks(bool exact) => !exact && matrix.Format.Kind != WeightKind.Float;

    /// <summary>y[rows of the pass, <see cref="Rows"/>] = the projection of x.</summary>
    public void Apply(Pass pass, Activations x, float* y) => Apply(pass, x, y, pass.Precision.Exact);

    /// <summary>The same; <paramref name="exact"/>: of x as floats, whatever the precision of the pass.</summary>
    public void Apply(Pass pass, Activations x, float* y, bool exact)
    {
        Begin(pass, x, exact);
        Linear.Multiply(x, matrix, y, pass.Rows, pass.Pool, exact);
        Finish(pass, x, y);
    }

    /// <summary>y[rows of the pass, <see cref="Rows"/>] += the projection of x.</summary>
    public void AddTo(Pass pass, Activations x, float* y)
    {
        var update = pass.Floats(Rows);
        Apply(pass, x, update);
        Add.Apply(y, update, (long)pass.Rows * Rows, pass.Pool);
    }

    /// <summary>
    /// What comes after the matrix, where it was multiplied together with others: y [rows of the pass, <see cref="Rows"/>] of x.
    /// </summary>
    public void Finish(Pass pass, Activations x, float* y)
    {
        if (_adapters.Length > 0)
            foreach (var part in pass.Adapted)
                foreach (var share in part.Adapter.Shares)
                    TermOf(share)?.AddTo(x.Row(part.First), y + (long)part.First * Rows, part.Count, share.Scale, pass.Pool);
        if (Scale != 1)
            Kernels.Operations.Scale.Apply(y, Scale, (long)pass.Rows * Rows);
        if (bias is not null)
            Add.Bias(y, bias.Floats, pass.Rows, Rows);
    }

    /// <summary>Whether an adapter changes it for rows of this pass.</summary>
    public bool IsAdapted(Pass pass)
    {
        if (_adapters.Length > 0)
            foreach (var part in pass.Adapted)
                foreach (var share in part.Adapter.Shares)
                    if (TermOf(share) is not null)
                        return true;
        return false;
    }

    /// <summary>Attaches an adapter's change, for the rows that use the adapter. Passes that do not use it may be running.</summary>
    public void Attach(int number, AdapterTerm term)
    {
        var adapters = new AdapterTerm?[Math.Max(_adapters.Length, number + 1)];
        _adapters.CopyTo(adapters, 0);
        adapters[number] = term;
        _adapters = adapters;
    }

    AdapterTerm? TermOf(AdapterShare share) => share.Number < _adapters.Length ? _adapters[share.Number] : null;
}
