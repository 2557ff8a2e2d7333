using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Loading;

/// <summary>Everything a family builds one layer from: its tensors, by their names in the layer (<c>attn_q</c> is
/// <c>blk.N.attn_q.weight</c>), and the file's keys.</summary>
/// <param name="weights">The file's tensors.</param>
/// <param name="keys">The file's metadata.</param>
/// <param name="config">The model's shape.</param>
/// <param name="states">The states of the layers before it; <see cref="AddKv"/> and <see cref="AddRecurrent"/> add to them.</param>
/// <param name="attentions">The attention of the layers before it.</param>
/// <param name="index">The layer's number, from 0 on.</param>
internal sealed class LayerLoader(WeightLoader weights, ConfigReader keys, Config config, List<LayerState> states,
    Dictionary<int, Attention> attentions, int index)
{
    public int Index => index;

    /// <summary>Whether it is a multi-token prediction layer after the model's own layers (<see cref="PredictionLayer"/>).</summary>
    public bool IsPrediction => index >= config.Layers;

    public Config Config => config;

    /// <summary>For keys that only this family has.</summary>
    public ConfigReader Keys => keys;

    /// <summary>Whether the layer has such a tensor: <c>attn_q_norm.weight</c>.</summary>
    public bool Has(string tensor) => weights.Has(Name(tensor));

    /// <summary>Rows of a matrix <c>NAME.weight</c>, for a width that has no key.</summary>
    public int Rows(string name) => weights.Rows(Name($"{name}.weight"));

    /// <summary>A projection, whose product is multiplied by <paramref name="scale"/>.</summary>
    public Projection Projection(string name, int rows, int columns, float scale = 1) =>
        weights.Projection(Name(name), rows, columns, scale);

    /// <summary>Rows [first, first + rows) of a tensor [all, columns] as a projection of their own.</summary>
    public Projection Part(string name, int first, int rows, int all, int columns) => weights.Part(Name(name), first, rows, all, columns);

    /// <summary>A vector of floats.</summary>
    public AlignedBuffer Vector(string name, int size) => weights.Vector(Name(name), size);

    public Projection[] Experts(string name, int experts, int rows, int columns) => weights.Experts(Name(name), experts, rows, columns);

    /// <summary>A norm of the residual stream, of the model's kind.</summary>
    public Norm Norm(string name) => NormBy(name, config.NormEpsilon);

    /// <summary>The same with an ε of its own.</summary>
    public Norm NormBy(string name, float epsilon) => weights.Norm(Name(name), config.EmbeddingSize, epsilon, config.HasLayerNorm);

    /// <summary>An RMSNorm of the given number of columns.</summary>
    public Norm RmsNorm(string name, int columns) => weights.Norm(Name(name), columns, config.NormEpsilon, isCentered: false);

    /// <summary>A LayerNorm of the given number of columns.</summary>
    public Norm LayerNorm(string name, int columns) => weights.Norm(Name(name), columns, config.NormEpsilon, isCentered: true);

    /// <summary>An RMSNorm without a weight.</summary>
    public Norm UnitNorm(string name, int columns) => new(Name(name), weights.Ones(columns), columns, config.NormEpsilon);

    /// <summary>A vector of floats that the file has as a matrix [size, 1] or [1, size].</summary>
    public AlignedBuffer Column(string name, int size) => weights.Flat(Name(name), [size, 1]);

    /// <summary>A small matrix of floats, row by row; a vector where it has one row.</summary>
    public AlignedBuffer Flat(string name, int rows, int columns) =>
        weights.Flat(Name(name), rows == 1 && weights.File.GetTensor(Name(name)).Shape.Count == 1 ? [columns] : [rows, columns]);

    /// <summary>Gate and up of experts that the file has in one tensor [experts, 2 · rows, columns], in that order.</summary>
    public (Projection[] Gate, Projection[] Up) FusedExperts(string name, int experts, int rows, int columns) =>
        weights.FusedExperts(Name(name), experts, rows, columns);

    /// <summary>A number of the layer's own.</summary>
    public unsafe float Number(string name) => weights.Vector(Name(name), 1).Floats[0];

    /// <summary>The tensors that belong to no layer.</summary>
    public WeightLoader Whole => weights;

    /// <summary>The attention of the layers before, by their number.</summary>
    public Dictionary<int, Attention> Attentions => attentions;

    /// <summary>Attention in the model's usual shape.</summary>
    public Attention Attention() => Attention(config.Attention);

    /// <summary>Attention in a shape of the layer's own.</summary>
    public Attention Attention(AttentionShape shape, Attention? keysOf = null) => attentions[index] = new(this, shape, keysOf);

    /// <summary>Experts where the layer has a router, else one gated feed-forward.</summary>
    public Block FeedForward() => config.Experts is { } experts && Has("ffn_gate_inp.weight")
        ? new MixtureOfExperts(this, experts, experts.FeedForwardSize)
        : new GatedFeedForward(this, config.FeedForwardSize);

    /// <summary>A short convolution, one for each channel, from a tensor [channels, kernel]: [kernel, channels].</summary>
    public AlignedBuffer Convolution(string name, int channels, int kernel) => weights.Transposed(Name($"{name}.weight"), channels, kernel);

    /// <summary>Adds a state for the keys and values of each token, or of the last ones within a window.</summary>
    public KvShape AddKv(int kvHeads, int keySize, int valueSize, int window = 0, bool valuesAreKeys = false)
    {
        var state = new KvShape(states.Count, kvHeads, keySize, valueSize, window, valuesAreKeys);
        states.Add(state);
        return state;
    }

    /// <summary>Adds a recurrent state of the given number of floats per sequence.</summary>
    public RecurrentShape AddRecurrent(long floats)
    {
        var state = new RecurrentShape(states.Count, states.OfType<RecurrentShape>().Sum(s => s.Floats), floats);
        states.Add(state);
        return state;
    }

    string Name(string tensor) => $"blk.{index}.{tensor}";
}
