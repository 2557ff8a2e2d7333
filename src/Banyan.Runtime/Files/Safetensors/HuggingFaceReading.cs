using System.Text.Json;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>Reads config.json into GGUF's keys; for the parts that a family reads itself.</summary>
/// <param name="config">The keys of the text model.</param>
/// <param name="path">The file, for errors.</param>
/// <param name="family">The model's.</param>
/// <param name="metadata">What is read goes into it.</param>
internal sealed class HuggingFaceReading(JsonFile config, string path, Family family, Dictionary<string, object> metadata)
{
    const long MostCard = 4 << 20;

    public JsonFile Config => config;

    /// <summary>Tensors given as numbers in config.json.</summary>
    public List<Tensor> Tensors { get; } = [];

    /// <summary>Changes that config.json requires of tensors in GGUF's form.</summary>
    public List<Action<TensorSet>> Changes { get; } = [];

    public int Layers => (int)(uint)metadata[Key("block_count")];

    /// <summary>The kinds of the layers, by config.json; null if it does not specify them.</summary>
    public string[]? LayerTypes => config.TryGet("layer_types", out var types) && types.ValueKind == JsonValueKind.Array
        ? [.. types.EnumerateArray()
            .Select(t => t.ValueKind == JsonValueKind.String ? config.Text(t)
                : throw config.Wrong("layer_types", types, "names of layers"))]
        : null;

    /// <summary>The rotary parameters; with several kinds of layers, those of full attention.</summary>
    public JsonFile? Rope(string layers = "full_attention") =>
        (config.Object("rope_parameters") ?? config.Object("rope_scaling")) is { } rope ? rope.Object(layers) ?? rope : null;

    /// <summary>Declares the layer after the last one as one for multi-token prediction.</summary>
    public void AddPrediction()
    {
        Set("block_count", (uint)Layers + 1);
        Set("nextn_predict_layers", 1u);
        foreach (var (key, value) in metadata.ToList())
            if (value is bool[] flags && flags.Length == Layers - 1)
                metadata[key] = (bool[])[.. flags, false];
    }

    public bool Has(string key) => metadata.ContainsKey(Key(key));

    public void Set(string key, object? value)
    {
        if (value is not null)
            metadata[Key(key)] = value;
    }

    /// <summary>A key of the tokenizer.</summary>
    public void SetToken(string key, object value) => metadata[$"tokenizer.ggml.{key}"] = value;

    public void Remove(string key) => metadata.Remove(Key(key));

    public uint Need(params string[] keys) => keys.Select(config.Count).FirstOrDefault(v => v is not null)
        ?? throw new ModelFileException(path, $"it has no '{keys[0]}'; get the model's own config.json");

    /// <summary>Whether the card beside the files, README.md, has that line.</summary>
    public bool CardHas(string line) => new FileInfo(Beside("README.md")) is { Exists: true, Length: <= MostCard } card
        && File.ReadLines(card.FullName).Contains(line);

    /// <summary>The number of a token, by its text in tokenizer.json.</summary>
    public int Token(string text) => JsonFile.Read(Beside("tokenizer.json")).Object("model")?.Object("vocab")?.Count(text) is { } number
        ? checked((int)number)
        : throw new ModelFileException(Beside("tokenizer.json"), $"it has no token '{text}', by which this model answers");

    string Beside(string name) => Path.Combine(Path.GetDirectoryName(path)!, name);

    public ModelFileException Refuse(string problem) => new(path, problem);

    /// <summary>Key and value heads of each layer, 0 where <paramref name="has"/> says that it has no attention.</summary>
    public void KvHeads(Func<string, bool> has)
    {
        if (LayerTypes is not { } types)
            return;
        var heads = config.Count("num_key_value_heads") ?? Need("num_attention_heads");
        Set("attention.head_count_kv", types.Select(t => has(t) ? (int)heads : 0).ToArray());
    }

    /// <summary>A vector of numbers from config.json.</summary>
    public float[]? Floats(JsonFile? file, string key)
    {
        if (file is null || !file.TryGet(key, out var value))
            return null;
        return value.ValueKind == JsonValueKind.Array
            && value.EnumerateArray().All(n => n.ValueKind == JsonValueKind.Number && n.TryGetSingle(out _))
            ? [.. value.EnumerateArray().Select(n => n.GetSingle())]
            : throw file.Wrong(key, value, "an array of numbers");
    }

    public void AddTensor(string name, float[] values) => Tensors.Add(OfFloats(name, values));

    /// <summary>A vector.</summary>
    public static Tensor OfFloats(string name, float[] values) =>
        new(name, WeightFormat.F32, [values.Length],
            (_, to) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values).CopyTo(to));

    string Key(string key) => $"{family.Architecture}.{key}";
}
