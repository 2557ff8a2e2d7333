using System.Text.Json.Nodes;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// EmbeddingGemma (arXiv 2509.20354): Gemma 3 as an encoder, whose windows reach to both sides, and two matrices after the pooling.
/// </summary>
internal sealed class GemmaEmbedding : Family
{
    readonly Gemma3 _gemma = new();

    public override string Architecture => "gemma-embedding";

    public override string Covers => "EmbeddingGemma 300M";

    public override HuggingFaceFamily HuggingFace => new("gemma3_text")
    {
        HasWindow = true,
        Tensors = Gemma3.Norms,
        Keys = Gemma3.HuggingFaceKeys + """

            use_bidirectional_attention = true
            """,
        Settings = "rope.freq_base_swa f rope_local_base_freq",
        Defaults = Gemma3.HuggingFaceDefaults,
        Forms = [TensorForm.PlusOne(["norm.weight"])],
        Fits = config => config.Names("architectures").Contains("Gemma3TextModel"),
        Layers = "layers.",
        Read = Gemma3.ReadPositions(layers: 62),
        Write = to =>
        {
            Gemma3.WriteCommon(to, layers: 62);
            to.WindowTypes(usual: 6);
            to.Set("rope_local_base_freq", to.Float("rope.freq_base_swa", 10_000));
            to.Set("use_bidirectional_attention", true);
            to.Set("architectures", new JsonArray("Gemma3TextModel"));
        },
    };

    public override bool IsEncoder => true;

    public override string Keys => _gemma.Keys + """

        attention.causal = false
        dense_2_feat_in dense_2_feat_out dense_3_feat_in dense_3_feat_out
        """;

    public override Config Refine(ConfigReader reader, Config common) => _gemma.Refine(reader, common);

    public override Layer Layer(LayerLoader at) => new(
        new Residual(new EncoderAttention(at, Gemma3.Shape(at)), before: at.Norm("attn_norm"), after: at.Norm("post_attention_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm"), after: at.Norm("post_ffw_norm")));
}
