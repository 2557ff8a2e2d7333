using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// What an encoder adds to the embeddings of tokens before its first layer: that of the first segment, that of the position, a norm.
/// </summary>
internal sealed unsafe class EncoderInput
{
    readonly AlignedBuffer? _segment, _positions; // [embedding], [positions, embedding]
    readonly Norm? _norm;

    public EncoderInput(WeightLoader loader, Config config)
    {
        if (loader.Has("token_types.weight"))
            _segment = loader.Flat("token_types.weight", [.. loader.File.GetTensor("token_types.weight").Shape]);
        if (loader.Has("position_embd.weight"))
            _positions = loader.Flat("position_embd.weight",
                [Math.Max(config.ContextLength, loader.File.GetTensor("position_embd.weight").Rows), config.EmbeddingSize]);
        if (loader.Has("token_embd_norm.weight"))
            _norm = loader.Norm("token_embd_norm", config.EmbeddingSize, config.NormEpsilon, config.HasLayerNorm);
    }

    /// <summary>x[rows, embedding], in place.</summary>
    public void Run(Pass pass, float* x, int columns)
    {
        for (var row = 0; row < pass.Rows; row++)
        {
            var to = x + (long)row * columns;
            if (_segment is not null)
                FloatRows.Blend(to, 1, _segment.Floats, 1, columns);
            if (_positions is not null)
                FloatRows.Blend(to, 1, _positions.Floats + (long)pass.Batch.Positions[row] * columns, 1, columns);
        }
        _norm?.Apply(pass, x);
    }
}
