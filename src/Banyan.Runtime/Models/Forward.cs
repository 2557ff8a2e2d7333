using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models;

/// <summary>Passes of batches of rows through a model. A row is a token at a position of a sequence; rows of many sequences, of prompts and
/// of answers, are computed together. Start reading at <see cref="Run"/>, and continue with the blocks (<see cref="Attention"/>,
/// <see cref="GatedFeedForward"/>).</summary>
internal sealed unsafe class Forward : IDisposable
{
    readonly Weights _weights;
    readonly PredictionLayer? _prediction;
    readonly Pass _pass;
    Head _head;
    readonly int _columns;
    readonly Residual? _lastMixer; // behind it only the rows that are wanted go on
    readonly AlignedBuffer _stream, _results;
    readonly AlignedBuffer? _hidden, _known;

    /// <param name="model">The model.</param>
    /// <param name="cache">The layers' states of all sequences.</param>
    /// <param name="rows">The maximum rows of a batch.</param>
    /// <param name="wanted">The maximum rows whose results are wanted.</param>
    /// <param name="pool">The threads; null for the model's own.</param>
    /// <param name="head">What passes end in; null for logits.</param>
    /// <param name="inputs">Receives the sums of the products' inputs; null: not summed.</param>
    /// <param name="keepsHidden">Whether the normed stream of every row is kept too (<see cref="Hidden"/>), for the layer that guesses
    /// ahead.</param>
    public Forward(Model model, KvCache cache, int rows, int wanted, WorkerPool? pool = null, Head? head = null, InputSums? inputs = null,
        bool keepsHidden = false)
        : this(model, cache, rows, wanted, pool, head ?? model.Weights.Logits)
    {
        _pass.Inputs = inputs;
        _lastMixer = keepsHidden ? null : LastMixer(_weights.Layers);
        _hidden = keepsHidden ? new AlignedBuffer((long)rows * _columns * sizeof(float), zeroed: false) : null;
    }

    /// <summary>Passes through the multi-token prediction layer, over tokens and the hidden state before each (<see cref="Known"/>).
    /// <see cref="Hidden"/> has the rows that are wanted.</summary>
    public Forward(Model model, PredictionLayer prediction, KvCache cache, int rows, int wanted)
        : this(model, cache, rows, wanted, null, prediction.Logits)
    {
        _prediction = prediction;
        _lastMixer = LastMixer(prediction.Layers);
        _hidden = new AlignedBuffer((long)wanted * _columns * sizeof(float), zeroed: false);
        _known = new AlignedBuffer((long)rows * _columns * sizeof(float));
    }

    Forward(Model model, KvCache cache, int rows, int wanted, WorkerPool? pool, Head head)
    {
        (_weights, _head, _columns) = (model.Weights, head, model.Config.EmbeddingSize);
        _pass = new Pass(model, cache, rows, pool ?? model.Pool);
        _stream = new AlignedBuffer((long)rows * _columns * sizeof(float), zeroed: false);
        _results = new AlignedBuffer((long)wanted * _head.Columns * sizeof(float), zeroed: false);
    }

    static Residual? LastMixer(ReadOnlySpan<Layer> layers)
    {
        Residual? last = null;
        foreach (var layer in layers)
            foreach (var residual in layer.Residuals)
                last = residual.Block.State is null ? last : residual;
        return last;
    }

    /// <summary>Computes the batch: the layers' states of every row's sequence, and results where they are wanted. The caller has reserved
    /// memory in the sequences, and advances them afterwards.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="goesOn">Called after each layer; passes of other batches may run meanwhile, by another instance. If it returns false,
    /// the pass is abandoned: recurrent states of its sequences are no longer valid.</param>
    /// <returns>False if the pass was abandoned.</returns>
    public bool Run(Batch batch, Func<bool>? goesOn = null)
    {
        var x = _stream.Floats;
        _pass.Begin(batch);
        if (_prediction is null)
            _weights.Embedding.Run(_pass, x);           // x [rows, embedding]
        else
            _prediction.Join(_pass, _known!.Floats, x);
        foreach (var layer in _prediction is null ? _weights.Layers : _prediction.Layers)
        {
            foreach (var residual in layer.Residuals)
            {
                residual.Run(_pass, x);                 // x += attention(norm(x)), then x += feed-forward(norm(x))
                if (residual == _lastMixer)
                    _pass.KeepWanted(x, _columns);      // x [wanted rows, embedding]
                if (_pass.Rows == 0)
                    return true;
            }
            if (layer.OutputScale != 1)
                Scale.Apply(x, layer.OutputScale, (long)_pass.Rows * _columns);
            if (goesOn?.Invoke() == false)
                return false;
        }
        if (_hidden is not null)
        {
            (_prediction?.Hidden ?? _weights.Hidden).Run(_pass, x, _hidden.Floats);
            if (_lastMixer is null)
                _pass.KeepWanted(x, _columns);
        }
        if (_pass.Rows > 0)
            _head.Run(_pass, x, _results.Floats);       // results [wanted rows, vocabulary]
        return true;
    }

    /// <summary>What passes end in: at most as many columns as at first.</summary>
    public Head Head { set => _head = value; }

    /// <summary>
    /// The normed stream after the last layer of a row [embedding]: of the batch's rows, or of those that were wanted from the layer that
    /// guesses ahead. Until the next pass.
    /// </summary>
    public ReadOnlySpan<float> Hidden(int row) => new(_hidden!.Floats + (long)row * _columns, _columns);

    /// <summary>The hidden state before a row's token [embedding], for the multi-token prediction layer; set before its pass.</summary>
    public Span<float> Known(int row) => new(_known!.Floats + (long)row * _columns, _columns);

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
        _hidden?.Dispose();
        _known?.Dispose();
        _pass.Dispose();
    }
}
