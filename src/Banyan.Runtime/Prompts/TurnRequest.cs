using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;

namespace Banyan.Runtime.Prompts;

/// <summary>What is wanted of the next turn of a conversation.</summary>
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

    /// <summary>How much: "low", "medium", "high" and what else a template knows.</summary>
    public string? Effort { get; init; }

    /// <summary>The most tokens of reasoning; 0 for none, null for any number.</summary>
    public int? ReasoningLimit { get; init; }

    /// <summary>What the answer begins with: an assistant's message to be continued. It has no reasoning then, no shape and no forced call.</summary>
    public string Prefill { get; init; } = "";

    /// <summary>Further variables of the template.</summary>
    public JsonObject Variables { get; init; } = [];

    /// <summary>How to sample; its grammar is the shape of the answer's text.</summary>
    public GenerationOptions Options { get; init; } = new();
}

/// <summary>Whether an answer calls tools.</summary>
public enum ToolUse
{
    /// <summary>As the model likes.</summary>
    Auto,

    /// <summary>Not at all. The tools stay in the prompt, so that it has the prefix of the turns before.</summary>
    None,

    /// <summary>At least one.</summary>
    Required,
}
