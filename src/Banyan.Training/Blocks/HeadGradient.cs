using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Matrices;
using Banyan.Training.Objectives;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>The head and its backward pass: norm and logits of the rows that predict a target, some rows at a time, so that the logits of
/// all of them are never in memory together. Logits are replaced by their gradient in place, which is multiplied with the output matrix at
/// once.</summary>
internal sealed unsafe class HeadGradient
{
    const long LogitBytes = 320 << 20; // a chunk's: the output matrix is read once for each

    readonly ProjectionHead _head;
    readonly NormGradient _norm;
    readonly Parameter? _weight;
    readonly Slot _x, _normed, _dNormed, _logits;
    readonly int _columns, _vocabulary, _chunk;
    readonly double[] _losses;
    readonly float[] _coefficients;

    public HeadGradient(ProjectionHead head, Parameter? weight, GradientBuilder at)
    {
        (_head, _weight) = (head, weight);
        (_columns, _vocabulary) = (head.Projection.Columns, head.Projection.Rows);
        _chunk = (int)Math.Clamp(LogitBytes / sizeof(float) / _vocabulary, 1, at.Rows);
        var mark = at.Scratch.Mark();
        _norm = at.Norm(head.Norm);
        (_x, _normed, _dNormed) = (at.Borrow(_columns), at.Borrow(_columns), at.Borrow(_columns));
        _logits = at.Scratch.Take((long)_chunk * _vocabulary);
        at.Scratch.Return(mark);
        (_losses, _coefficients) = (new double[at.Rows], new float[at.Rows]);
    }

    /// <summary>Logits of a row.</summary>
    public int Vocabulary => _vocabulary;

    /// <summary>The losses of the targets in the last pass.</summary>
    public ReadOnlySpan<double> Losses => _losses;

    /// <summary>The factor of each target's loss in the gradient; set before <see cref="Run"/> starts the backward pass.</summary>
    public Span<float> Coefficients => _coefficients;

    /// <summary>
    /// The losses of the targets, from the stream x[rows, embedding]. <paramref name="dx"/>[rows, embedding] becomes the gradient of
    /// Σ coefficient · loss; null: only the losses.
    /// </summary>
    public void Run(TrainingPass pass, float* x, float* dx, TokenLoss loss)
    {
        var targets = pass.TargetCount;
        if (dx is not null)
            new Span<float>(dx, checked(pass.Rows * _columns)).Clear();
        if (targets == 0)
            return;
        Copy(pass, x, _x.Floats, gather: true);                                // x [targets, embedding]
        _norm.Forward(pass, _x.Floats, _normed.Floats, targets);
        var chunks = (targets + _chunk - 1) / _chunk;
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            var (first, end) = Parts.Range(chunk, chunks, targets);
            Logits(pass, first, end - first);                                  // logits [rows of the chunk, vocabulary]
            var job = new LossJob { Head = this, Pass = pass, Loss = loss, First = first, Goes = dx is not null };
            pass.Pool.Run(ref job, end - first);
            if (dx is not null)
                Back(pass, first, end - first);
        }
        if (dx is null)
            return;
        _norm.Backward(pass, _x.Floats, _dNormed.Floats, _dNormed.Floats, targets, add: false);
        Copy(pass, _dNormed.Floats, dx, gather: false);
    }

    void Logits(TrainingPass pass, int first, int count)
    {
        var (projection, normed, logits) = (_head.Projection, Rows(_normed, first, count), new Matrix(_logits.Floats, count, _vocabulary));
        if (_weight is null || _weight.Rows < _vocabulary || pass.IsBase)
            Gemm.Forward(normed, projection.Matrix, logits, pass.Pool, projection.Scale, bfloat16: pass.UsesBFloat16);
        else
            Gemm.Multiply(normed, Weight.Transposed, logits, pass.Pool, projection.Scale, bfloat16: pass.UsesBFloat16);
        if (_weight?.Rows < _vocabulary && !pass.IsBase) // the last rows are others than the model's
            Gemm.Multiply(normed, Weight.Transposed, Trained(logits), pass.Pool, projection.Scale);
        if (projection.Bias is not null)
            Add.Bias(logits.Data, projection.Bias, count, _vocabulary);
    }

    void Back(TrainingPass pass, int first, int count)
    {
        var (projection, dNormed, dLogits) = (_head.Projection, Rows(_dNormed, first, count),
            new Matrix(_logits.Floats, count, _vocabulary));
        if (_weight is null)
        {
            Gemm.Backward(dLogits, projection.Matrix, dNormed, pass.Pool, projection.Scale, bfloat16: pass.UsesBFloat16);
            return;
        }
        var trained = Trained(dLogits);
        var bfloat16 = pass.UsesBFloat16 && _weight.Rows == _vocabulary; // a few new rows are float32, as adapters are
        Gemm.Multiply(trained, Weight, dNormed, pass.Pool, projection.Scale, bfloat16: bfloat16);
        Gemm.Multiply(trained.Transposed, Rows(_normed, first, count), new Matrix(_weight.Gradient, _weight.Rows, _columns), pass.Pool,
            projection.Scale, add: true, bfloat16);
        if (_weight.Rows == _vocabulary)
            return;
        for (var row = 0; row < count; row++) // their part has gone back
            new Span<float>(trained.Data + row * trained.RowStride, trained.Columns).Clear();
        Gemm.Backward(dLogits, projection.Matrix, dNormed, pass.Pool, projection.Scale, add: true, pass.UsesBFloat16);
    }

    Matrix Weight => new(_weight!.Value, _weight.Rows, _columns);

    // The columns of logits whose rows are trained: all, or the last.
    Matrix Trained(Matrix logits) => logits.ColumnRange(_vocabulary - _weight!.Rows, _weight.Rows);

    Matrix Rows(Slot of, int first, int count) => new(of.Floats + (long)first * _columns, count, _columns);

    // Rows that predict a target, to the front or back to their places.
    void Copy(TrainingPass pass, float* from, float* to, bool gather)
    {
        var bytes = (long)_columns * sizeof(float);
        for (var i = 0; i < pass.TargetCount; i++)
        {
            var (packed, row) = ((long)i * _columns, (long)pass.TargetRows[i] * _columns);
            Buffer.MemoryCopy(from + (gather ? row : packed), to + (gather ? packed : row), bytes, bytes);
        }
    }

    struct LossJob : IJob
    {
        public HeadGradient Head;
        public TrainingPass Pass;
        public TokenLoss Loss;
        public int First;
        public bool Goes;

        public readonly void Work(int part, int parts)
        {
            var index = First + part;
            var logits = Head._logits.Floats + (long)part * Head._vocabulary;
            Head._losses[index] = Loss.Row(index, Pass.Target(index), logits, Head._vocabulary, Goes ? Head._coefficients[index] : 0);
        }
    }
}
