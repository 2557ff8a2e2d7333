using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Prompts;

/// <summary>A function that a model can ask for.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">The JSON Schema of its arguments; null for none.</param>
/// <param name="Strict">Whether arguments that the schema does not allow must be impossible; otherwise a schema that cannot be enforced
/// becomes any object.</param>
internal sealed record Tool(string Name, JsonElement? Parameters, bool Strict = false)
{
    /// <summary>Tools as OpenAI's API and templates have them.</summary>
    public static List<Tool> Read(JsonArray tools)
    {
        var result = new List<Tool>(tools.Count);
        foreach (var function in tools.Select(t => t?["function"]).OfType<JsonObject>())
            result.Add(new Tool((string)function["name"]!, function["parameters"]?.ToElement(),
                function["strict"] is JsonValue strict && strict.GetValueKind() == JsonValueKind.True));
        return result;
    }

    /// <summary>Whether a parameter is a string and nothing else, so that formats without JSON write it as it is.</summary>
    internal bool IsText(string parameter) => Property(parameter) is { } schema
        && schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.GetString() == "string";

    /// <summary>
    /// Lark's grammar of a parameter, which stands in its schema under a key of our own; null if it has none. The model sees it there, too.
    /// </summary>
    internal string? LarkOf(string parameter) =>
        Property(parameter) is { } schema && schema.TryGetProperty(Generation.Grammars.Grammar.LarkKey, out var grammar)
        && grammar.ValueKind == JsonValueKind.String ? grammar.GetString() : null;

    internal bool Knows(string parameter) => Property(parameter) is not null;

    JsonElement? Property(string name) =>
        Parameters is { ValueKind: JsonValueKind.Object } schema && schema.TryGetProperty("properties", out var properties)
        && properties.ValueKind == JsonValueKind.Object && properties.TryGetProperty(name, out var property)
        && property.ValueKind == JsonValueKind.Object
            ? property : null;
}

/// <summary>Where a prompt leaves the reasoning of the answer that it begins.</summary>
internal enum ReasoningState
{
    /// <summary>The model may begin it.</summary>
    Possible,

    /// <summary>The prompt ends within it.</summary>
    Begun,

    /// <summary>It has ended, or is not wanted: the answer has none.</summary>
    Over,
}

/// <summary>A call that a model asks for.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">JSON.</param>
/// <param name="Id">What the model called it; null if its format has no ids.</param>
internal sealed record ToolCall(string Name, string Arguments, string? Id = null);
