using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Training.Data;

/// <summary>Messages as in OpenAI's API, checked and made plain.</summary>
static class Conversation
{
    static readonly HashSet<string> s_roles = ["system", "developer", "user", "assistant", "tool"];

    /// <summary>
    /// Messages whose roles are in order, with texts as contents: system, then user and assistant (and its tools) alternating, the
    /// assistant last.
    /// </summary>
    /// <exception cref="RecordException">They are not in that order.</exception>
    public static JsonArray Check(JsonNode? list)
    {
        if (list is not JsonArray { Count: > 0 } messages)
            throw new RecordException("the list of messages is empty or missing");
        var plain = new JsonArray();
        var before = "";
        foreach (var (i, node) in messages.Index())
        {
            var message = node as JsonObject
                ?? throw new RecordException($"message {i + 1} is {Describe(node)}, where an object with role and content is needed");
            var role = Text(message["role"]) ?? throw new RecordException($"message {i + 1} has no role");
            role = role == "function" ? "tool" : role;
            if (!s_roles.Contains(role))
                throw new RecordException($"message {i + 1} has the role '{role}', where {string.Join(", ", s_roles)} are known");
            if (!Follows(before, role))
                throw new RecordException(
                    $"roles are out of order: message {i + 1} is {Whose(role)}, {(before.Length == 0 ? "and the first" : $"after {Whose(before)}")}");
            plain.Add((JsonNode)Plain(message, role, i + 1));
            before = role == "assistant" && Calls(message) ? "calls" : role;
        }
        return before == "assistant" ? plain
            : throw new RecordException($"the last message is {Whose(before)}: the assistant's answer is missing");
    }

    /// <summary>Whether an assistant message is a target.</summary>
    public static bool IsTarget(JsonNode? message) =>
        message is JsonObject o && Text(o["role"]) == "assistant"
        && !(o["weight"] is JsonValue weight && weight.TryGetValue<double>(out var w) && w == 0);

    /// <summary>A JSON string's text; null for anything else.</summary>
    public static string? Text(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    // "calls" stands for an assistant who waits for its tools.
    static bool Follows(string before, string role) => role switch
    {
        "system" or "developer" => before is "",
        "user" => before is "" or "system" or "developer" or "assistant",
        "assistant" => before is "user" or "tool",
        _ => before is "calls" or "tool",
    };

    static string Whose(string role) => role == "calls" ? "the assistant's call of a tool" : $"the {role}'s";

    static bool Calls(JsonObject message) => message["tool_calls"] is JsonArray { Count: > 0 };

    static JsonObject Plain(JsonObject message, string role, int number)
    {
        var plain = message.DeepClone().AsObject();
        plain["role"] = role;
        if (plain["function_call"] is JsonObject call && plain["tool_calls"] is null)
        {
            plain.Remove("function_call");
            plain["tool_calls"] = new JsonArray(new JsonObject { ["type"] = "function", ["function"] = call });
        }
        var content = Content(plain["content"], number);
        if (string.IsNullOrWhiteSpace(content) && role is "user" or "assistant" && !Calls(plain))
            throw new RecordException($"message {number}, {Whose(role)}, is empty");
        plain["content"] = content;
        if (plain["tool_calls"] is null)
            plain.Remove("tool_calls");
        return plain;
    }

    // A text, or parts of it; pictures and sound are refused by name.
    static string? Content(JsonNode? content, int number) => content switch
    {
        null => null,
        JsonArray parts => string.Concat(parts.Select(part => Text(part?["type"]) is null or "text"
            ? Text(part as JsonObject is { } o ? o["text"] : part) ?? throw new RecordException($"message {number} has a part without text")
            : throw new RecordException($"message {number} has a part of type '{Text(part!["type"])}', where only text is learnt"))),
        _ => Text(content) ?? throw new RecordException($"message {number} has {Describe(content)} as its content, where a text is needed"),
    };

    /// <summary>What was found instead of the expected value.</summary>
    public static string Describe(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject => "an object",
        JsonArray => "a list",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => "a text",
        _ => node.ToJsonString() is { Length: <= 40 } text ? text : "a value",
    };
}
