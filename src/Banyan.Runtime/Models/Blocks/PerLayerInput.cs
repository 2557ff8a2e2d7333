using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// Gemma 4's embedding of each token for each layer, in a few columns:
/// <code>
/// p      = (norm(Wm·e ÷ √embedding) + t) ÷ √2        e: the token's embedding, t: what the layer's own table has for it, × √width
/// output = Wp·(gelu(Wg·x) ⊙ p)
/// </code>
/// </summary>
internal sealed unsafe class PerLayerInput : Block
{
    readonly int _width, _first;
    readonly Tensor _table, _embeddings;
    readonly Projection _model, _gate, _out;
    readonly Norm _norm;
    readonly float _embeddingScale;

    public PerLayerInput(LayerLoader at, int width)
    {
        var (embedding, layers) = (at.Config.EmbeddingSize, at.Config.Layers);
        (_width, _first, _embeddingScale) = (width, at.Index * width, at.Config.EmbeddingScale);
        _embeddings = at.Whole.File.GetTensor("token_embd.weight");
        _table = at.Whole.File.GetTensor("per_layer_token_embd.weight");
        if (_table.Shape is not [var rows, var columns] || rows != at.Config.VocabularySize || columns != (long)layers * width)
            throw at.Keys.Refuse(
                $"per_layer_token_embd.weight is [{string.Join(", ", _table.Shape)}], where [{at.Config.VocabularySize}, {layers * width}] is needed");
        if (width % _table.Format.BlockWeights != 0)
            throw at.Keys.Refuse(
                $"per_layer_token_embd.weight is {_table.Format}, of whose blocks of {_table.Format.BlockWeights} a layer's {width} columns are no whole number");
        _model = at.Whole.Part("per_layer_model_proj", _first, width, layers * width, embedding);
        _norm = at.Whole.Norm("per_layer_proj_norm", width, at.Config.NormEpsilon, isCentered: false);
        (_gate, _out) = (at.Projection("inp_gate", width, embedding), at.Projection("proj", embedding, width));
    }

    public override int Columns => _out.Rows;

    public override IEnumerable<MatrixProduct> Products => [_model, _gate, _out];

    public override bool NeedsBlocks(Precision precision) => _gate.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var (embedding, rows) = (Columns, pass.Rows);
        var tokens = pass.Activations(embedding);
        float* p = pass.Floats(_width), g = pass.Floats(_width), own = pass.Floats(_width);
        for (var i = 0; i < rows; i++)
            _embeddings.Dequantize(pass.Token(i), 1, new Span<float>(tokens.Row(i), embedding));
        Kernels.Operations.Scale.Apply(tokens.Rows, _embeddingScale / MathF.Sqrt(embedding), (long)rows * embedding);
        _model.Apply(pass, tokens, p);                                    // p [rows, width]
        _norm.Apply(pass, p);
        for (var i = 0; i < rows; i++)
        {
            var format = _table.Format;
            format.Dequantize(_table.Row(pass.Token(i)).Slice((int)format.ByteLength(_first), (int)format.ByteLength(_width)),
                new Span<float>(own, _width));
            for (var column = 0; column < _width; column++)
                p[i * _width + column] = (p[i * _width + column] + own[column] * MathF.Sqrt(_width)) / MathF.Sqrt(2);
        }
        _gate.Apply(pass, input, g);                                      // g [rows, width]
        var gated = pass.Activations(_width);
        GatedUnit.Apply(g, p, gated, rows, GateActivation.Gelu, _out.NeedsBlocks(pass.Precision.Exact), pass.Pool);
        _out.AddTo(pass, gated, x);
    }
}
