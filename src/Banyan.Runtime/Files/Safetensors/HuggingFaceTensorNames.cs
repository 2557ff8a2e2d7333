using System.Globalization;
using System.Text.RegularExpressions;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>transformers' tensor names as GGUF's: those that most families share, and a family's own.</summary>
static partial class HuggingFaceTensorNames
{
    static readonly Dictionary<string, string> s_blocks = new()
    {
        ["input_layernorm"] = "attn_norm",
        ["post_attention_layernorm"] = "ffn_norm",
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.o_proj"] = "attn_output",
        ["self_attn.q_norm"] = "attn_q_norm",
        ["self_attn.k_norm"] = "attn_k_norm",
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
        ["mlp.gate"] = "ffn_gate_inp",
    };

    /// <summary>The GGUF name, and which expert of it; null for a tensor nothing needs. A name of no family stays as it is.</summary>
    public static (string? Name, int? Expert) Translate(string name, IReadOnlyDictionary<string, string> familys)
    {
        if (name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal))
            return (null, null); // old files save what follows from the configuration
        switch (name)
        {
            case "model.embed_tokens.weight": return ("token_embd.weight", null);
            case "model.norm.weight": return ("output_norm.weight", null);
            case "lm_head.weight": return ("output.weight", null);
        }
        if (Expert().Match(name) is { Success: true } expert)
            return ($"blk.{expert.Groups[1].Value}.ffn_{expert.Groups[3].Value}_exps.weight", int.Parse(expert.Groups[2].ValueSpan, CultureInfo.InvariantCulture));
        if (Block().Match(name) is { Success: true } block && (familys.TryGetValue(block.Groups[2].Value, out var part) || s_blocks.TryGetValue(block.Groups[2].Value, out part)))
            return ($"blk.{block.Groups[1].Value}.{part}.{block.Groups[3].Value}", null);
        return (name, null);
    }

    /// <summary>transformers' module of a GGUF tensor of a layer: <c>model.layers.0.self_attn.q_proj</c>; null where it has none.</summary>
    public static string? Module(string tensor, IReadOnlyDictionary<string, string> familys) =>
        Layer().Match(tensor) is { Success: true } layer && familys.Concat(s_blocks).FirstOrDefault(pair => pair.Value == layer.Groups[2].Value).Key is { } part
            ? $"model.layers.{layer.Groups[1].Value}.{part}"
            : null;

    [GeneratedRegex(@"^blk\.([0-9]{1,5})\.(.+)\.weight\z", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();

    [GeneratedRegex(@"^model\.layers\.([0-9]{1,5})\.(.+)\.(weight|bias)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Block();

    [GeneratedRegex(@"^model\.layers\.([0-9]{1,5})\.mlp\.experts\.([0-9]{1,6})\.(gate|up|down)_proj\.weight\z", RegexOptions.CultureInvariant)]
    private static partial Regex Expert();
}
