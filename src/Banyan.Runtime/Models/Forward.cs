using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models;

/// <summary>
/// Passes of batches of rows through a model. A row is a token at a position of a sequence; rows of many sequences, of prompts and of
/// answers, go through together. Start reading at <see cref="Run"/>, and go on with the blocks (<see cref="Attention"/>,
/// <see cref="GatedFeedForward"/>).
/// </summary>
internal sealed unsafe class Forward : IDisposable
{
    readonly Weights _weights;
    readonly Pass _pass;
    readonly Head _head;
    readonly int _columns;
    readonly Residual? _lastMixer; // behind it only the rows that are wanted go on
    readonly AlignedBuffer _stream, _results;

    /// <param name="model">The model.</param>
    /// <param name="cache">What the layers keep of all sequences.</param>
    /// <param name="rows">The most rows of a batch.</param>
    /// <param name="wanted">The most rows whose results are wanted.</param>
    /// <param name="pool">The threads; null for the model's own.</param>
    /// <param name="head">What passes end in; null for logits.</param>
    /// <param name="inputs">What the inputs of products are summed in; null: they are not.</param>
    public Forward(Model model, KvCache cache, int rows, int wanted, WorkerPool? pool = null, Head? head = null, InputSums? inputs = null)
    {
        (_weights, _head, _columns) = (model.Weights, head ?? model.Weights.Logits, model.Config.EmbeddingSize);
        _pass = new Pass(model, cache, rows, pool ?? model.Pool) { Inputs = inputs };
        foreach (var layer in _weights.Layers)
            foreach (var residual in layer.Residuals)
                _lastMixer = residual.Block.State is null ? _lastMixer : residual;
        _stream = new AlignedBuffer((long)rows * _columns * sizeof(float), zeroed: false);
        _results = new AlignedBuffer((long)wanted * _head.Columns * sizeof(float), zeroed: false);
    }

    /// <summary>
    /// Computes the batch: the layers' states of every row's sequence, and results where they are wanted. The caller has reserved room in
    /// the sequences, and advances them afterwards.
    /// </summary>
    public void Run(Batch batch)
    {
        var x = _stream.Floats;
        _pass.Begin(batch);
        _weights.Embedding.Run(_pass, x);               // x [rows, embedding]
        foreach (var layer in _weights.Layers)
        {
            foreach (var residual in layer.Residuals)
            {
                residual.Run(_pass, x);                 // x += attention(norm(x)), then x += feed-forward(norm(x))
                if (residual == _lastMixer)
                    _pass.KeepWanted(x, _columns);      // x [wanted rows, embedding]
                if (_pass.Rows == 0)
                    return;
            }
            if (layer.OutputScale != 1)
                Scale.Apply(x, layer.OutputScale, (long)_pass.Rows * _columns);
        }
        _head.Run(_pass, x, _results.Floats);           // results [wanted rows, vocabulary]
    }

    /// <summary>
    /// The result of the i-th row that wanted one, such as its logits [vocabulary]; the caller may change it until the next pass.
    /// </summary>
    public Span<float> Result(int index) => new(ResultRows + (long)index * _head.Columns, _head.Columns);

    /// <summary>All results, [rows that wanted them, vocabulary].</summary>
    public float* ResultRows => _results.Floats;

    public void Dispose()
    {
        _stream.Dispose();
        _results.Dispose();
        _pass.Dispose();
    }
}
