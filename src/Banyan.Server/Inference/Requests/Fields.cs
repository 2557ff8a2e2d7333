using System.Text.Json;

namespace Banyan.Server.Inference.Requests;

/// <summary>
/// Reads a JSON object field by field, so that every mistake is answered with the name of the field, what was expected and what
/// came. A field that is null counts as absent; unknown fields are ignored, as OpenAI's clients expect.
/// </summary>
readonly struct Fields(JsonElement element, string path = "")
{
    public string Path(string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>The field's value; null when absent or JSON null.</summary>
    public JsonElement? Any(string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>Whether the field is there, be it null.</summary>
    public bool Has(string name) => element.TryGetProperty(name, out _);

    public string? Text(string name) => Any(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => ReadText(value, Path(name)),
        { } value => throw ApiException.WrongType(Path(name), "a string", Describe(value)),
    };

    public bool Flag(string name, bool fallback = false) => Any(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw ApiException.WrongType(Path(name), "a boolean", Describe(value)),
    };

    /// <summary>The most tokens to generate; -1 is "as many as fit", as llama.cpp and Ollama have it.</summary>
    public int? MaxTokens(string name) => Any(name) is { } value && TryInteger(value, out var number) && number == -1 ? int.MaxValue
        : Integer(name, 1, int.MaxValue);

    public int? Integer(string name, int min, int max) => (int?)Long(name, min, max);

    public long? Long(string name, long min, long max)
    {
        if (Any(name) is not { } value)
            return null;
        if (!TryInteger(value, out var number))
            throw ApiException.WrongType(Path(name), "an integer", Describe(value));
        return number >= min && number <= max ? number : throw OutOfRange(Path(name), value, min, max);
    }

    /// <summary>A whole number, also written as 2.0 or 2e0: clients of languages that know one kind of number send such.</summary>
    public static bool TryInteger(JsonElement value, out long number)
    {
        number = 0;
        if (value.ValueKind != JsonValueKind.Number)
            return false;
        if (value.TryGetInt64(out number))
            return true;
        const double exact = 1L << 53;
        if (!value.TryGetDouble(out var written) || written != Math.Floor(written) || Math.Abs(written) > exact)
            return false;
        number = (long)written;
        return true;
    }

    public float? Number(string name, float min, float max)
    {
        if (Any(name) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.Number)
            throw ApiException.WrongType(Path(name), "a number", Describe(value));
        return value.GetDouble() is var number && number >= min && number <= max ? (float)number
            : throw OutOfRange(Path(name), value, min, max);
    }

    public Fields? Object(string name) => Any(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new Fields(value, Path(name)),
        { } value => throw ApiException.WrongType(Path(name), "an object", Describe(value)),
    };

    /// <summary>How many items an array field has; 0 for any other value.</summary>
    public int Count(string name) => Any(name) is { ValueKind: JsonValueKind.Array } array ? array.GetArrayLength() : 0;

    /// <summary>The items of an array field; empty when absent.</summary>
    public IReadOnlyList<JsonElement> Array(string name) => Any(name) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } value => [.. value.EnumerateArray()],
        { } value => throw ApiException.WrongType(Path(name), "an array", Describe(value)),
    };

    public IEnumerable<JsonProperty> Properties => element.EnumerateObject();

    /// <summary>A string's characters; JSON may hold half a surrogate pair, which no tokenizer can take.</summary>
    public static string ReadText(JsonElement value, string path)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Invalid(path, $"Invalid '{path}': the string is not valid Unicode.");
        }
    }

    public static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => value.GetRawText() is { Length: <= 40 } text ? $"the number {text}" : "a number",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        _ => "null",
    };

    static ApiException OutOfRange(string path, JsonElement value, object min, object max) =>
        ApiException.Invalid(path, string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"Invalid '{path}': {(value.GetRawText() is { Length: <= 40 } t ? t : "the number")} lies outside {min} … {max}."),
                "out_of_range");
}
