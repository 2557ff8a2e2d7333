using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Training;

/// <summary>
/// Prepares training from scratch: from a folder with a <c>config.json</c> and a tokenizer but no weights, makes one with weights of that
/// shape, all of them 0. Training from scratch uses their shapes alone.
/// </summary>
public static class ScratchFolder
{
    /// <summary>Whether a folder has a configuration and no weights.</summary>
    public static bool IsShape(string folder) => File.Exists(Path.Combine(folder, "config.json"))
        && !Directory.EnumerateFiles(folder)
        .Any(f => f.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
            || f.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase));

    /// <summary>Writes the folder with weights.</summary>
    /// <param name="shape">The folder with <c>config.json</c> and the tokenizer.</param>
    /// <param name="folder">The target; created if missing.</param>
    /// <exception cref="ModelFileException">The configuration is of an unsupported family, or incomplete.</exception>
    public static void Write(string shape, string folder)
    {
        var path = Path.Combine(shape, "config.json");
        var config = JsonFile.Read(path, "a model's shape is read from it");
        var modelType = config.String("model_type");
        if (Family.All.FirstOrDefault(f => f.ShapedTypes.Contains(modelType)) is not { } family)
        {
            var others = string.Join(", ", Family.All.SelectMany(f => f.ShapedTypes));
            throw new ModelFileException(path,
                $"model_type '{modelType}' cannot be made from its shape alone: {others} can; or give a model of that family as the base");
        }
        long Need(string key) => config.Count(key) is { } count and > 0 ? count
            : throw new ModelFileException(path, $"it has no '{key}' above 0, which a shape needs");
        var (embedding, heads, feedForward, vocabulary) =
            (Need("hidden_size"), Need("num_attention_heads"), Need("intermediate_size"), Need("vocab_size"));
        var (layers, kvHeads, headSize) = (Need("num_hidden_layers"), config.Count("num_key_value_heads") ?? heads,
            config.Count("head_dim") ?? embedding / heads);
        if (heads % kvHeads != 0 || headSize == 0)
            throw new ModelFileException(path, $"{heads} query heads cannot share {kvHeads} key heads, or a head has no width");
        var type = config.String("dtype") ?? config.String("torch_dtype");
        var format = WeightFormat.All.FirstOrDefault(f => f.TorchType == type && type is not null) ?? WeightFormat.F32;
        var writer = new SafetensorsWriter().Set("format", "pt");
        void Add(string name, params long[] sizes) =>
            writer.Add(name, format.Name, sizes, stream => Zeros(stream, format.ByteLength(sizes.Aggregate(1L, (a, b) => a * b))));

        Add("model.embed_tokens.weight", vocabulary, embedding);
        for (var layer = 0L; layer < layers; layer++)
        {
            var at = $"model.layers.{layer}.";
            Add($"{at}input_layernorm.weight", embedding);
            foreach (var (name, rows) in new[] { ("q", heads * headSize), ("k", kvHeads * headSize), ("v", kvHeads * headSize) })
            {
                Add($"{at}self_attn.{name}_proj.weight", rows, embedding);
                if (family.HasProjectionBias)
                    Add($"{at}self_attn.{name}_proj.bias", rows);
                if (family.HasHeadNorms && name != "v")
                    Add($"{at}self_attn.{name}_norm.weight", headSize);
            }
            Add($"{at}self_attn.o_proj.weight", embedding, heads * headSize);
            Add($"{at}post_attention_layernorm.weight", embedding);
            Add($"{at}mlp.gate_proj.weight", feedForward, embedding);
            Add($"{at}mlp.up_proj.weight", feedForward, embedding);
            Add($"{at}mlp.down_proj.weight", embedding, feedForward);
        }
        Add("model.norm.weight", embedding);
        if (config.Bool("tie_word_embeddings") != true)
            Add("lm_head.weight", vocabulary, embedding);

        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(shape)
            .Where(f => Path.GetExtension(f).ToLowerInvariant() is ".json" or ".jinja" or ".txt" or ".model"))
            WholeFile.Write(Path.Combine(folder, Path.GetFileName(file)), stream => stream.Write(File.ReadAllBytes(file)));
        WholeFile.Write(Path.Combine(folder, "model.safetensors"), writer.WriteTo);
    }

    static void Zeros(Stream stream, long bytes)
    {
        var zeros = new byte[Math.Min(bytes, 1 << 20)];
        for (var left = bytes; left > 0; left -= zeros.Length)
            stream.Write(zeros.AsSpan(0, (int)Math.Min(left, zeros.Length)));
    }
}
