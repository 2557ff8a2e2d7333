using System.Text.Json;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Ollama;

/// <summary>Fields that several of Ollama's requests have.</summary>
static class OllamaFields
{
    /// <summary>How long the model is to stay; null if the request does not say.</summary>
    /// <exception cref="ApiException">It is not a duration.</exception>
    public static TimeSpan? ReadKeepAlive(Fields fields) => fields.Any("keep_alive") switch
    {
        null => null,
        { ValueKind: JsonValueKind.String or JsonValueKind.Number } value =>
            KeepAlive.TryParse(value.ValueKind == JsonValueKind.String ? Fields.ReadText(value, "keep_alive")
                : value.GetRawText(), out var span) ? span
            : throw ApiException.Invalid("keep_alive",
                "Invalid 'keep_alive': a duration like \"5m\" or \"1h30m\", or a number of seconds is needed; 0 unloads at once, less than 0 never."),
        { } other => throw ApiException.WrongType("keep_alive", "a duration as a string or a number of seconds", Fields.Describe(other)),
    };
}
