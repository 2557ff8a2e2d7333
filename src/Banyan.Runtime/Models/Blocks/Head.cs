using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>The last step of a pass: its result for each wanted row.</summary>
internal abstract unsafe class Head
{
    /// <summary>Values a row.</summary>
    public abstract int Columns { get; }

    /// <summary>Its products.</summary>
    public abstract IEnumerable<MatrixProduct> Products { get; }

    /// <summary>results[rows, <see cref="Columns"/>] of x[rows, embedding].</summary>
    public abstract void Run(Pass pass, float* x, float* results);
}

/// <summary>Projections of the normed stream: logits by the output matrix, a score by that of a classifier.</summary>
/// <param name="norm">The norm after the last layer.</param>
/// <param name="projection">What it is projected by.</param>
/// <param name="softCap">Results become this · tanh(result ÷ this); 0: they do not.</param>
internal sealed unsafe class ProjectionHead(Norm norm, Projection projection, float softCap = 0) : Head
{
    public Norm Norm => norm;

    public Projection Projection => projection;

    public bool IsCapped => softCap > 0;

    public override int Columns => projection.Rows;

    public override IEnumerable<MatrixProduct> Products => [projection];

    public override void Run(Pass pass, float* x, float* results)
    {
        using var frame = pass.Memory.Begin();
        var input = pass.Activations(projection.Columns);
        norm.Apply(pass, x, input, projection.NeedsBlocks(pass.Precision.Exact));
        projection.Apply(pass, input, results);
        for (var row = 0; softCap > 0 && row < pass.Rows; row++)
            FloatRows.SoftCap(results + (long)row * projection.Rows, softCap, projection.Rows);
    }
}

/// <summary>The normed stream itself: hidden states, of which embeddings are pooled.</summary>
internal sealed unsafe class HiddenHead(Norm? norm, int columns) : Head
{
    public override int Columns => columns;

    public override IEnumerable<MatrixProduct> Products => [];

    public override void Run(Pass pass, float* x, float* results)
    {
        var bytes = (long)pass.Rows * columns * sizeof(float);
        Buffer.MemoryCopy(x, results, bytes, bytes);
        norm?.Apply(pass, results);
    }
}
