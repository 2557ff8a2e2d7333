using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// A layer for multi-token prediction (MTP; <c>nextn</c> in GGUF): from the model's hidden state at a token and the token that followed it
/// predicts the one after that (DeepSeek-V3, arXiv 2412.19437, §2.2).
/// <code>
/// u = W · [norm(e), norm(h)]     u = layer(u)     logits = output · norm(u)
/// e: the embedding of the next token     h: the normed stream after the model's last layer, or norm(u) of this layer's own guess
/// </code>
/// Embedding and output matrix are the model's own, as the paper has them.
/// </summary>
internal sealed unsafe class PredictionLayer
{
    /// <summary>Tokens with ids below this are common: ids follow the frequency of tokens when the vocabulary was made. A guess among them
    /// alone reads a fraction of the output matrix, which is a fifth of a model of 4B with 248,320 tokens (after FR-Spec, arXiv
    /// 2502.14856).</summary>
    public const int CommonTokens = 1 << 16;

    readonly Embedding _embedding;
    readonly Norm _embeddingNorm, _hiddenNorm;
    readonly Projection _join;
    readonly Layer[] _layers;

    PredictionLayer(LayerLoader at, Family family, Embedding embedding, Projection output, float softCap, IReadOnlyList<LayerState> states)
    {
        var columns = at.Config.EmbeddingSize;
        (_embedding, States) = (embedding, states);
        (_embeddingNorm, _hiddenNorm) = (at.Norm("nextn.enorm"), at.Norm("nextn.hnorm"));
        _join = at.Projection("nextn.eh_proj", columns, 2 * columns);
        _layers = [family.Layer(at)];
        var norm = at.Norm("nextn.shared_head_norm");
        (Logits, Hidden) = (new ProjectionHead(norm, output, softCap), new HiddenHead(norm, columns));
        if (output.Rows >= 2 * CommonTokens && output.IsPlain)
            CommonLogits = new ProjectionHead(norm, new Projection($"{output.Name}#0", output.Matrix.First(CommonTokens)), softCap);
        // The output matrix is read in the model's own order: what comes after it is fetched there.
        WeightRead.Link([_join.Read, .. _layers[0].Residuals.ToArray().SelectMany(r => r.Block.Products).Select(p => p.Read)]);
    }

    /// <summary>The first such layer of a file; null if it has none.</summary>
    public static PredictionLayer? Of(WeightLoader loader, ConfigReader keys, Config config, Family family,
        Embedding embedding, Projection output)
    {
        if (!keys.Has("nextn_predict_layers") || keys.Int("nextn_predict_layers", 0, 1 << 10) == 0)
            return null;
        var own = $"blk.{config.Layers}.";
        if (!loader.Has($"{own}nextn.eh_proj.weight") || !loader.Has($"{own}attn_norm.weight"))
            return null;
        var states = new List<LayerState>();
        return new PredictionLayer(new LayerLoader(loader, keys, config, states, [], config.Layers), family, embedding, output,
            config.LogitSoftCap, states);
    }

    public ReadOnlySpan<Layer> Layers => _layers;

    /// <summary>Its states of each sequence.</summary>
    public IReadOnlyList<LayerState> States { get; }

    /// <summary>[vocabulary]</summary>
    public Head Logits { get; }

    /// <summary>[<see cref="CommonTokens"/>]; null if they are more than half of the vocabulary.</summary>
    public Head? CommonLogits { get; }

    /// <summary>[embedding]: what a guess after its own guess is made from.</summary>
    public Head Hidden { get; }

    /// <summary>
    /// x[rows, embedding] = what goes into the layer, of the batch's tokens and what was known before each, h[rows, embedding].
    /// </summary>
    public void Join(Pass pass, float* h, float* x)
    {
        using var frame = pass.Memory.Begin();
        var columns = _embedding.Columns;
        var bytes = (long)columns * sizeof(float);
        var embedded = pass.Floats(columns);
        _embedding.Run(pass, embedded);
        _embeddingNorm.Apply(pass, embedded);
        var known = pass.Floats(columns);
        Buffer.MemoryCopy(h, known, pass.Rows * bytes, pass.Rows * bytes);
        _hiddenNorm.Apply(pass, known);
        var both = pass.Activations(2 * columns);
        for (var row = 0; row < pass.Rows; row++)
        {
            Buffer.MemoryCopy(embedded + (long)row * columns, both.Row(row), bytes, bytes);
            Buffer.MemoryCopy(known + (long)row * columns, both.Row(row) + columns, bytes, bytes);
        }
        _join.Apply(pass, both, x);
    }
}
