using Banyan.Runtime.Models.Families;

namespace Banyan.Runtime.Synthesis;

/// <summary>A tensor of a shape, outermost dimension first.</summary>
readonly record struct ShapeTensor(string Name, int? Layer, long[] Shape)
{
    /// <summary>Its values, where they are not random.</summary>
    public float[]? Fill { get; init; }

    public long Weights => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>The tensors of a model of a given shape, with their GGUF names.</summary>
static class ShapeTensors
{
    public static IEnumerable<ShapeTensor> Of(ModelShape shape) => shape.Text?.Tensors(shape.Layers, shape.Predicts) ?? OfPlain(shape);

    static IEnumerable<ShapeTensor> OfPlain(ModelShape shape)
    {
        var family = Family.Find(shape.Architecture)!;
        long embedding = shape.Embedding, query = (long)shape.Heads * shape.HeadSize, kv = (long)shape.KvHeads * shape.HeadSize;
        yield return new("token_embd.weight", null, [shape.Vocabulary, embedding]);
        if (shape.RopeFactor is not null)
            yield return new("rope_freqs.weight", null, [shape.HeadSize / 2]);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            ShapeTensor Block(string name, params long[] size) => new($"blk.{layer}.{name}", layer, size);
            yield return Block("attn_norm.weight", embedding);
            yield return Block("attn_q.weight", query, embedding);
            yield return Block("attn_k.weight", kv, embedding);
            yield return Block("attn_v.weight", kv, embedding);
            if (family.HasProjectionBias)
            {
                yield return Block("attn_q.bias", query);
                yield return Block("attn_k.bias", kv);
                yield return Block("attn_v.bias", kv);
            }
            if (family.HasHeadNorms)
            {
                yield return Block("attn_q_norm.weight", shape.HeadSize);
                yield return Block("attn_k_norm.weight", shape.HeadSize);
            }
            yield return Block("attn_output.weight", embedding, query);
            yield return Block("ffn_norm.weight", embedding);
            if (shape.Experts > 0)
            {
                yield return Block("ffn_gate_inp.weight", shape.Experts, embedding);
                yield return Block("ffn_gate_exps.weight", shape.Experts, shape.ExpertFeedForward, embedding);
                yield return Block("ffn_up_exps.weight", shape.Experts, shape.ExpertFeedForward, embedding);
                yield return Block("ffn_down_exps.weight", shape.Experts, embedding, shape.ExpertFeedForward);
            }
            else
            {
                yield return Block("ffn_gate.weight", shape.FeedForward, embedding);
                yield return Block("ffn_up.weight", shape.FeedForward, embedding);
                yield return Block("ffn_down.weight", embedding, shape.FeedForward);
            }
        }
        yield return new("output_norm.weight", null, [embedding]);
        if (!shape.Tied)
            yield return new("output.weight", null, [shape.Vocabulary, embedding]);
    }
}
