using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Adapters;

public static partial class PeftAdapter
{
    const int MostRank = 4096;

    // What PEFT's versions until 0.20 have added to LoRA that computes something else at run time.
    static readonly string[] s_changes =
    [
        "alora_invocation_tokens", "arrow_config", "layer_replication", "monteclora_config", "target_parameters", "trainable_token_indices",
        "use_bdlora", "use_qalora", "kasa_config",
    ];

    /// <summary>Reads a folder of PEFT's: LoRA (rank-stabilized too) and DoRA of linear layers, in F32, F16 or BF16.</summary>
    /// <param name="folder">With <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</param>
    /// <param name="config">The base's shape.</param>
    /// <exception cref="ModelFileException">A file is missing or damaged, or the adapter is of an unsupported kind.</exception>
    public static AdapterWeights Read(string folder, Config config)
    {
        var path = Path.Combine(folder, ConfigName);
        var json = JsonFile.Read(path, "it says how the adapter is scaled");
        ModelFileException Refuse(string problem) => new(path, problem);
        if (json.String("peft_type") is not "LORA")
            throw Refuse($"'peft_type' is '{json.String("peft_type")}': LORA (with use_dora, use_rslora) is computed");
        if (json.String("bias") is not (null or "none"))
            throw Refuse($"'bias' is '{json.String("bias")}': adapters that train biases are not computed");
        if (json.Bool("fan_in_fan_out") == true)
            throw Refuse("'fan_in_fan_out' is true: no model that runs here has such layers");
        if (json.Bool("lora_bias") == true)
            throw Refuse("'lora_bias' is true: adapters with biases are not computed");
        foreach (var key in s_changes)
            if (json.TryGet(key, out var value) && value.ValueKind != JsonValueKind.False)
                throw Refuse(
                    $"'{key}' is {(value.GetRawText() is { Length: <= 60 } raw ? raw : "set")}: this changes the computation to one that is not implemented");
        if (json.TryGet("modules_to_save", out var saved) && saved.ValueKind == JsonValueKind.Array && saved.GetArrayLength() > 0)
            throw Refuse(
                $"'modules_to_save' is {saved.GetRawText()}: whole layers beside the adapter are not computed; merge it with PEFT");
        var rank = json.Count("r") is { } r and >= 1 and <= MostRank ? (int)r : throw Refuse($"'r' is no rank of 1 to {MostRank}");
        var stabilized = json.Bool("use_rslora") ?? false;
        var weights = Path.Combine(folder, WeightsName);
        if (!File.Exists(weights) && File.Exists(Path.Combine(folder, "adapter_model.bin")))
            throw new ModelFileException(folder,
                "its weights are a pickle (adapter_model.bin), which can run programs; save it as safetensors");
        if (!File.Exists(weights))
            throw new ModelFileException(weights, "the file is missing, but the adapter's weights are in it; download it too");
        var empty = new AdapterWeights(rank, json.Float("lora_alpha") ?? 8, stabilized, []);
        using var mapping = new Mapping(weights);
        var reader = new Reader(new SafetensorsPart(mapping), config, json, empty);
        return empty with { Projections = reader.Projections(dora: json.Bool("use_dora") ?? false) };
    }

    sealed partial class Reader(SafetensorsPart part, Config config, JsonFile json, AdapterWeights common)
    {
        public List<ProjectionAdapter> Projections(bool dora)
        {
            var familys = Family.Find(config.Architecture)?.HuggingFace.Tensors ?? new Dictionary<string, string>();
            var projections = new List<ProjectionAdapter>();
            var read = 0;
            foreach (var (name, a) in part.Entries)
            {
                if (Name().Match(name) is not { Success: true } match)
                    throw Refuse(
                        $"tensor '{name}' is not one of lora_A, lora_B and lora_magnitude_vector of a linear layer: nothing here computes with it");
                if (match.Groups[2].Value != "A")
                    continue;
                var module = match.Groups[1].Value;
                if (!part.Entries.TryGetValue(name.Replace(".lora_A.", ".lora_B.", StringComparison.Ordinal), out var b))
                    throw Refuse($"tensor '{name}' has no lora_B beside it");
                var (tensor, expert) = HuggingFaceTensorNames.Translate($"{module}.weight", familys);
                if (tensor is null || expert is not null || tensor == $"{module}.weight")
                    throw Refuse($"'{module}' has no place in a model of '{config.Architecture}' that an adapter could change");
                if (a.Shape is not [var rank, var columns] || b.Shape is not [var rows, var same] || rank != same
                    || rank is < 1 or > MostRank || Math.Max(rows, columns) > Array.MaxLength / rank)
                    throw Refuse(
                        $"'{module}' has [{string.Join(", ", a.Shape)}] and [{string.Join(", ", b.Shape)}], where [rank, columns] and [rows, rank] are needed, with a rank of 1 to {MostRank}");
                var heads = HeadsOf(tensor, config);
                if (heads > 0 && rows % heads != 0)
                    throw Refuse($"'{module}' has {rows} rows, which are not {heads} heads: it was trained on another model");
                var magnitude = Magnitude(module, rows);
                if (magnitude is null == dora)
                    throw Refuse(
                        $"'{module}' has {(dora ? "no" : "a")} lora_magnitude_vector, and 'use_dora' in {ConfigName} says otherwise");
                read += magnitude is null ? 2 : 3;
                projections.Add(new(tensor, (int)rows, (int)columns, Values(a),
                    Scaled(Permuted(Values(b), heads, (int)rank), module, (int)rank))
                {
                    Magnitude = magnitude is null ? null : Permuted(magnitude, heads, 1),
                });
            }
            return projections.Count == 0 ? throw Refuse("it has no tensors")
                : read != part.Entries.Count ? throw Refuse("it has lora_B or lora_magnitude_vector without lora_A beside them")
                : projections;
        }

        float[]? Magnitude(string module, long rows)
        {
            if (!part.Entries.TryGetValue($"base_model.model.{module}.lora_magnitude_vector", out var entry)
                && !part.Entries.TryGetValue($"base_model.model.{module}.lora_magnitude_vector.weight", out entry))
                return null;
            return entry.Bytes > 0 && entry.Shape.Aggregate(1L, (product, size) => product * size) == rows ? Values(entry)
                : throw Refuse($"'{entry.Name}' is [{string.Join(", ", entry.Shape)}], where [{rows}] is needed");
        }

        // rank_pattern and alpha_pattern give some layers others: what they change of the scale goes into B.
        float[] Scaled(float[] b, string module, int rank)
        {
            var alpha = Pattern("alpha_pattern", module) ?? common.Alpha;
            var factor = (common.RankStabilized ? alpha / MathF.Sqrt(rank) : alpha / rank) / common.Scale;
            if (!float.IsFinite(factor))
                throw Refuse($"'{module}' is scaled by {factor}: 'lora_alpha' in {ConfigName} cannot be right");
            if (factor != 1)
                foreach (ref var value in b.AsSpan())
                    value *= factor;
            return b;
        }

        // PEFT: a key is the end of a module's name, or a regular expression, which is not followed here.
        float? Pattern(string key, string module)
        {
            if (json.Object(key) is not { } pattern)
                return null;
            foreach (var property in pattern.Root.EnumerateObject())
                if (module == property.Name || module.EndsWith($".{property.Name}", StringComparison.Ordinal))
                    return pattern.Float(property.Name);
                else if (!PlainName().IsMatch(property.Name))
                    throw Refuse(
                        $"'{key}' in {ConfigName} has the pattern '{property.Name}': names of layers are followed, regular expressions are not");
            return null;
        }

        float[] Values(SafetensorsPart.Entry entry)
        {
            if (!WeightFormat.TryGet(entry.Type, out var format) || format.BlockWeights != 1)
                throw Refuse($"tensor '{entry.Name}' has dtype {entry.Type}: F32, F16 and BF16 are read");
            var values = new float[checked((int)entry.Shape.Aggregate(1L, (product, size) => product * size))];
            format.Dequantize(part.File.Span(entry.Offset, checked((int)entry.Bytes)), values);
            foreach (var value in values)
                if (!float.IsFinite(value))
                    throw Refuse(
                        $"tensor '{entry.Name}' holds {value.ToString(CultureInfo.InvariantCulture)}: its training went wrong, or the file is damaged");
            return values;
        }

        ModelFileException Refuse(string problem) => new(part.File.Path, problem);

        [GeneratedRegex(@"^base_model\.model\.(.{1,200})\.lora_(A|B|magnitude_vector)(?:\.weight)?\z", RegexOptions.CultureInvariant)]
        private static partial Regex Name();

        [GeneratedRegex(@"^[A-Za-z0-9_.]+\z", RegexOptions.CultureInvariant)]
        private static partial Regex PlainName();
    }
}
