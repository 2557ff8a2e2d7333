using System.Globalization;
using System.Text.Json;
using Banyan.Runtime.Files.Safetensors.Quantized;
using Banyan.Runtime.Models.Families;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>
/// config.json, generation_config.json, tokenizer_config.json and chat_template.jinja as GGUF metadata (docs/model-files.md has the table).
/// </summary>
static class HuggingFaceMetadata
{
    /// <summary>
    /// Keys that most families share, as <see cref="HuggingFaceFamily.Settings"/> has them; a family's own lines go before these.
    /// </summary>
    const string Common = """
        block_count u num_hidden_layers
        context_length u max_position_embeddings
        embedding_length u hidden_size
        feed_forward_length u intermediate_size
        attention.head_count u num_attention_heads
        attention.head_count_kv u num_key_value_heads
        attention.key_length u head_dim
        vocab_size u vocab_size
        expert_count u num_experts
        expert_used_count u num_experts_per_tok
        expert_feed_forward_length u moe_intermediate_size
        expert_weights_norm b norm_topk_prob
        """;

    /// <param name="folder">The folder of the files.</param>
    /// <param name="tied">Whether the embedding is also the output matrix; null if unspecified.</param>
    /// <param name="keys">What config.json requires that is not implemented.</param>
    /// <param name="family">Which family it is.</param>
    /// <param name="quantization">How its weights are quantized; null if they are not.</param>
    /// <param name="reading">Tensors that config.json holds, and what it asks of others.</param>
    public static Dictionary<string, object> Read(string folder, out bool? tied, out ConfigKeys keys, out Family family,
        out JsonFile? quantization, out HuggingFaceReading reading)
    {
        var path = Path.Combine(folder, "config.json");
        var whole = JsonFile.Read(path, neededFor: "safetensors files say nothing of the model themselves");
        var type = whole.String("model_type")
            ?? throw new ModelFileException(path, "it has no 'model_type'; get the model's own config.json");
        // Of a model that also sees or hears, what it is (text).
        var text = whole.Merged("text_config");
        family = Family.All.FirstOrDefault(f => f.HuggingFace.ModelTypes.Contains(type) && f.HuggingFace.Fits(text))
            ?? throw new ModelFileException(path,
                $"model_type '{type}' is not supported; those that are: {string.Join(", ", Family.All.SelectMany(f => f.HuggingFace.ModelTypes).Distinct())}");
        var config = text.Over(family.HuggingFace.Defaults);
        var arch = family.Architecture;
        quantization = whole.Object("quantization_config") ?? text.Object("quantization_config") ?? whole.Object("compression_config");
        QuantizedTensors.Check(path, quantization);
        keys = ConfigKeys.OfHuggingFace(text.Root, arch);
        tied = config.Bool("tie_word_embeddings") ?? config.Bool("tie_embedding");

        var metadata = new Dictionary<string, object>
        {
            ["general.architecture"] = arch,
            ["general.name"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)),
        };
        if (CardLicence.Of(folder) is { Length: > 0 } licence)
            metadata["general.license"] = licence;
        reading = new HuggingFaceReading(config, path, family, metadata);
        Hyperparameters(metadata, reading, family, path);
        RopeScaling(metadata, reading, arch);
        family.HuggingFace.Read?.Invoke(reading);
        SentenceTransformers.Read(folder, reading);
        Tokens(metadata, config, folder);
        Templates(metadata, folder);
        return metadata;
    }

    /// <summary>The lines of a family and the common ones whose key it has no line for: GGUF's key, the type, their keys.</summary>
    public static IEnumerable<(string Key, char Type, string[] Names)> Settings(HuggingFaceFamily family) =>
        (family.Settings + "\n" + Common).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(parts => (parts[0], parts[1][0], parts[2].Split('|'))).DistinctBy(line => line.Item1);

    static void Hyperparameters(Dictionary<string, object> metadata, HuggingFaceReading reading, Family family, string path)
    {
        var (config, arch) = (reading.Config, family.Architecture);
        foreach (var (key, type, names) in Settings(family.HuggingFace))
            if (names.FirstOrDefault(config.Has) is { } name)
                metadata[$"{arch}.{key}"] = type switch
                {
                    // A list says it of each layer; the family reads it.
                    'u' when config.Counts(name) is { Length: > 1 } all => all.Max(),
                    'u' => config.Count(name)!.Value,
                    'f' => config.Float(name)!.Value,
                    _ => config.Bool(name)!.Value,
                };
        uint Need(string key)
        {
            var names = Settings(family.HuggingFace).First(line => line.Key == key).Names;
            return metadata.TryGetValue($"{arch}.{key}", out var value) ? (uint)value
                : throw new ModelFileException(path, $"it has no '{names[0]}'; get the model's own config.json");
        }
        void Default(string key, object? value)
        {
            if (!reading.Has(key))
                reading.Set(key, value);
        }

        var (embedding, heads) = (Need("embedding_length"), Need("attention.head_count"));
        if (heads == 0)
            throw new ModelFileException(path,
                $"'{Settings(family.HuggingFace).First(line => line.Key == "attention.head_count").Names[0]}' is 0; get the model's own config.json");
        foreach (var key in (string[])["block_count", "context_length", "vocab_size"])
            Need(key);
        if (family.HuggingFace.Read is null)
            Need("feed_forward_length");
        Default("attention.key_length", embedding / heads);
        var headSize = (uint)metadata[$"{arch}.attention.key_length"];
        Default("attention.head_count_kv", heads);
        Default("attention.value_length", headSize);
        if (family.HasLayerNorm)
            reading.Set("attention.layer_norm_epsilon",
                config.Float("layer_norm_eps") ?? config.Float("layer_norm_epsilon") ?? config.Float("norm_eps") ?? 1e-5f);
        else
            reading.Set("attention.layer_norm_rms_epsilon",
                config.Float("rms_norm_eps") ?? config.Float("norm_eps") ?? config.Float("layer_norm_epsilon") ?? 1e-6f);
        var rope = reading.Rope();
        var share = config.Float("partial_rotary_factor") ?? rope?.Float("partial_rotary_factor") ?? config.Float("rotary_pct") ?? 1;
        if (!(share > 0 && share <= 1))
            throw new ModelFileException(path, $"'partial_rotary_factor' is {share}, where more than 0 and at most 1 is needed");
        Default("rope.dimension_count", (uint)(headSize * share));
        Default("rope.freq_base", config.Float("rope_theta") ?? rope?.Float("rope_theta") ?? 10_000f);
        if (config.Bool("use_sliding_window") ?? family.HuggingFace.HasWindow)
        {
            reading.Set("attention.sliding_window", config.Count("sliding_window"));
            if (reading.LayerTypes is { } types && types.Contains("sliding_attention"))
                reading.Set("attention.sliding_window_pattern", types.Select(t => t == "sliding_attention").ToArray());
            else if (config.Count("sliding_window_pattern") is { } every)
                reading.Set("attention.sliding_window_pattern", every);
            else if (reading.LayerTypes is { } same && same.All(t => t == "full_attention"))
                reading.Remove("attention.sliding_window");
        }
    }

    static void RopeScaling(Dictionary<string, object> metadata, HuggingFaceReading reading, string arch)
    {
        if (reading.Rope() is not { } scaling)
            return;
        var type = scaling.String("rope_type") ?? scaling.String("type") ?? "default";
        // "mrope" is the default with several positions a token, of which a text's are one; the family reads the last two.
        if (type is "default" or "mrope" or "rope_freqs" or "longrope" or "su" or "proportional")
            return;
        metadata[$"{arch}.rope.scaling.type"] = type;
        // transformers' attention_factor is all of YaRN's magnitude, GGUF's attn_factor is what comes on top of 1 + 0.1 · ln(factor).
        var magnitude = scaling.Float("factor") is > 1 and var factor && type == "yarn" ? 1 + 0.1f * MathF.Log(factor) : 1;
        foreach (var (key, value) in ((string, object?)[])[
            ("factor", scaling.Float("factor")),
            ("original_context_length", scaling.Count("original_max_position_embeddings")),
            ("low_freq_factor", scaling.Float("low_freq_factor")),
            ("high_freq_factor", scaling.Float("high_freq_factor")),
            ("attn_factor", scaling.Float("attention_factor") / magnitude),
            ("yarn_beta_fast", scaling.Float("beta_fast")),
            ("yarn_beta_slow", scaling.Float("beta_slow"))])
            if (value is not null)
                metadata[$"{arch}.rope.scaling.{key}"] = value;
    }

    static void Tokens(Dictionary<string, object> metadata, JsonFile config, string folder)
    {
        var generation = JsonFile.Read(Path.Combine(folder, "generation_config.json"));
        var tokenizer = JsonFile.Read(Path.Combine(folder, "tokenizer_config.json"));
        // A token by its id in generation_config.json or config.json, else by its text in tokenizer_config.json.
        foreach (var (name, gguf) in ((string, string)[])[("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown")])
        {
            uint[] ids = [.. generation.Counts($"{name}_token_id"), .. config.Counts($"{name}_token_id"),
                .. ByText(tokenizer, $"{name}_token")];
            if (ids.Length > 0)
                metadata[$"tokenizer.ggml.{gguf}_token_id"] = ids[0];
            if (name == "eos" && ids.Distinct().Count() > 1)
                metadata["tokenizer.ggml.eos_token_ids"] = ids.Distinct().ToArray();
        }
        if (tokenizer.Bool("add_bos_token") is { } addBos)
            metadata["tokenizer.ggml.add_bos_token"] = addBos;
        if (tokenizer.Bool("add_eos_token") is { } addEos)
            metadata["tokenizer.ggml.add_eos_token"] = addEos;
    }

    /// <summary>The id of the token that <paramref name="key"/> names: a string, or an object with its content.</summary>
    static uint[] ByText(JsonFile tokenizer, string key)
    {
        if (!tokenizer.TryGet(key, out var token) || tokenizer.Object("added_tokens_decoder") is not { } added)
            return [];
        var text = token.ValueKind == JsonValueKind.String ? tokenizer.Text(token) : tokenizer.Object(key)?.String("content");
        return [.. added.Root.EnumerateObject()
            .Where(p => p.Value.ValueKind == JsonValueKind.Object && p.Value.TryGetProperty("content", out var content)
                && content.ValueKind == JsonValueKind.String && added.Text(content) == text)
            .Select(p => uint.TryParse(p.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : (uint?)null)
            .OfType<uint>().Take(1)];
    }

    static void Templates(Dictionary<string, object> metadata, string folder)
    {
        const string key = "tokenizer.chat_template";
        var config = JsonFile.Read(Path.Combine(folder, "tokenizer_config.json"));
        var old = JsonFile.Read(Path.Combine(folder, "chat_template.json"));
        foreach (var file in (JsonFile[])[config, old])
        {
            if (!file.TryGet("chat_template", out var template))
                continue;
            if (template.ValueKind == JsonValueKind.String)
                metadata[key] = file.Text(template);
            else if (template.ValueKind == JsonValueKind.Array)
                foreach (var named in template.EnumerateArray())
                    if (named.ValueKind == JsonValueKind.Object && named.TryGetProperty("name", out var name)
                        && named.TryGetProperty("template", out var text)
                        && name.ValueKind == JsonValueKind.String && text.ValueKind == JsonValueKind.String)
                        metadata[file.Text(name) == "default" ? key : $"{key}.{file.Text(name)}"] = file.Text(text);
        }
        var jinja = new FileInfo(Path.Combine(folder, "chat_template.jinja"));
        if (jinja.Exists && jinja.Length <= 4 << 20)
            metadata[key] = File.ReadAllText(jinja.FullName);
    }
}
