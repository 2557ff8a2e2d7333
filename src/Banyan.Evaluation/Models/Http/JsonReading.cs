using System.Text.Json;

namespace Banyan.Evaluation.Models.Http;

/// <summary>Reads a service's response; anything undocumented is a <see cref="ModelException"/> that shows it.</summary>
static class JsonReading
{
    public static JsonElement? Get(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
        && value.ValueKind is not JsonValueKind.Null ? value : null;

    public static JsonElement? First(this JsonElement? element) =>
        element is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() > 0 ? array[0] : null;

    public static string? Text(this JsonElement? element) => element is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    public static int? Number(this JsonElement? element) =>
        element is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var value) ? value : null;

    public static string Need(this string? text, string what, JsonElement answer) =>
        text ?? throw new ModelException(
            $"the service's answer has no {what}: {(answer.GetRawText() is var raw && raw.Length > 200 ? raw[..200] + "…" : raw)}");
}
