using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>
/// A JSON object from a file somebody else wrote: bounded in size and depth, read by checked getters. Of a key given twice the last counts,
/// as for every reader of JSON; where that is forbidden it is refused.
/// </summary>
sealed class JsonFile
{
    const int MostBytes = 100 << 20;
    const int Deepest = 32;

    readonly string _path;

    /// <summary>The object; empty if an optional file is missing.</summary>
    public JsonElement Root { get; }

    JsonFile(string path, JsonElement root) => (_path, Root) = (path, root);

    /// <summary>
    /// Reads <paramref name="path"/>; a missing file is an empty object unless <paramref name="neededFor"/> says what it is needed for.
    /// </summary>
    public static JsonFile Read(string path, string? neededFor = null)
    {
        var info = new FileInfo(path);
        if (!info.Exists)
            return neededFor is null
                ? Parse(path, "{}"u8.ToArray(), Deepest)
                : throw new ModelFileException(path, $"the file is missing, but {neededFor}; download it too");
        if (info.Length is 0 or > MostBytes)
            throw new ModelFileException(path, $"the file has {info.Length} bytes, where 1 to {MostBytes} are allowed; download it again");
        return Parse(path, File.ReadAllBytes(path), Deepest);
    }

    public static JsonFile Parse(string path, ReadOnlyMemory<byte> json, int depth, bool keysTwice = true)
    {
        // JsonDocument leaves this check to whoever asks for a string, and fails differently there.
        if (!Utf8.IsValid(json.Span))
            throw new ModelFileException(path, "its JSON is not valid UTF-8; the file is damaged: download it again");
        try
        {
            using var document = JsonDocument.Parse(json,
                new JsonDocumentOptions { MaxDepth = depth, AllowDuplicateProperties = keysTwice });
            ReadNames(document.RootElement);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new JsonFile(path, document.RootElement.Clone())
                : throw new ModelFileException(path,
                    $"its JSON is a {document.RootElement.ValueKind}, where an object is needed; download the file again");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half a surrogate pair in a name
        {
            throw new ModelFileException(path, WrongFile.Recognise(json.Span)
                ?? $"its JSON cannot be read: {JsonProblem.Of(e)}. The file is damaged: download it again", e);
        }
    }

    // A name that is no text fails when it is read, so it is read here.
    static void ReadNames(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Array)
            foreach (var item in element.EnumerateArray())
                ReadNames(item);
        else if (element.ValueKind == JsonValueKind.Object)
            foreach (var property in element.EnumerateObject())
            {
                _ = property.Name;
                ReadNames(property.Value);
            }
    }

    /// <summary>The object, with its keys overridden by those of the object under a key.</summary>
    public JsonFile Merged(string key)
    {
        if (Object(key) is not { } inner)
            return this;
        var merged = JsonObject.Create(Root)!;
        merged.Remove(key);
        foreach (var property in JsonObject.Create(inner.Root)!)
            if (property.Value is not null || !merged.ContainsKey(property.Key))
                merged[property.Key] = property.Value?.DeepClone();
        return new JsonFile(_path, merged.ToElement());
    }

    /// <summary>The object, with missing keys taken from another.</summary>
    public JsonFile Over(string defaults)
    {
        var merged = JsonNode.Parse(defaults)!.AsObject();
        if (merged.Count == 0)
            return this;
        foreach (var property in JsonObject.Create(Root)!)
            merged[property.Key] = property.Value?.DeepClone();
        return new JsonFile(_path, merged.ToElement());
    }

    public bool Has(string key) => TryGet(key, out _);

    /// <summary>An object under a key; null if there is none.</summary>
    public JsonFile? Object(string key) => TryGet(key, out var value) && value.ValueKind == JsonValueKind.Object
        ? new JsonFile(_path, value) : null;

    public string? String(string key) => !TryGet(key, out var value) ? null
        : value.ValueKind == JsonValueKind.String ? Text(value) : throw Wrong(key, value, "a string");

    public bool? Bool(string key) => !TryGet(key, out var value) ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, value, "true or false");

    public float? Float(string key) => !TryGet(key, out var value) ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && float.IsFinite(number) ? number
        : throw Wrong(key, value, "a number");

    /// <summary>A count or size: 0 to 2³² − 1, whether written 4096 or 4096.0.</summary>
    public uint? Count(string key) => !TryGet(key, out var value) ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number is >= 0 and <= uint.MaxValue
        && number == Math.Floor(number)
            ? (uint)number : throw Wrong(key, value, "a whole number of 0 or more");

    /// <summary>A number, or each number of an array.</summary>
    public uint[] Counts(string key)
    {
        if (!TryGet(key, out var value))
            return [];
        var numbers = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : (JsonElement[])[value];
        return [.. numbers.Select(n => n.ValueKind == JsonValueKind.Number && n.TryGetUInt32(out var number) ? number
            : throw Wrong(key, value, "a whole number or several"))];
    }

    /// <summary>The strings of an array; empty if there is none.</summary>
    public IReadOnlyList<string> Names(string key) => TryGet(key, out var value) && value.ValueKind == JsonValueKind.Array
        ? [.. value.EnumerateArray().Where(n => n.ValueKind == JsonValueKind.String).Select(Text)] : [];

    /// <summary>The text of a string element. Half a surrogate pair is refused.</summary>
    public string Text(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFileException(_path, $"a string in it is no valid text (half a surrogate pair). Download the file again", e);
        }
    }

    public bool TryGet(string key, out JsonElement value) => Root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    public ModelFileException Wrong(string key, JsonElement value, string needed)
    {
        var raw = value.GetRawText();
        return new(_path,
            $"'{key}' is {(raw.Length > 60 ? raw[..60] + "…" : raw)}, where {needed} is needed; the file is damaged or of another kind");
    }
}
