using System.Text.Json;

namespace Banyan.Runtime.Conversations;

/// <summary>A function that a model can ask for.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">The JSON Schema of its arguments; null for none.</param>
/// <param name="Strict">Whether arguments that the schema does not allow must be impossible; otherwise a schema that cannot be enforced becomes any object.</param>
public sealed record Tool(string Name, JsonElement? Parameters, bool Strict = false)
{
    /// <summary>Whether a parameter is a string and nothing else, so that formats without JSON write it as it is.</summary>
    internal bool IsText(string parameter) => Property(parameter) is { } schema
        && schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.GetString() == "string";

    internal bool Knows(string parameter) => Property(parameter) is not null;

    JsonElement? Property(string name) =>
        Parameters is { ValueKind: JsonValueKind.Object } schema && schema.TryGetProperty("properties", out var properties)
        && properties.ValueKind == JsonValueKind.Object && properties.TryGetProperty(name, out var property) && property.ValueKind == JsonValueKind.Object
            ? property : null;
}

/// <summary>Whether an answer calls tools.</summary>
public enum ToolUse
{
    /// <summary>As the model likes.</summary>
    Auto,

    /// <summary>Not at all.</summary>
    None,

    /// <summary>At least one.</summary>
    Required,
}

/// <summary>Where a prompt leaves the reasoning of the answer that it begins.</summary>
public enum ReasoningState
{
    /// <summary>The model may begin it.</summary>
    Possible,

    /// <summary>The prompt ends within it.</summary>
    Begun,

    /// <summary>It has ended, or is not wanted: the answer has none.</summary>
    Over,
}

/// <summary>What a part of an answer is.</summary>
public enum AnswerPartKind
{
    /// <summary>Text for the user.</summary>
    Text,

    /// <summary>The model's reasoning.</summary>
    Reasoning,

    /// <summary>A call begins; the text is the tool's name.</summary>
    Call,

    /// <summary>The next characters of the call's arguments, which are JSON.</summary>
    Arguments,
}

/// <summary>A part of an answer, as it is generated.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The next characters.</param>
/// <param name="Call">The call's number, from 0; -1 for text and reasoning.</param>
public readonly record struct AnswerPart(AnswerPartKind Kind, string Text, int Call = -1);

/// <summary>A call that a model asks for.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">JSON.</param>
/// <param name="Id">What the model called it; null where its format has no ids.</param>
public sealed record ToolCall(string Name, string Arguments, string? Id = null);
