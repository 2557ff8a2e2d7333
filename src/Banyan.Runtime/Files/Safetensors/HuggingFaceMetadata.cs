using System.Globalization;
using System.Text.Json;
using Banyan.Runtime.Models.Families;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>config.json, generation_config.json, tokenizer_config.json and chat_template.jinja as GGUF metadata (docs/model-files.md has the table).</summary>
static class HuggingFaceMetadata
{
    /// <param name="folder">Where the files lie.</param>
    /// <param name="tied">Whether the embedding is also the output matrix; null where that is not said.</param>
    /// <param name="keys">What config.json asks for beyond what is computed here.</param>
    /// <param name="family">Which family it is.</param>
    public static Dictionary<string, object> Read(string folder, out bool? tied, out ConfigKeys keys, out Family family)
    {
        var path = Path.Combine(folder, "config.json");
        var config = JsonFile.Read(path, neededFor: "safetensors files say nothing of the model themselves");
        var type = config.String("model_type") ?? throw new ModelFileException(path, "it has no 'model_type'; get the model's own config.json");
        family = Family.All.FirstOrDefault(f => f.HuggingFace.ModelTypes.Contains(type))
            ?? throw new ModelFileException(path, $"model_type '{type}' is not supported; those that are: {string.Join(", ", Family.All.SelectMany(f => f.HuggingFace.ModelTypes))}");
        var arch = family.Architecture;
        if (config.Object("quantization_config") is { } quantization)
            throw new ModelFileException(path, $"the weights are quantized ('{quantization.String("quant_method") ?? "unknown"}'), which cannot be read from safetensors; get the original model, or a GGUF of it");
        keys = ConfigKeys.OfHuggingFace(config.Root, arch);
        tied = config.Bool("tie_word_embeddings");

        var metadata = new Dictionary<string, object>
        {
            ["general.architecture"] = arch,
            ["general.name"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)),
        };
        Hyperparameters(metadata, config, family, path);
        RopeScaling(metadata, config, arch);
        Tokens(metadata, config, folder);
        Templates(metadata, folder);
        return metadata;
    }

    static void Hyperparameters(Dictionary<string, object> metadata, JsonFile config, Family family, string path)
    {
        void Set(string key, object? value)
        {
            if (value is not null)
                metadata[$"{family.Architecture}.{key}"] = value;
        }
        uint Need(string key) => config.Count(key) ?? throw new ModelFileException(path, $"it has no '{key}'; get the model's own config.json");

        var (embedding, heads) = (Need("hidden_size"), Need("num_attention_heads"));
        if (heads == 0)
            throw new ModelFileException(path, "'num_attention_heads' is 0; get the model's own config.json");
        var headSize = config.Count("head_dim") ?? embedding / heads;
        Set("block_count", Need("num_hidden_layers"));
        Set("context_length", Need("max_position_embeddings"));
        Set("embedding_length", embedding);
        Set("feed_forward_length", Need("intermediate_size"));
        Set("attention.head_count", heads);
        Set("attention.head_count_kv", config.Count("num_key_value_heads") ?? heads);
        Set("attention.key_length", headSize);
        Set("attention.value_length", headSize);
        Set("attention.layer_norm_rms_epsilon", config.Float("rms_norm_eps") ?? 1e-6f);
        Set("rope.dimension_count", headSize);
        Set("rope.freq_base", config.Float("rope_theta") ?? config.Object("rope_parameters")?.Float("rope_theta") ?? 10_000f);
        Set("vocab_size", Need("vocab_size"));
        Set("expert_count", config.Count("num_experts"));
        Set("expert_used_count", config.Count("num_experts_per_tok"));
        Set("expert_feed_forward_length", config.Count("moe_intermediate_size"));
        Set("expert_weights_norm", config.Bool("norm_topk_prob"));
        if (config.Bool("use_sliding_window") ?? family.HuggingFace.HasWindow)
        {
            Set("attention.sliding_window", config.Count("sliding_window"));
            if (config.TryGet("layer_types", out var types) && types.ValueKind == JsonValueKind.Array)
                Set("attention.sliding_window_pattern", types.EnumerateArray().Select(t => t.ValueKind == JsonValueKind.String && t.ValueEquals("sliding_attention")).ToArray());
        }
    }

    static void RopeScaling(Dictionary<string, object> metadata, JsonFile config, string arch)
    {
        if ((config.Object("rope_scaling") ?? config.Object("rope_parameters")) is not { } scaling)
            return;
        var type = scaling.String("rope_type") ?? scaling.String("type") ?? "default";
        if (type == "default")
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
            uint[] ids = [.. generation.Counts($"{name}_token_id"), .. config.Counts($"{name}_token_id"), .. ByText(tokenizer, $"{name}_token")];
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
            .Where(p => p.Value.ValueKind == JsonValueKind.Object && p.Value.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String && added.Text(content) == text)
            .Select(p => uint.TryParse(p.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : (uint?)null).OfType<uint>().Take(1)];
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
                    if (named.ValueKind == JsonValueKind.Object && named.TryGetProperty("name", out var name) && named.TryGetProperty("template", out var text)
                        && name.ValueKind == JsonValueKind.String && text.ValueKind == JsonValueKind.String)
                        metadata[file.Text(name) == "default" ? key : $"{key}.{file.Text(name)}"] = file.Text(text);
        }
        var jinja = new FileInfo(Path.Combine(folder, "chat_template.jinja"));
        if (jinja.Exists && jinja.Length <= 4 << 20)
            metadata[key] = File.ReadAllText(jinja.FullName);
    }
}
