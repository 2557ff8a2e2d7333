using System.Buffers.Binary;
using System.Text.Json;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>A layout of quantized matrices in safetensors.</summary>
abstract class QuantizedLayout
{
    /// <summary>Whether a quantization_config describes it; a key with an unsupported value is refused by name.</summary>
    public abstract bool Reads(QuantizedConfig config);

    /// <summary>The module whose quantized matrix a tensor is the main part of; null for any other tensor.</summary>
    public abstract string? ModuleOf(SafetensorsPart.Entry entry);

    /// <summary>The matrix, and its factor if that is a separate tensor.</summary>
    public abstract IEnumerable<Tensor> Read(QuantizedModule module);

    /// <summary>What a name begins with, where it has an end.</summary>
    protected static string? Before(string name, string end) => name.EndsWith(end, StringComparison.Ordinal) ? name[..^end.Length] : null;
}

/// <summary>config.json's quantization_config.</summary>
sealed class QuantizedConfig(string path, JsonFile json)
{
    public string Method { get; } = json.String("quant_method")
        ?? (json.Has("config_groups") ? "compressed-tensors" : json.Has("quant_algo") ? "modelopt" : "unknown");

    /// <summary>compressed-tensors' <c>format</c>.</summary>
    public string? Format { get; } = json.String("format");

    public JsonFile Json => json;

    /// <summary>compressed-tensors' groups of layers, as they quantize weights.</summary>
    public IReadOnlyList<(JsonFile Group, JsonFile Weights)> Groups => json.Object("config_groups") is not { } groups ? []
        : [.. groups.Root.EnumerateObject().Where(g => g.Value.ValueKind == JsonValueKind.Object).Select(g => groups.Object(g.Name)!)
            .Where(g => g.Object("weights") is not null).Select(g => (g, g.Object("weights")!))];

    public ModelFileException Refuse(string problem) => new(path, $"quantization_config: {problem}");

    /// <summary>Requires a key to be missing or to have one of these values.</summary>
    public void Need(JsonFile of, string key, params string[] values)
    {
        if (!of.TryGet(key, out var value))
            return;
        var text = value.ValueKind == JsonValueKind.String ? of.Text(value) : value.GetRawText();
        if (!values.Contains(text, StringComparer.OrdinalIgnoreCase))
            throw Refuse(
                $"'{key}' is {(text.Length > 60 ? text[..60] + "…" : text)}, which is not implemented ({string.Join(" or ", values)} is)");
    }
}

/// <summary>A tensor's bytes, of any type.</summary>
sealed class RawTensor(Mapping file, SafetensorsPart.Entry entry)
{
    readonly WeightFormat? _floats = WeightFormat.OfNumbers(entry.Type);

    public string Type => entry.Type;

    public long[] Shape => entry.Shape;

    public long Count => entry.Shape.Aggregate(1L, (product, n) => product * n);

    public override string ToString() => $"'{entry.Name}' [{string.Join(", ", entry.Shape)}] {entry.Type}";

    /// <summary>Bytes from an element on; the caller has checked the shape.</summary>
    public ReadOnlySpan<byte> Bytes(long element, int size, int count = 1) => file.Span(entry.Offset + element * size, count * size);

    /// <summary>An element as a float.</summary>
    public float Float(long element) => _floats is null ? float.NaN : _floats.Number(Bytes(element, _floats.NumberBytes));

    public bool IsFloat => _floats is not null;

    /// <summary>An element as a whole number.</summary>
    public long Integer(long element) => entry.Type switch
    {
        "I32" => BinaryPrimitives.ReadInt32LittleEndian(Bytes(element, 4)),
        "I64" => BinaryPrimitives.ReadInt64LittleEndian(Bytes(element, 8)),
        "I8" => (sbyte)Bytes(element, 1)[0],
        _ => Bytes(element, 1)[0],
    };
}

/// <summary>The parts of one quantized matrix.</summary>
sealed class QuantizedModule(string path, string name, QuantizedConfig config,
    IReadOnlyDictionary<string, RawTensor> all, HashSet<string> taken)
{
    /// <summary>The module: <c>model.layers.0.mlp.up_proj</c>.</summary>
    public string Name => name;

    public QuantizedConfig Config => config;

    public RawTensor? Find(string part)
    {
        if (!all.TryGetValue(name + part, out var tensor))
            return null;
        taken.Add(name + part);
        return tensor;
    }

    public RawTensor Get(string part) => Find(part)
        ?? throw Refuse($"'{name}{part}' is missing beside the quantized weights of '{name}': the file is incomplete");

    /// <summary>A part, whose type and shape are checked.</summary>
    public RawTensor Get(string part, string[] types, params long[] shape) => Check(Get(part), types, shape);

    public RawTensor Check(RawTensor tensor, string[] types, params long[] shape) =>
        types.Contains(tensor.Type) && tensor.Shape.SequenceEqual(shape) ? tensor
        : throw Refuse(
            $"tensor {tensor} does not fit '{name}', where [{string.Join(", ", shape)}] {string.Join(" or ", types)} is needed; the file is damaged or of another layout");

    /// <summary>Scales, none of which may be NaN or infinite.</summary>
    public RawTensor Finite(RawTensor scales)
    {
        for (var i = 0L; i < scales.Count; i++)
            if (!float.IsFinite(scales.Float(i)))
                throw Refuse($"tensor {scales} has the scale {scales.Float(i)} at {i}: the file is damaged");
        return scales;
    }

    /// <summary>A number that is stored as a tensor.</summary>
    public float Number(string part, float fallback = float.NaN)
    {
        var tensor = float.IsNaN(fallback) ? Get(part) : Find(part);
        if (tensor is null)
            return fallback;
        return tensor.IsFloat && tensor.Count == 1 && tensor.Float(0) is var value && float.IsFinite(value) ? value
            : throw Refuse($"tensor {tensor} is no finite number, which the scale of '{name}' has to be; the file is damaged");
    }

    /// <summary>A matrix's two dimensions, both above 0.</summary>
    public (long Rows, long Columns) Matrix(RawTensor tensor) =>
        tensor.Shape is [> 0 and var rows, > 0 and <= Tensor.MostColumns and var columns] ? (rows, columns)
        : throw Refuse($"tensor {tensor} is no matrix");

    public ModelFileException Refuse(string problem) => new(path, problem);
}
