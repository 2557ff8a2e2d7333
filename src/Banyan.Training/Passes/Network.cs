using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models;
using Banyan.Training.Blocks;
using Banyan.Training.Objectives;
using Banyan.Training.Parameters;

namespace Banyan.Training.Passes;

/// <summary>
/// A model's blocks with their backward pass, laid out for sequences of some length. The memory it takes is known when it is built and
/// taken by <see cref="Allocate"/>. Start reading at <see cref="Forward()"/> and <see cref="Backward"/>.
/// </summary>
internal sealed unsafe class Network : IDisposable
{
    readonly Model _model;
    readonly GradientBuilder _builder;
    readonly EmbeddingGradient _embedding;
    readonly ResidualGradient[][] _layers;
    readonly Region[] _kept;
    readonly Slot[] _inputs;      // of the trained layers, and the stream behind the last
    readonly Slot[][] _between;   // inputs of a trained layer's later residuals
    readonly Slot _dx;
    readonly int _firstTrained, _columns;
    readonly List<AlignedBuffer> _buffers = [];
    bool _recompute;

    public Network(Model model, TuneOptions options, int rows)
    {
        (_model, _columns) = (model, model.Config.EmbeddingSize);
        (Parameters, Pass) = (new ParameterSet(),
            new TrainingPass(rows, model.Pool) { UsesBFloat16 = options.Precision == TunePrecision.BFloat16 });
        var (weights, layers) = (model.Weights, model.Config.Layers);
        _builder = new GradientBuilder(options, Parameters, Pass, layers);
        _firstTrained = layers - Math.Min(options.TopLayers ?? layers, layers);
        var (embedding, output) = (!options.HasAdapters || options.NewTokens > 0) && _firstTrained == 0
            ? VocabularyParameters.Add(model, options, Parameters)
            : default;
        if (weights.Embedding.IsNormed || weights.Logits.IsCapped || weights.Logits.Norm.IsCentered
            || weights.Layers.ToArray().Any(l => l.OutputScale != 1))
            throw new ArgumentException("models with normed embeddings, capped logits, LayerNorms or scaled layers cannot be trained yet");
        _embedding = new EmbeddingGradient(weights.Embedding, embedding);
        _layers = new ResidualGradient[layers][];
        _kept = [.. Enumerable.Range(0, layers).Select(_ => new Region())];
        _between = new Slot[layers][];
        for (var layer = 0; layer < layers; layer++)
        {
            (_builder.IsTrained, _builder.Kept) = (layer >= _firstTrained, _kept[layer]);
            var residuals = weights.Layers[layer].Residuals;
            (_layers[layer], _between[layer]) = (new ResidualGradient[residuals.Length], new Slot[residuals.Length]);
            for (var i = 0; i < residuals.Length; i++)
            {
                _between[layer][i] = i > 0 && _builder.IsTrained ? _builder.Keep(_columns) : default;
                _layers[layer][i] = new ResidualGradient(residuals[i], _builder);
            }
        }
        _builder.IsTrained = true;
        _inputs = [.. Enumerable.Range(0, layers - _firstTrained + 1).Select(_ => _builder.Lasting.Take((long)rows * _columns))];
        _dx = _builder.Lasting.Take((long)rows * _columns);
        Head = new HeadGradient(weights.Logits, output, _builder);
    }

    public TrainingPass Pass { get; }

    public ParameterSet Parameters { get; }

    public HeadGradient Head { get; }

    /// <summary>Every projection with an adapter, in the order of the model.</summary>
    public IReadOnlyList<LinearGradient> Adapted => _builder.Adapted;

    /// <summary>Multiplications of a forward pass over <paramref name="tokens"/>, with the head for <paramref name="targets"/> of them;
    /// without those of attention, which are few in sequences of packed texts.</summary>
    public double Work(double tokens, double targets) => tokens * _builder.Multiplications + targets * _columns * Head.Vocabulary;

    /// <summary>Memory of activations and work.</summary>
    public long ActivationBytes(bool recompute) =>
        sizeof(float) * (KeptSizes(recompute).Sum() + _builder.Scratch.Size + _builder.Lasting.Size)
        + _builder.ThreadBytes * _model.Pool.Threads;

    /// <summary>Allocates the memory and initializes the parameters.</summary>
    public void Allocate(bool recompute)
    {
        _recompute = recompute;
        _buffers.Add(_builder.Scratch.Allocate(zeroed: false));
        _buffers.Add(_builder.Lasting.Allocate(zeroed: false));
        var sizes = KeptSizes(recompute);
        var buffer = new AlignedBuffer(sizeof(float) * sizes.Sum(), zeroed: false);
        _buffers.Add(buffer);
        long offset = 0;
        for (var layer = 0; layer < _kept.Length; layer++)
        {
            _kept[layer].Start = buffer.Floats + offset;
            if (layer >= _firstTrained && !recompute)
                offset += sizes[layer - _firstTrained];
        }
        Parameters.Allocate();
        Prepare();
    }

    // Layers below the trained ones keep nothing: they lie where the first trained one does. Recomputed, all lie in one place.
    long[] KeptSizes(bool recompute)
    {
        if (recompute)
            return [_kept.Max(k => k.Size)];
        long[] sizes = [.. _kept[_firstTrained..].Select(k => k.Size)];
        sizes[0] = _kept[..(_firstTrained + 1)].Max(k => k.Size);
        return sizes;
    }

    /// <summary>Recomputes what depends on the parameters after they have changed.</summary>
    public void Prepare()
    {
        foreach (var linear in _builder.Prepared)
            linear.Prepare(_model.Pool);
    }

    /// <summary>Computes the stream after the last layer for the texts in <see cref="Pass"/>.</summary>
    public void Forward()
    {
        Pass.Begin();
        var x = _inputs[0].Floats;
        _embedding.Forward(Pass, x);                                            // x [rows, embedding]
        for (var layer = 0; layer < _firstTrained; layer++)
            foreach (var residual in _layers[layer])
                residual.Forward(Pass, x, x);
        for (var layer = _firstTrained; layer < _layers.Length; layer++)
            Forward(layer, Output(layer));
    }

    /// <summary>
    /// The losses of the targets and the backward pass through everything that is trained with the head's coefficients: gradients are added
    /// to those of the passes before.
    /// </summary>
    public void Backward(TokenLoss loss)
    {
        var dx = _dx.Floats;
        Head.Run(Pass, Output(_layers.Length - 1), dx, loss);
        for (var layer = _layers.Length - 1; layer >= _firstTrained; layer--)
        {
            if (_recompute && layer < _layers.Length - 1)
                Forward(layer, null);
            for (var i = _layers[layer].Length - 1; i >= 0; i--)
                _layers[layer][i].Backward(Pass, Input(layer, i), dx, below: layer > _firstTrained || i > 0 || _embedding.IsTrained);
        }
        if (_embedding.IsTrained)
            _embedding.Backward(Pass, dx);
    }

    /// <summary>The losses of the targets; no backward pass.</summary>
    public void Losses(TokenLoss loss) => Head.Run(Pass, Output(_layers.Length - 1), null, loss);

    // if y is null, only what the backward pass needs is computed of the last residual.
    void Forward(int layer, float* y)
    {
        var residuals = _layers[layer];
        for (var i = 0; i < residuals.Length; i++)
            residuals[i].Forward(Pass, Input(layer, i), i + 1 < residuals.Length ? Input(layer, i + 1) : y);
    }

    float* Input(int layer, int residual) => residual == 0 ? _inputs[layer - _firstTrained].Floats : _between[layer][residual].Floats;

    float* Output(int layer) => _inputs[layer - _firstTrained + 1].Floats;

    public void Dispose()
    {
        _buffers.ForEach(b => b.Dispose());
        Parameters.Dispose();
        Pass.Dispose();
    }
}
