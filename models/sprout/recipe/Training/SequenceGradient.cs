using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>
/// The loss of one sequence and its gradient, written out by hand: the same function as <see cref="SproutModel.Forward"/> with automatic
/// differentiation, which <c>check</c> compares it with. It keeps its memory, makes one pass where that makes ten, and skips the masked
/// half of attention in blocks of queries: about twice as many tokens a processor-second.
/// </summary>
internal sealed unsafe class SequenceGradient : IDisposable
{
    private const int QueryBlock = 128;

    private readonly ModelShape _shape;
    private readonly int _width, _inner, _qkvWidth, _headSize, _vocabulary;
    private readonly List<nint> _memory = [];
    private readonly Dictionary<string, (nint Weight, nint Gradient)> _parameters = [];
    private readonly Layer[] _layers;
    private readonly float* _cos, _sin, _last, _lastNorm, _lastScale, _logits, _dx, _dNorm, _dQkv, _dHidden, _dMixed, _dScores, _bias, _dBias;

    public SequenceGradient(SproutModel model)
    {
        _shape = model.Shape;
        _width = _shape.HiddenSize;
        _inner = _shape.IntermediateSize;
        _headSize = _shape.HeadSize;
        _qkvWidth = (_shape.Heads + (2 * _shape.KeyValueHeads)) * _headSize;
        _vocabulary = _shape.VocabularySize;
        foreach (var (name, parameter) in model.Parameters)
        {
            _parameters[name] = (Pointer(parameter), Pointer(parameter.grad!));
        }

        int most = _shape.ContextLength, half = _headSize / 2;
        _cos = Floats(most * half);
        _sin = Floats(most * half);
        for (int t = 0; t < most; t++)
        {
            for (int i = 0; i < half; i++)
            {
                double angle = t * Math.Pow(_shape.RopeTheta, -2.0 * i / _headSize);
                _cos[(t * half) + i] = (float)Math.Cos(angle);
                _sin[(t * half) + i] = (float)Math.Sin(angle);
            }
        }

        _layers = [.. Enumerable.Range(0, _shape.Layers).Select(_ => new Layer(this, most))];
        _last = Floats(most * _width);
        _lastNorm = Floats(most * _width);
        _lastScale = Floats(most);
        _logits = Floats(most * _vocabulary);
        _dx = Floats(most * _width);
        _dNorm = Floats(most * _width);
        _dQkv = Floats(most * _qkvWidth);
        _dHidden = Floats(most * _inner);
        _dMixed = Floats(most * _width);
        _dScores = Floats(QueryBlock * most);
        _bias = Floats(_qkvWidth);
        _dBias = Floats(_qkvWidth);
    }

    /// <summary>Adds <paramref name="share"/> × the gradient of the mean loss to the model's gradients; returns the mean loss in nats a token.</summary>
    /// <param name="sequence">One token more than there are targets.</param>
    /// <param name="share">This sequence's share of the batch.</param>
    public float Add(ReadOnlySpan<ushort> sequence, float share)
    {
        int t = sequence.Length - 1;
        Forward(sequence[..t]);
        double loss = FusedKernels.CrossEntropy(t, _vocabulary, sequence[1..], share / t, _logits);
        Backward(sequence[..t]);
        return (float)(loss / t);
    }

    /// <summary>−ln p of the last <paramref name="scored"/> targets of a sequence of any length, summed; no gradient.</summary>
    public double Loss(ReadOnlySpan<ushort> sequence, int scored)
    {
        int t = sequence.Length - 1, padded = (t + 7) / 8 * 8; // nothing before the padding sees it
        var ids = new ushort[padded];
        sequence[..t].CopyTo(ids);
        Forward(ids);
        return FusedKernels.CrossEntropy(scored, _vocabulary, sequence[(t - scored + 1)..], 1, _logits + ((long)(t - scored) * _vocabulary));
    }

    public void Dispose()
    {
        _memory.ForEach(block => NativeMemory.AlignedFree((void*)block));
        _memory.Clear();
    }

    private void Forward(ReadOnlySpan<ushort> ids)
    {
        int t = ids.Length;
        float* embedding = Weight("model.embed_tokens.weight");
        float* x = _layers[0].Input;
        for (int i = 0; i < t; i++)
        {
            Copy(embedding + (ids[i] * _width), x + (i * _width), _width);
        }

        for (int index = 0; index < _layers.Length; index++)
        {
            var layer = _layers[index];
            string p = $"model.layers.{index}.";
            FusedKernels.Norm(t, _width, _shape.NormEpsilon, layer.Input, Weight(p + "input_layernorm.weight"), layer.AttentionNorm, layer.AttentionScale);
            Attention(layer, p + "self_attn.", t);
            Copy(layer.Input, layer.Middle, t * _width);
            Blas.Linear(t, _width, _width, layer.Mixed, Weight(p + "self_attn.o_proj.weight"), layer.Middle, _width, beta: 1);

            FusedKernels.Norm(t, _width, _shape.NormEpsilon, layer.Middle, Weight(p + "post_attention_layernorm.weight"), layer.FeedNorm, layer.FeedScale);
            Blas.Linear(t, _width, _inner, layer.FeedNorm, Weight(p + "mlp.gate_proj.weight"), layer.Gate, _inner);
            Blas.Linear(t, _width, _inner, layer.FeedNorm, Weight(p + "mlp.up_proj.weight"), layer.Up, _inner);
            FusedKernels.Swish(t * _inner, layer.Gate, layer.Up, layer.Hidden);
            float* output = index + 1 < _layers.Length ? _layers[index + 1].Input : _last;
            Copy(layer.Middle, output, t * _width);
            Blas.Linear(t, _inner, _width, layer.Hidden, Weight(p + "mlp.down_proj.weight"), output, _width, beta: 1);
        }

        FusedKernels.Norm(t, _width, _shape.NormEpsilon, _last, Weight("model.norm.weight"), _lastNorm, _lastScale);
        Blas.Linear(t, _width, _vocabulary, _lastNorm, embedding, _logits, _vocabulary);
    }

    private void Attention(Layer layer, string p, int t)
    {
        int at = 0;
        foreach (var (name, heads) in Projections())
        {
            Blas.Linear(t, _width, heads * _headSize, layer.AttentionNorm, Weight($"{p}{name}.weight"), layer.Qkv + at, _qkvWidth);
            Copy(Weight($"{p}{name}.bias"), _bias + at, heads * _headSize);
            at += heads * _headSize;
        }

        FusedKernels.BiasAndRotate(t, _qkvWidth, _headSize, _shape.Heads + _shape.KeyValueHeads, _bias, _cos, _sin, layer.Qkv);
        float* scores = layer.Scores;
        for (int head = 0; head < _shape.Heads; head++)
        {
            Heads from = Columns(layer.Qkv, head);
            for (int first = 0; first < t; first += QueryBlock)
            {
                int rows = Math.Min(QueryBlock, t - first), columns = first + rows;
                Blas.Multiply(false, true, rows, columns, _headSize, 1 / MathF.Sqrt(_headSize), from.Q + (first * _qkvWidth), _qkvWidth, from.K, _qkvWidth, 0, scores, columns);
                FusedKernels.CausalSoftmax(rows, columns, first, scores);
                Blas.Multiply(false, false, rows, _headSize, columns, 1, scores, columns, from.V, _qkvWidth, 0, layer.Mixed + (first * _width) + (head * _headSize), _width);
                scores += rows * columns;
            }
        }
    }

    private void Backward(ReadOnlySpan<ushort> ids)
    {
        int t = ids.Length;
        float* dEmbedding = Gradient("model.embed_tokens.weight");
        Blas.LinearBackward(t, _width, _vocabulary, _lastNorm, Weight("model.embed_tokens.weight"), _logits, _vocabulary, dEmbedding, _dNorm, addToDx: false);
        new Span<float>(_dx, t * _width).Clear();
        FusedKernels.NormBackward(t, _width, _last, Weight("model.norm.weight"), _lastScale, _dNorm, _dx, Gradient("model.norm.weight"));

        for (int index = _layers.Length - 1; index >= 0; index--)
        {
            var layer = _layers[index];
            string p = $"model.layers.{index}.";
            LinearBackward(t, _inner, _width, layer.Hidden, p + "mlp.down_proj.weight", _dx, _width, _dHidden, false);
            FusedKernels.SwishBackward(t * _inner, _dHidden, layer.Gate, layer.Up);
            LinearBackward(t, _width, _inner, layer.FeedNorm, p + "mlp.gate_proj.weight", layer.Gate, _inner, _dNorm, false);
            LinearBackward(t, _width, _inner, layer.FeedNorm, p + "mlp.up_proj.weight", layer.Up, _inner, _dNorm, true);
            FusedKernels.NormBackward(t, _width, layer.Middle, Weight(p + "post_attention_layernorm.weight"), layer.FeedScale, _dNorm, _dx, Gradient(p + "post_attention_layernorm.weight"));

            LinearBackward(t, _width, _width, layer.Mixed, p + "self_attn.o_proj.weight", _dx, _width, _dMixed, false);
            AttentionBackward(layer, p + "self_attn.", t);
            FusedKernels.NormBackward(t, _width, layer.Input, Weight(p + "input_layernorm.weight"), layer.AttentionScale, _dNorm, _dx, Gradient(p + "input_layernorm.weight"));
        }

        for (int i = 0; i < t; i++)
        {
            FusedKernels.Add(_width, _dx + (i * _width), dEmbedding + (ids[i] * _width));
        }
    }

    /// <summary>From dMixed to dNorm, the gradient of the attention's input.</summary>
    private void AttentionBackward(Layer layer, string p, int t)
    {
        new Span<float>(_dQkv, t * _qkvWidth).Clear();
        float* probabilities = layer.Scores;
        for (int head = 0; head < _shape.Heads; head++)
        {
            Heads from = Columns(layer.Qkv, head), into = Columns(_dQkv, head);
            for (int first = 0; first < t; first += QueryBlock)
            {
                int rows = Math.Min(QueryBlock, t - first), columns = first + rows;
                float* dMixed = _dMixed + (first * _width) + (head * _headSize);
                Blas.Multiply(false, true, rows, columns, _headSize, 1, dMixed, _width, from.V, _qkvWidth, 0, _dScores, columns);
                Blas.Multiply(true, false, columns, _headSize, rows, 1, probabilities, columns, dMixed, _width, 1, into.V, _qkvWidth);
                FusedKernels.SoftmaxBackward(rows, columns, 1 / MathF.Sqrt(_headSize), probabilities, _dScores);
                Blas.Multiply(false, false, rows, _headSize, columns, 1, _dScores, columns, from.K, _qkvWidth, 0, into.Q + (first * _qkvWidth), _qkvWidth);
                Blas.Multiply(true, false, columns, _headSize, rows, 1, _dScores, columns, from.Q + (first * _qkvWidth), _qkvWidth, 1, into.K, _qkvWidth);
                probabilities += rows * columns;
            }
        }

        new Span<float>(_dBias, _qkvWidth).Clear();
        FusedKernels.BiasAndRotateBackward(t, _qkvWidth, _headSize, _shape.Heads + _shape.KeyValueHeads, _cos, _sin, _dQkv, _dBias);
        int at = 0;
        foreach (var (name, heads) in Projections())
        {
            FusedKernels.Add(heads * _headSize, _dBias + at, Gradient($"{p}{name}.bias"));
            LinearBackward(t, _width, heads * _headSize, layer.AttentionNorm, $"{p}{name}.weight", _dQkv + at, _qkvWidth, _dNorm, at > 0);
            at += heads * _headSize;
        }
    }

    private (string Name, int Heads)[] Projections() => [("q_proj", _shape.Heads), ("k_proj", _shape.KeyValueHeads), ("v_proj", _shape.KeyValueHeads)];

    /// <summary>Where a query head's q, and the k and v it reads, begin in a row of <c>qkv</c>.</summary>
    private Heads Columns(float* qkv, int head)
    {
        int group = head / (_shape.Heads / _shape.KeyValueHeads);
        return new(qkv + (head * _headSize), qkv + ((_shape.Heads + group) * _headSize), qkv + ((_shape.Heads + _shape.KeyValueHeads + group) * _headSize));
    }

    private void LinearBackward(int t, int inputs, int outputs, float* x, string weight, float* dy, int ldy, float* dx, bool add) =>
        Blas.LinearBackward(t, inputs, outputs, x, Weight(weight), dy, ldy, Gradient(weight), dx, add);

    private float* Weight(string name) => (float*)_parameters[name].Weight;

    private float* Gradient(string name) => (float*)_parameters[name].Gradient;

    private static void Copy(float* from, float* to, int count) => new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(to, count));

    private static nint Pointer(Tensor tensor) => (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.detach().bytes));

    private float* Floats(int count)
    {
        void* block = NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
        _memory.Add((nint)block);
        return (float*)block;
    }

    private readonly struct Heads(float* q, float* k, float* v)
    {
        public readonly float* Q = q, K = k, V = v;
    }

    /// <summary>What one layer keeps for the way back.</summary>
    private sealed class Layer(SequenceGradient owner, int most)
    {
        public readonly float* Input = owner.Floats(most * owner._width), AttentionNorm = owner.Floats(most * owner._width), AttentionScale = owner.Floats(most);
        public readonly float* Qkv = owner.Floats(most * owner._qkvWidth), Mixed = owner.Floats(most * owner._width);
        public readonly float* Scores = owner.Floats(owner._shape.Heads * most * (most + QueryBlock) / 2);
        public readonly float* Middle = owner.Floats(most * owner._width), FeedNorm = owner.Floats(most * owner._width), FeedScale = owner.Floats(most);
        public readonly float* Gate = owner.Floats(most * owner._inner), Up = owner.Floats(most * owner._inner), Hidden = owner.Floats(most * owner._inner);
    }
}
