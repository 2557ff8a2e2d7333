using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>Qwen3.5 with experts, and a gated shared expert.</summary>
internal class Qwen35Moe : Qwen35
{
    public override string Architecture => "qwen35moe";

    public override string Covers => "Qwen3.5-35B-A3B, 3.6-35B-A3B, text";

    public override HuggingFaceFamily HuggingFace => new("qwen3_5_moe", "qwen3_5_moe_text")
    {
        Tensors = new Dictionary<string, string>([.. LinearAttention, .. Qwen2Moe.HuggingFaceTensors])
        {
            ["mlp.experts.gate_up_proj"] = "ffn_gate_up_exps.weight",
            ["mlp.experts.down_proj"] = "ffn_down_exps.weight",
        },
        Forms =
        [
            .. TiledForms,
            TensorForm.Vector("ffn_gate_inp_shexp.weight"),
            TensorForm.Split("ffn_gate_up_exps.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight"),
        ],
        Keys = HuggingFaceKeys,
        Settings = HuggingFaceSettings,
        Read = ReadHuggingFace,
        Write = to => WriteHuggingFace(to, "qwen3_5_moe_text"),
        HasPrediction = true,
    };

    public override string Keys => base.Keys + " expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) => Mixed(reader, common) with
    {
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true),
    };
}
