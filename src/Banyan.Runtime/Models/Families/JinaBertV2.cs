using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>Jina Embeddings 2 (arXiv 2310.19923): BERT with ALiBi in place of positions, and GEGLU.</summary>
internal sealed class JinaBertV2 : Bert
{
    public override string Architecture => "jina-bert-v2";

    public override string Covers => "Jina Embeddings v2";

    public override HuggingFaceFamily HuggingFace => new("bert")
    {
        Layers = "encoder.layer.",
        Tensors = new Dictionary<string, string>(HuggingFaceTensors)
        {
            ["mlp.gated_layers"] = "ffn_up",
            ["mlp.wo"] = "ffn_down",
            ["mlp.layernorm"] = "layer_output_norm",
            ["mlp.up_gated_layer"] = "ffn_up",
            ["mlp.down_layer"] = "ffn_down",
            ["layer_norm_1"] = "attn_norm_2",
            ["layer_norm_2"] = "layer_output_norm",
            ["attention.self.layer_norm_q"] = "attn_q_norm",
            ["attention.self.layer_norm_k"] = "attn_k_norm",
        },
        // One matrix has both; in GGUF they lie in it or apart, the gate in front.
        Forms = [TensorForm.OnlyWritten(set => set.Layers(layer =>
        {
            if (set.Has(layer + "ffn_gate.weight"))
            {
                set.Replace(layer + "ffn_up.weight", layer + "ffn_up_alone.weight", t => t);
                set.Join(layer + "ffn_up.weight", [layer + "ffn_gate.weight", layer + "ffn_up_alone.weight"], interleaved: false);
            }
        }))],
        Keys = HuggingFaceKeys + """

            position_embedding_type = alibi
            feed_forward_type = geglu
            emb_pooler attn_implementation auto_map
            """,
        Fits = config => config.String("position_embedding_type") == "alibi",
        Defaults = """{"type_vocab_size":2}""",
        Read = from =>
        {
            from.Set("attention.causal", false);
            from.SetToken("token_type_count", from.Need("type_vocab_size"));
            if (from.Config.String("emb_pooler") == "mean")
                from.Set("pooling_type", 1u);
        },
        Write = to =>
        {
            WriteHuggingFace(to, "bert");
            to.Set("position_embedding_type", "alibi");
            to.Set("feed_forward_type", "geglu");
        },
    };

    public override Config Refine(ConfigReader reader, Config common) =>
        base.Refine(reader, common) with { GateActivation = GateActivation.Gelu };

    protected override Block Attention(LayerLoader at) => new EncoderAttention(at, at.Config.Attention, hasSlopes: true);

    // The gate is a matrix of its own, or lies in front of up; some models have none.
    protected override Block FeedForward(LayerLoader at) => !at.Has("ffn_gate.weight") && at.Rows("ffn_up") == at.Config.FeedForwardSize
        ? new PlainFeedForward(at, at.Config.FeedForwardSize, PlainActivation.Gelu)
        : new GatedFeedForward(at, at.Config.FeedForwardSize);
}
