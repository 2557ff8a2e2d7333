using System.Globalization;
using System.Text.RegularExpressions;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>transformers' tensor names as GGUF's: those that most families share, and a family's own.</summary>
static partial class HuggingFaceTensorNames
{
    static readonly Dictionary<string, string> s_around = new()
    {
        ["model.embed_tokens.weight"] = "token_embd.weight",
        ["model.norm.weight"] = "output_norm.weight",
        ["lm_head.weight"] = "output.weight",
    };

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
        ["mlp.experts.#.gate_proj"] = "ffn_gate_exps",
        ["mlp.experts.#.up_proj"] = "ffn_up_exps",
        ["mlp.experts.#.down_proj"] = "ffn_down_exps",
    };

    /// <summary>Prefixes of the text model's names in a multimodal model, and prefixes of its other parts.</summary>
    static readonly string[] s_wrappers = ["model.language_model.", "language_model.model.", "language_model."];

    static readonly string[] s_leftOut =
    [
        "model.visual.", "visual.", "vision_tower.", "model.vision_tower.", "vision_model.", "multi_modal_projector.",
        "model.multi_modal_projector.",
        "model.embed_vision.", "model.embed_audio.", "model.audio_tower.", "audio_tower.", "mtp.", "model.mtp", "vision_encoder.",
        "vision_language_adapter.",
    ];

    /// <summary>Whether text models do not need it: images, sound, multi-token prediction layers, and tensors that follow from the
    /// configuration.</summary>
    public static bool IsLeftOut(string name) =>
        name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || name.EndsWith(".position_ids", StringComparison.Ordinal)
        || s_leftOut.Any(p => name.StartsWith(p, StringComparison.Ordinal));

    /// <summary>The GGUF name, and the expert; null for a tensor that is not needed. Unknown names are left unchanged.</summary>
    public static (string? Name, int? Expert) Translate(string name, IReadOnlyDictionary<string, string> familys)
    {
        if (IsLeftOut(name))
            return (null, null);
        var plain = Unwrapped(name);
        if (familys.TryGetValue(plain, out var whole) || s_around.TryGetValue(plain, out whole))
            return (whole.Length > 0 ? whole : null, null);
        if (Block().Match(plain) is not { Success: true } block)
            return (name, null);
        var (layer, part) = (block.Groups[1].Value, block.Groups[2].Value);
        var expert = Expert().Match(part) is { Success: true } found
            ? int.Parse(found.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : (int?)null;
        if (expert is not null)
            part = Expert().Replace(part, ".experts.#.");
        if (familys.TryGetValue(part, out whole))
            return (whole.Length > 0 ? $"blk.{layer}.{whole}" : null, expert);
        if (Ending().Match(part) is { Success: true } ending
            && (familys.TryGetValue(ending.Groups[1].Value, out var own) || s_blocks.TryGetValue(ending.Groups[1].Value, out own)))
            return (own.Length > 0 ? $"blk.{layer}.{own}.{ending.Groups[2].Value}" : null, expert);
        return (name, null);
    }

    /// <summary>transformers' module of a GGUF tensor of a layer: <c>model.layers.0.self_attn.q_proj</c>; null if it has none.</summary>
    public static string? Module(string tensor, IReadOnlyDictionary<string, string> familys) =>
        Layer().Match(tensor) is { Success: true } layer
        && familys.Concat(s_blocks).FirstOrDefault(pair => pair.Value == layer.Groups[2].Value).Key is { } part && !part.Contains('#')
            ? $"model.layers.{layer.Groups[1].Value}.{part}"
            : null;

    /// <summary>
    /// transformers' name of a tensor; # stands for the expert's number where each expert has its own tensor. Null if it has none.
    /// </summary>
    public static string? Back(string tensor, Models.Families.HuggingFaceFamily family)
    {
        string? Of(string name) => family.Tensors.Concat(s_around).Concat(s_blocks).FirstOrDefault(pair => pair.Value == name).Key;
        if (GgufLayer().Match(tensor) is not { Success: true } layer)
            return Of(tensor);
        var (prefix, part) = ($"{family.Layers}{layer.Groups[1].Value}.", layer.Groups[2].Value);
        if (Of(part) is { } whole)
            return prefix + whole;
        return Ending().Match(part) is { Success: true } ending && Of(ending.Groups[1].Value) is { } own
            ? $"{prefix}{own}.{ending.Groups[2].Value}" : null;
    }

    static string Unwrapped(string name)
    {
        foreach (var wrapper in s_wrappers)
            if (name.StartsWith(wrapper, StringComparison.Ordinal))
                return name.AsSpan(wrapper.Length) is var rest && rest.StartsWith("lm_head.") ? rest.ToString() : $"model.{rest}";
        return name;
    }

    [GeneratedRegex(@"^blk\.([0-9]{1,5})\.(.+)\.weight\z", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();

    [GeneratedRegex(@"^blk\.([0-9]{1,5})\.(.+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex GgufLayer();

    [GeneratedRegex(@"^(?:(?:model|bert|roberta|backbone|encoder|transformer)\.)*(?:layers|layer)\.([0-9]{1,5})\.(.+)\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Block();

    [GeneratedRegex(@"^(.+)\.(weight|bias|scale)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Ending();

    [GeneratedRegex(@"\.experts\.([0-9]{1,6})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Expert();
}
