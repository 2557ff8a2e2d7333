using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>The first step of a pass: a row of the embedding matrix for each token.</summary>
/// <param name="table">[vocabulary, embedding], in the file's own format.</param>
/// <param name="tied">The output matrix, if it is the same; the table is then not read.</param>
/// <param name="scale">What rows are multiplied by.</param>
/// <param name="input">What an encoder adds to them; null for a decoder.</param>
/// <param name="epsilon">The ε of their RMSNorm without a weight; 0: none.</param>
internal sealed unsafe class Embedding(Tensor table, PackedMatrix? tied, float scale = 1, float epsilon = 0, EncoderInput? input = null)
{
    /// <summary>x[rows, embedding] = the embeddings of the batch's tokens.</summary>
    public void Run(Pass pass, float* x)
    {
        var job = new Job { Embedding = this, Batch = pass.Batch, X = x, Columns = (int)table.Columns };
        pass.Pool.Run(ref job, Parts.ForWork(16L * pass.Rows * job.Columns, pass.Rows)); // rows are unpacked 16 at a time
        input?.Run(pass, x, job.Columns);
    }

    /// <summary>Whether the output matrix is the same.</summary>
    public bool IsTied => tied is not null;

    /// <summary>Tokens.</summary>
    public int Rows => (int)table.Rows;

    /// <summary>Width of a row.</summary>
    public int Columns => (int)table.Columns;

    /// <summary>The embedding of a token, [<see cref="Columns"/>].</summary>
    public void Write(int token, float* to)
    {
        WriteUnscaled(token, to);
        if (scale != 1)
            Kernels.Operations.Scale.Apply(to, scale, (int)table.Columns);
        if (epsilon > 0)
            FloatRows.Norm(to, null, (int)table.Columns, epsilon);
    }

    /// <summary>The row of a token as it is in the matrix, [<see cref="Columns"/>].</summary>
    public void WriteUnscaled(int token, float* to)
    {
        if (tied is null)
            table.Dequantize(token, 1, new Span<float>(to, (int)table.Columns));
        else
            tied.CopyRow(token, to);
    }

    /// <summary>Whether rows are normed.</summary>
    public bool IsNormed => epsilon > 0;

    /// <summary>What rows are multiplied by.</summary>
    public float Scale => scale;

    struct Job : IJob
    {
        public Embedding Embedding;
        public Batch Batch;
        public float* X;
        public int Columns;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Batch.Count);
            for (var row = first; row < end; row++)
                Embedding.Write(Batch.Tokens[row], X + (long)row * Columns);
        }
    }
}
