using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Gemma 2 (arXiv 2408.00118): as Gemma 3, with a window in every other layer, and caps on scores and logits instead of norms of queries
/// and keys.
/// </summary>
internal sealed class Gemma2 : Family
{
    public override string Architecture => "gemma2";

    public override string Covers => "Gemma 2 2B-27B";

    public override HuggingFaceFamily HuggingFace => new("gemma2")
    {
        HasWindow = true,
        Tensors = Gemma3.Norms,
        Keys = """
            hidden_activation = gelu_pytorch_tanh
            hidden_act = gelu_pytorch_tanh
            query_pre_attn_scalar
            """,
        Settings = """
            attn_logit_softcapping f attn_logit_softcapping
            final_logit_softcapping f final_logit_softcapping
            """,
        Defaults =
            """{"tie_word_embeddings":true,"attn_logit_softcapping":50.0,"final_logit_softcapping":30.0,"head_dim":256,"rms_norm_eps":1e-06,"query_pre_attn_scalar":256,"max_position_embeddings":8192,"vocab_size":256000,"sliding_window":4096}""",
        Forms = [TensorForm.PlusOne(["norm.weight"])],
        Read = Gemma3.CheckScale(layers: 46),
        Write = to =>
        {
            Gemma3.WriteCommon(to, layers: 46);
            to.WindowTypes(usual: 2);
        },
    };

    public override string Keys => "attn_logit_softcapping final_logit_softcapping";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        EmbeddingScale = MathF.Sqrt(common.EmbeddingSize),
        GateActivation = GateActivation.Gelu,
        LogitSoftCap = (float)reader.Number("final_logit_softcapping", 0, 1e6, 30),
        Attention = common.Attention with
        {
            SoftCap = (float)reader.Number("attn_logit_softcapping", 0, 1e6, 50),
            // The 27B model scales by the width that its heads would have, not by the one they have.
            Scale = common.Layers == 46 ? 1 / MathF.Sqrt((float)common.EmbeddingSize / common.Heads) : common.Attention.Scale,
        },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm"), after: at.Norm("post_attention_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm"), after: at.Norm("post_ffw_norm")));

    static AttentionShape Shape(LayerLoader at) =>
        at.Config.Attention with { Window = at.Keys.HasWindow(at.Index, usual: 2) ? at.Keys.Window : 0 };
}
