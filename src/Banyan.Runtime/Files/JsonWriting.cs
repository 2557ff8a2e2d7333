using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Runtime.Files;

/// <summary>Writes JSON nodes and converts them to elements without reflection, so that it works in programs compiled ahead of
/// time.</summary>
internal static class JsonWriting
{
    static readonly JsonWriterOptions s_readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes it for people: indented, with text as it is.</summary>
    public static void WriteReadable(this JsonNode json, Stream stream)
    {
        using var writer = new Utf8JsonWriter(stream, s_readable);
        json.WriteTo(writer);
    }

    /// <summary>The same as an element, which is read faster and cannot be changed.</summary>
    public static JsonElement ToElement(this JsonNode json)
    {
        using var document = JsonDocument.Parse(json.ToJsonString(), new() { MaxDepth = 1000 });
        return document.RootElement.Clone();
    }
}
