namespace Banyan.Runtime.Files.Safetensors;

/// <summary>
/// Names of a layer for multi-token prediction as Qwen3.5 has them: apart from the model (<c>mtp.layers.0.…</c>), while GGUF counts it as
/// the layer behind the last. Here they become names of that layer in transformers' form, which are translated as any layer's.
/// </summary>
static class PredictionNames
{
    static readonly (string Theirs, string Ours)[] s_parts =
    [
        ("mtp.fc.", "nextn.eh_proj."),
        ("mtp.pre_fc_norm_embedding.", "nextn.enorm."),
        ("mtp.pre_fc_norm_hidden.", "nextn.hnorm."),
        ("mtp.norm.", "nextn.shared_head_norm."),
        ("mtp.layers.0.", ""),
    ];

    /// <summary>For <see cref="Models.Families.HuggingFaceFamily.Tensors"/>: names that are the same on both sides.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Own =>
        s_parts.Where(p => p.Ours.Length > 0).Select(p => KeyValuePair.Create(p.Ours[..^1], p.Ours[..^1]));

    /// <summary>Whether tensors of such a layer are among these.</summary>
    public static bool Are(IEnumerable<string> names) => names.Any(n => n.StartsWith(s_parts[0].Theirs, StringComparison.Ordinal));

    /// <summary>As a name of layer <paramref name="layers"/>; a name of the model is left as it is.</summary>
    public static string Read(string name, int layers)
    {
        foreach (var (theirs, ours) in s_parts)
            if (name.StartsWith(theirs, StringComparison.Ordinal))
                return $"model.layers.{layers}.{ours}{name[theirs.Length..]}";
        return name;
    }

    /// <summary>The inverse of <see cref="Read"/>.</summary>
    public static string Write(string name, int layers)
    {
        var layer = $"model.layers.{layers}.";
        if (!name.StartsWith(layer, StringComparison.Ordinal))
            return name;
        foreach (var (theirs, ours) in s_parts)
            if (name.AsSpan(layer.Length).StartsWith(ours, StringComparison.Ordinal))
                return $"{theirs}{name[(layer.Length + ours.Length)..]}";
        return name;
    }
}
