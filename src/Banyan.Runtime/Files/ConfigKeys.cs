using System.Collections;
using System.Globalization;
using System.Text.Json;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Families;

namespace Banyan.Runtime.Files;

/// <summary>What a model's configuration asks for, compared with what is implemented. A model is refused if a key that changes the
/// computation has a value that is not implemented; a key that no table knows is listed for the reader.</summary>
/// <param name="Refused">Keys with their values and the values that could be computed, as one phrase each.</param>
/// <param name="Unknown">Keys of no table, in the file's order.</param>
sealed record ConfigKeys(IReadOnlyList<string> Refused, IReadOnlyList<string> Unknown)
{
    /// <summary>Compares config.json, key by key; those of rope_scaling and rope_parameters are under that name and a point.</summary>
    public static ConfigKeys OfHuggingFace(JsonElement config, string architecture)
    {
        var values = new Dictionary<string, object?>(); // of a key given twice the last counts
        foreach (var property in config.EnumerateObject())
            if (property.Name is "rope_scaling" or "rope_parameters" && property.Value.ValueKind == JsonValueKind.Object)
                foreach (var inner in property.Value.EnumerateObject())
                    // New files have an object for each kind of layer.
                    if (inner.Name == "full_attention" && inner.Value.ValueKind == JsonValueKind.Object)
                        foreach (var own in inner.Value.EnumerateObject())
                            values[$"rope_scaling.{own.Name}"] = Plain(own.Value);
                    else if (inner.Name != "sliding_attention")
                        values[$"rope_scaling.{inner.Name}"] = Plain(inner.Value);
                    else
                        continue;
            else
                values[property.Name] = Plain(property.Value);
        var family = Family.Find(architecture)?.HuggingFace;
        // What a setting reads is read.
        var read = family is null ? "" : string.Join('\n', HuggingFaceMetadata.Settings(family).SelectMany(line => line.Names));
        return Compare(values.Select(pair => (pair.Key, pair.Value)), HuggingFaceKeys.Table, $"{read}\n{family?.Keys}", key => key);
    }

    /// <summary>
    /// Compares the keys under a GGUF file's architecture; those of other prefixes describe the file, not the computation.
    /// </summary>
    public static ConfigKeys OfGguf(Metadata metadata)
    {
        var architecture = metadata.Get("general.architecture", "");
        var prefix = architecture + ".";
        bool IsOwn(string key) => key.StartsWith(prefix, StringComparison.Ordinal);
        var found = Compare(metadata.Keys.Where(IsOwn).Select(key => (key[prefix.Length..], (object?)metadata.Get<object>(key))),
            GgufKeys.Table, Family.Find(architecture)?.Keys, key => prefix + key);
        return found
            with
        {
            Unknown = [.. found.Unknown,
                .. metadata.Keys.Where(key => !IsOwn(key) && !GgufKeys.Describing.Any(p => key.StartsWith(p, StringComparison.Ordinal)))]
        };
    }

    /// <exception cref="ModelFileException">A key requires a computation that is not implemented.</exception>
    public void Check(string path)
    {
        if (Refused.Count > 0)
            throw new ModelFileException(path,
                $"{string.Join("; ", Refused)}. The model would compute something else here than it was trained with, so it is refused");
    }

    static ConfigKeys Compare(IEnumerable<(string Key, object? Value)> pairs, IReadOnlyDictionary<string, string[]?> table, string? familys,
        Func<string, string> fullName)
    {
        var own = Table(familys ?? "");
        var (refused, unknown) = (new List<string>(), new List<string>());
        foreach (var (key, value) in pairs)
            if (!own.TryGetValue(key, out var computed) && !table.TryGetValue(key, out computed))
                unknown.Add(fullName(key));
            else if (computed is not null && Differing(value, computed) is { } text)
                refused.Add(
                    $"'{fullName(key)}' is {text}, which is not implemented{(computed.Length > 0 ? $" ({string.Join(" or ", computed)} is)" : "")}");
        return new(refused, unknown);
    }

    /// <summary>The value, or the first element of an array, that is not implemented; a null value means the default for every
    /// key.</summary>
    static string? Differing(object? value, string[] computed) => value switch
    {
        null => null,
        IEnumerable items and not string => items.Cast<object?>().Select(item => Differing(item, computed))
            .FirstOrDefault(text => text is not null),
        _ => Text(value) is var text && computed.Contains(text, StringComparer.Ordinal) ? null : text.Length > 60 ? text[..60] + "…" : text,
    };

    static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        string text => text,
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => "an object",
    };

    static object? Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String => TextOf(value),
        JsonValueKind.Array => value.EnumerateArray().Select(Plain).ToArray(),
        _ => value.EnumerateObject().Any() ? new object() : null,
    };

    // Half a surrogate pair is the value of no key.
    static string TextOf(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return value.GetRawText();
        }
    }

    /// <summary>Reads a table. A line is <c>key = value …</c>: the values that mean the implemented computation (none: no value but null
    /// does); or keys alone, which are read elsewhere or change nothing. A family's own table (<see cref="Family.Keys"/>) goes before the
    /// common one.</summary>
    internal static Dictionary<string, string[]?> Table(string lines)
    {
        var table = new Dictionary<string, string[]?>();
        foreach (var line in lines.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            if (line.Split('=', StringSplitOptions.TrimEntries) is [var key, var values])
                table[key] = values.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            else
                foreach (var alone in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    table[alone] = null;
        return table;
    }
}
