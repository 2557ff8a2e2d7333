using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Granite 3 and 4 (huggingface.co/ibm-granite): llama whose embeddings, residuals, scores and logits are scaled by constants of the file.
/// </summary>
internal sealed class Granite : Family
{
    public override string Architecture => "granite";

    public override string Covers => "Granite 3.x and 4.x dense";

    internal const string HuggingFaceSettings = """
        logit_scale f logits_scaling
        residual_scale f residual_multiplier
        embedding_scale f embedding_multiplier
        attention.scale f attention_multiplier
        """;

    public override HuggingFaceFamily HuggingFace => new("granite", "granitemoehybrid")
    {
        // Some are published as hybrids, all of whose layers have attention.
        Tensors = new Dictionary<string, string> { ["shared_mlp.input_linear"] = "ffn_gate_up", ["shared_mlp.output_linear"] = "ffn_down" },
        Keys = GraniteHybrid.HuggingFaceKeys,
        Settings = HuggingFaceSettings,
        Forms = [TensorForm.Split("ffn_gate_up.weight", "ffn_gate.weight", "ffn_up.weight").WhenRead()],
        Fits = config => config.String("model_type") is not "granitemoehybrid"
            || (!config.Names("layer_types").Contains("mamba") && config.Count("num_local_experts") is null or 0),
        Read = from =>
        {
            if (from.Config.Count("shared_intermediate_size") is > 0 and var width)
                from.Set("feed_forward_length", width);
        },
    };

    public override RopePairs Pairs(ModelFileKind kind) => kind == ModelFileKind.Gguf ? RopePairs.Neighbours : RopePairs.Halves;

    public override string Keys => "logit_scale residual_scale embedding_scale";

    public override Config Refine(ConfigReader reader, Config common) => Scaled(reader, common);

    /// <summary>The four constants.</summary>
    internal static Config Scaled(ConfigReader reader, Config common) => common with
    {
        EmbeddingScale = (float)reader.Number("embedding_scale", 1e-6, 1e6, 1),
        ResidualScale = (float)reader.Number("residual_scale", 1e-6, 1e6, 1),
        LogitScale = 1 / (float)reader.Number("logit_scale", 1e-6, 1e6, 1),
    };
}
