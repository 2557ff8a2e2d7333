using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>The embeddings of the tokens and their backward pass: a row's gradient is added to its token's.</summary>
/// <param name="embedding">The model's.</param>
/// <param name="weight">The trained matrix [vocabulary, embedding], or its last rows; null: it is frozen.</param>
internal sealed unsafe class EmbeddingGradient(Embedding embedding, Parameter? weight)
{
    readonly int _first = embedding.Rows - (weight?.Rows ?? 0);

    /// <summary>Whether any of its parameters are trained.</summary>
    public bool IsTrained => weight is not null;

    /// <summary>x[rows, embedding]</summary>
    public void Forward(TrainingPass pass, float* x)
    {
        for (var row = 0; row < pass.Rows; row++)
        {
            var token = pass.Tokens[row];
            var to = x + (long)row * embedding.Columns;
            if (weight is null || token < _first || pass.IsBase)
            {
                embedding.Write(token, to);
                continue;
            }
            Row(weight.Value, token - _first).CopyTo(new Span<float>(to, embedding.Columns));
            if (embedding.Scale != 1)
                Scale.Apply(to, embedding.Scale, embedding.Columns);
        }
    }

    /// <summary>Adds dx[rows, embedding] in the order of the rows.</summary>
    public void Backward(TrainingPass pass, float* dx)
    {
        for (var row = 0; row < pass.Rows; row++)
        {
            if (pass.Tokens[row] < _first)
                continue;
            var sum = Row(weight!.Gradient, pass.Tokens[row] - _first);
            var part = new ReadOnlySpan<float>(dx + (long)row * embedding.Columns, embedding.Columns);
            for (var column = 0; column < part.Length; column++)
                sum[column] += embedding.Scale * part[column];
        }
    }

    Span<float> Row(float* matrix, int row) => new(matrix + (long)row * embedding.Columns, embedding.Columns);
}
