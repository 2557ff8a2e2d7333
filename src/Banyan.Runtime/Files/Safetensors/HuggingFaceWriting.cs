using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>Writes GGUF's keys into config.json; for the parts that a family writes itself.</summary>
/// <param name="file">The model.</param>
/// <param name="config">What is written goes into it.</param>
/// <param name="tensors">Its tensors, in GGUF's form.</param>
internal sealed class HuggingFaceWriting(ModelFile file, JsonObject config, TensorSet tensors)
{
    readonly string _architecture = file.Metadata.Get<string>("general.architecture");

    public JsonObject Config => config;

    public TensorSet Tensors => tensors;

    public int Layers => (int)Number("block_count");

    public bool Has(string key) => file.Metadata.Contains(Key(key));

    public long Number(string key, long fallback = 0) => file.Metadata.Get(Key(key), fallback);

    public double Float(string key, double fallback = 0) => Plain(file.Metadata.Get(Key(key), (float)fallback));

    public bool Flag(string key, bool fallback = false) => file.Metadata.Get(Key(key), fallback);

    public bool IsArray(string key) => Has(key) && file.Metadata.Get<object>(Key(key)) is Array;

    /// <summary>Whole numbers, one per layer.</summary>
    public long[] Numbers(string key) => IsArray(key) ? file.Metadata.Get<long[]>(Key(key)) : [.. Enumerable.Repeat(Number(key), Layers)];

    public void Set(string key, JsonNode? value) => config[key] = value;

    public JsonArray Array(IEnumerable<long> numbers) => new([.. numbers.Select(n => (JsonNode)n)]);

    /// <summary>The kinds of the layers.</summary>
    public void LayerTypes(Func<int, string> type) =>
        config["layer_types"] = new JsonArray([.. Enumerable.Range(0, Layers).Select(i => (JsonNode)type(i))]);

    /// <summary>Those of windowed and other layers, every <paramref name="usual"/>th if the file does not specify it.</summary>
    public void WindowTypes(int usual)
    {
        var window = Number("attention.sliding_window");
        if (window == 0)
            return;
        const string Pattern = "attention.sliding_window_pattern";
        var flags = IsArray(Pattern) ? file.Metadata.Get<bool[]>(Key(Pattern)) : null;
        var every = flags is null ? Number(Pattern, usual) : 0;
        LayerTypes(i => flags is not null ? flags[i] ? "sliding_attention" : "full_attention" : every > 0 && i % every != every - 1
            ? "sliding_attention" : "full_attention");
        config["sliding_window"] = window;
    }

    /// <summary>Flags, one per layer; null if there are none.</summary>
    public bool[]? Flags(string key) => IsArray(key) ? file.Metadata.Get<bool[]>(Key(key)) : null;

    /// <summary>Texts; null if there are none.</summary>
    public string[]? Texts(string key) => IsArray(key) ? file.Metadata.Get<string[]>(Key(key)) : null;

    public string Tokenizer => file.Metadata.Get("tokenizer.ggml.model", "");

    public long Rows(string tensor) => tensors.Tensors.First(t => t.Name == tensor).Rows;

    /// <summary>The rotary parameters; created if missing.</summary>
    public JsonObject Rope => (JsonObject)(config["rope_scaling"] ??= new JsonObject());

    /// <summary>The numbers of a tensor that is stored in config.json; null if there is none.</summary>
    public JsonArray? Take(string name)
    {
        if (!tensors.Take(name, out var tensor))
            return null;
        var values = new float[tensor.Rows * tensor.Columns];
        tensor.Dequantize(0, (int)tensor.Rows, values);
        return new JsonArray([.. values.Select(v => (JsonNode)Plain(v))]);
    }

    /// <summary>The shortest form that reads back as the same float: 0.22, not 0.2199999988079071.</summary>
    public static double Plain(float value) =>
        double.Parse(value.ToString(System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);

    string Key(string key) => $"{_architecture}.{key}";
}
