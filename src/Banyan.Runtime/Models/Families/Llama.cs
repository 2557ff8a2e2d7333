using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Llama 1–3.x (arXiv 2302.13971, 2407.21783) and what shares its blocks. Conversion to GGUF permutes query and key rows so that
/// neighbouring dimensions turn together; safetensors keep the halves.
/// </summary>
internal sealed class Llama : Family
{
    public override string Architecture => "llama";

    public override string Covers => "Llama 1-3.x, Mistral, Mixtral, SmolLM, TinyLlama, DeepSeek-Coder v1";

    public override IReadOnlyList<string> ShapedTypes => ["llama", "mistral"];

    // Qwen's configurations name a window that is off unless use_sliding_window says otherwise; Mistral's has no such switch.
    public override HuggingFaceFamily HuggingFace => new("llama", "mistral", "mixtral")
    {
        HasWindow = true,
        Tensors = new Dictionary<string, string>
        {
            ["block_sparse_moe.gate"] = "ffn_gate_inp",
            ["block_sparse_moe.experts.#.w1"] = "ffn_gate_exps",
            ["block_sparse_moe.experts.#.w3"] = "ffn_up_exps",
            ["block_sparse_moe.experts.#.w2"] = "ffn_down_exps",
        },
        Settings = "expert_count u num_local_experts",
        Write = to => to.Set("model_type", to.Number("expert_count") > 0 ? "mixtral" : "llama"),
    };

    public override RopePairs Pairs(ModelFileKind kind) => kind == ModelFileKind.Gguf ? RopePairs.Neighbours : RopePairs.Halves;

    // Mixtral (arXiv 2401.04088) is a llama with experts.
    public override Config Refine(ConfigReader reader, Config common) => reader.Int("expert_count", 0, 1 << 14, 0) == 0
        ? common
        : common with { Experts = reader.Experts(common.FeedForwardSize, normalize: true) };
}
