using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;

namespace Banyan.Runtime.Models.Projections;

/// <summary>The three projections of attention's input, computed together: threads wait for each other once.</summary>
internal sealed unsafe class QueryKeyValue(Projection query, Projection key, Projection value) : MatrixProduct
{
    public override IReadOnlyList<Projection> Projections { get; } = [query, key, value];

    // They are read one after the other, so the query's start is where a product begins.
    public override WeightRead Read { get; } = new([query.Matrix]);

    /// <summary>q, k, v[rows of the pass, rows of each] = the projections of x.</summary>
    public void Apply(Pass pass, Activations x, float* q, float* k, float* v)
    {
        Begin(pass, x, pass.Precision.Exact);
        Linear.Multiply(x, query.Matrix, q, key.Matrix, k, value.Matrix, v, pass.Rows, pass.Pool, pass.Precision.Exact);
        query.Finish(pass, x, q);
        key.Finish(pass, x, k);
        value.Finish(pass, x, v);
    }
}
