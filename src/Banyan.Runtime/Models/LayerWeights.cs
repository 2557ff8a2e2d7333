using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models;

/// <summary>The weights of one transformer block.</summary>
internal sealed class LayerWeights : IDisposable
{
    public required AlignedBuffer AttentionNorm { get; init; }   // [embedding]
    public required PackedMatrix Query { get; init; }            // [heads · head size, embedding]
    public required PackedMatrix Key { get; init; }              // [KV heads · head size, embedding]
    public required PackedMatrix Value { get; init; }            // [KV heads · head size, embedding]
    public required AlignedBuffer? QueryBias { get; init; }
    public required AlignedBuffer? KeyBias { get; init; }
    public required AlignedBuffer? ValueBias { get; init; }
    public required AlignedBuffer? QueryNorm { get; init; }      // [head size]
    public required AlignedBuffer? KeyNorm { get; init; }        // [head size]
    public required PackedMatrix AttentionOutput { get; init; }  // [embedding, heads · head size]
    public required AlignedBuffer? AttentionOutputBias { get; init; }
    public required AlignedBuffer FeedForwardNorm { get; init; } // [embedding]
    public required PackedMatrix? Router { get; init; }          // [experts, embedding]; null for a dense block
    public required PackedMatrix[] Gate { get; init; }           // one, or one an expert: [feed-forward, embedding]
    public required PackedMatrix[] Up { get; init; }             // likewise
    public required PackedMatrix[] Down { get; init; }           // likewise: [embedding, feed-forward]

    public IEnumerable<PackedMatrix> Matrices => new[] { Query, Key, Value, AttentionOutput, Router }.OfType<PackedMatrix>().Concat(Gate).Concat(Up).Concat(Down);

    public static LayerWeights Load(WeightLoader loader, Config config, int layer)
    {
        string Name(string tensor) => $"blk.{layer}.{tensor}";
        var (embedding, feedForward) = (config.EmbeddingSize, config.FeedForwardSize);
        return new LayerWeights
        {
            AttentionNorm = loader.Vector(Name("attn_norm.weight"), embedding),
            Query = loader.Matrix(Name("attn_q.weight"), config.QuerySize, embedding),
            Key = loader.Matrix(Name("attn_k.weight"), config.KeySize, embedding),
            Value = loader.Matrix(Name("attn_v.weight"), config.KeySize, embedding),
            QueryBias = loader.OptionalVector(Name("attn_q.bias"), config.QuerySize),
            KeyBias = loader.OptionalVector(Name("attn_k.bias"), config.KeySize),
            ValueBias = loader.OptionalVector(Name("attn_v.bias"), config.KeySize),
            QueryNorm = config.HeadNorm ? loader.Vector(Name("attn_q_norm.weight"), config.HeadSize) : null,
            KeyNorm = config.HeadNorm ? loader.Vector(Name("attn_k_norm.weight"), config.HeadSize) : null,
            AttentionOutput = loader.Matrix(Name("attn_output.weight"), embedding, config.QuerySize),
            AttentionOutputBias = loader.OptionalVector(Name("attn_output.bias"), embedding),
            FeedForwardNorm = loader.Vector(Name("ffn_norm.weight"), embedding),
            Router = config.Experts is { } experts ? loader.Matrix(Name("ffn_gate_inp.weight"), experts.Count, embedding) : null,
            Gate = FeedForward("ffn_gate", feedForward, embedding),
            Up = FeedForward("ffn_up", feedForward, embedding),
            Down = FeedForward("ffn_down", embedding, feedForward),
        };

        PackedMatrix[] FeedForward(string tensor, int rows, int columns) => config.Experts is { } experts
            ? loader.Experts(Name($"{tensor}_exps.weight"), experts.Count, rows, columns)
            : [loader.Matrix(Name($"{tensor}.weight"), rows, columns)];
    }

    public void Dispose()
    {
        foreach (var matrix in Matrices)
            matrix.Dispose();
        foreach (var vector in new[] { AttentionNorm, QueryBias, KeyBias, ValueBias, QueryNorm, KeyNorm, AttentionOutputBias, FeedForwardNorm })
            vector?.Dispose();
    }
}
