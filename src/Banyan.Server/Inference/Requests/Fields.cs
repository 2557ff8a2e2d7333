using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Requests;

/// <summary>
/// Reads a JSON object field by field, so that every mistake is answered with the name of the field, what was expected and what
/// came. A field that is null counts as absent; unknown fields are ignored, as OpenAI's clients expect.
/// </summary>
readonly struct Fields(JsonElement element, string path = "")
{
    const int MaxDepth = 64;

    /// <summary>The request's body as an object.</summary>
    /// <exception cref="ApiException">No JSON, or no object.</exception>
    public static async Task<Fields> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(request.Body, new() { MaxDepth = MaxDepth }, cancellationToken);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new Fields(document.RootElement.Clone())
                : throw new ApiException(400, $"The request's body must be a JSON object, but it is {Describe(document.RootElement)}.");
        }
        catch (JsonException e)
        {
            throw new ApiException(400, $"The request's body is not valid JSON: {e.Message}", code: "invalid_json");
        }
        catch (InvalidOperationException e) when (e.InnerException is System.Text.DecoderFallbackException)
        {
            throw new ApiException(400, "The request's body is not valid UTF-8.", code: "invalid_json");
        }
    }

    public string Path(string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>The field's value; null when absent or JSON null.</summary>
    public JsonElement? Any(string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

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

    public int? Integer(string name, int min, int max) => (int?)Long(name, min, max);

    public long? Long(string name, long min, long max)
    {
        if (Any(name) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var number))
            throw ApiException.WrongType(Path(name), "an integer", Describe(value));
        return number >= min && number <= max ? number : throw OutOfRange(Path(name), value, min, max);
    }

    public float? Number(string name, float min, float max)
    {
        if (Any(name) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.Number)
            throw ApiException.WrongType(Path(name), "a number", Describe(value));
        return value.GetDouble() is var number && number >= min && number <= max ? (float)number : throw OutOfRange(Path(name), value, min, max);
    }

    public Fields? Object(string name) => Any(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new Fields(value, Path(name)),
        { } value => throw ApiException.WrongType(Path(name), "an object", Describe(value)),
    };

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
            $"Invalid '{path}': {(value.GetRawText() is { Length: <= 40 } t ? t : "the number")} lies outside {min} … {max}."), "out_of_range");
}
