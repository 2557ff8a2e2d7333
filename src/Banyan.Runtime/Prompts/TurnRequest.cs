using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;

namespace Banyan.Runtime.Prompts;

/// <summary>A request for the next turn of a conversation.</summary>
public sealed record TurnRequest
{
    /// <summary>Messages as templates read them: OpenAI's, with arguments of calls as JSON in a string or as objects.</summary>
    public required JsonArray Messages { get; init; }

    /// <summary>Tools as templates read them: OpenAI's; empty for none.</summary>
    public JsonArray Tools { get; init; } = [];

    /// <summary>Whether they are called.</summary>
    public ToolUse Use { get; init; }

    /// <summary>The only tool that can be called; null for any.</summary>
    public string? Named { get; init; }

    /// <summary>Whether an answer can hold several calls.</summary>
    public bool Several { get; init; } = true;

    /// <summary>Whether the model reasons before it answers; null leaves it to its template.</summary>
    public bool? Thinks { get; init; }

    /// <summary>The reasoning effort: "low", "medium", "high" or another value that the template knows.</summary>
    public string? Effort { get; init; }

    /// <summary>The maximum tokens of reasoning; 0 for none, null for any number.</summary>
    public int? ReasoningLimit { get; init; }

    /// <summary>
    /// What the answer begins with: an assistant's message to be continued. It has no reasoning then, no shape and no forced call.
    /// </summary>
    public string Prefill { get; init; } = "";

    /// <summary>Further variables of the template.</summary>
    public JsonObject Variables { get; init; } = [];

    /// <summary>How to sample; its grammar is the shape of the answer's text.</summary>
    public GenerationOptions Options { get; init; } = new();
}

/// <summary>Whether an answer calls tools.</summary>
public enum ToolUse
{
    /// <summary>The model decides.</summary>
    Auto,

    /// <summary>Never. The tools stay in the prompt, so that its prefix matches that of earlier turns.</summary>
    None,

    /// <summary>At least one.</summary>
    Required,
}
