using System.Text.Json;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Ollama;

/// <summary>Fields that several of Ollama's requests have.</summary>
static class OllamaFields
{
    /// <summary>Checks how long the model is to stay.</summary>
    public static void ReadKeepAlive(Fields fields)
    {
        if (fields.Any("keep_alive") is { ValueKind: not (JsonValueKind.String or JsonValueKind.Number) } other)
            throw ApiException.WrongType("keep_alive", "a duration as a string or a number of seconds", Fields.Describe(other));
    }
}
