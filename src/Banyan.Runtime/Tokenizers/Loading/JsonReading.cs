using System.Text.Json;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>Reads the fields of a tokenizer's JSON files; errors name the field that is missing or has the wrong type.</summary>
static class JsonReading
{
    /// <summary>Parses a file; its root must be an object.</summary>
    public static JsonElement Parse(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            using var document = JsonDocument.Parse(stream,
                new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new ModelFileException(path, "it does not hold a JSON object; the file is damaged");
        }
        catch (JsonException e)
        {
            throw new ModelFileException(path, WrongFile.Recognise(path) ?? $"it is not JSON: {JsonProblem.Of(e)}", e);
        }
        catch (IOException e)
        {
            throw new ModelFileException(path, $"it cannot be read: {SystemProblem.Of(e)}", e);
        }
    }

    /// <summary>A field that may be missing; JSON's null counts as missing.</summary>
    public static JsonElement? Field(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string? Text(this JsonElement element, string name, string path) => element.Field(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        var value => throw Mistyped(name, "a string", value.Value, path),
    };

    public static bool Flag(this JsonElement element, string name, bool fallback, string path) => element.Field(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        var value => throw Mistyped(name, "true or false", value.Value, path),
    };

    public static IEnumerable<JsonElement> Items(this JsonElement element, string name, string path) => element.Field(name) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } value => value.EnumerateArray(),
        var value => throw Mistyped(name, "a list", value.Value, path),
    };

    public static ModelFileException Mistyped(string name, string wanted, JsonElement value, string path) =>
        new(path, $"'{name}' is {Shorten(value)}, where {wanted} is needed; the file is damaged");

    public static string Shorten(JsonElement value) => value.GetRawText() is { Length: > 60 } text ? text[..60] + "…" : value.GetRawText();
}
