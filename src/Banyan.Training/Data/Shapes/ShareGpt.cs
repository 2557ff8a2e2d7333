using System.Text.Json.Nodes;

namespace Banyan.Training.Data.Shapes;

/// <summary>
/// ShareGPT's conversations: <c>from</c> and <c>value</c>, with roles of other names; also under <c>messages</c>, and with OpenAI's keys.
/// </summary>
static class ShareGpt
{
    static readonly Dictionary<string, string> s_roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["human"] = "user",
        ["user"] = "user",
        ["gpt"] = "assistant",
        ["assistant"] = "assistant",
        ["model"] = "assistant",
        ["chatgpt"] = "assistant",
        ["bing"] = "assistant",
        ["bard"] = "assistant",
        ["system"] = "system",
        ["tool"] = "tool",
        ["observation"] = "tool",
        ["function_response"] = "tool",
        ["function_call"] = "call",
        ["tool_call"] = "call",
    };

    public static ChatExample Read(JsonObject record)
    {
        var turns = RecordShape.Need(record, "conversations", "conversation", "messages") as JsonArray
            ?? throw new RecordException("its 'conversations' are no list");
        var messages = new JsonArray();
        if (Conversation.Text(record["system"]) is { Length: > 0 } system)
            messages.Add((JsonNode)RecordShape.Message("system", system));
        foreach (var (i, turn) in turns.Index())
            messages.Add((JsonNode)Message(turn as JsonObject
                ?? throw new RecordException($"turn {i + 1} is {Conversation.Describe(turn)}, where an object is needed"), i + 1));
        return new(Conversation.Check(messages), RecordShape.Tools(record["tools"]));
    }

    /// <summary>One turn as a message.</summary>
    public static JsonObject Message(JsonObject turn, int number)
    {
        if (turn["role"] is not null && turn["from"] is null)
            return turn.DeepClone().AsObject();
        var from = Conversation.Text(turn["from"]) ?? throw new RecordException($"turn {number} has no 'from'");
        var value = Conversation.Text(turn["value"]) ?? throw new RecordException($"turn {number} has no text under 'value'");
        if (!s_roles.TryGetValue(from, out var role))
            throw new RecordException($"turn {number} is from '{from}', where {string.Join(", ", s_roles.Keys)} are known");
        var message = RecordShape.Message(role == "call" ? "assistant" : role, role == "call" ? null : value);
        if (role == "call")
            message["tool_calls"] = Call(value, number);
        if (turn["weight"] is { } weight)
            message["weight"] = weight.DeepClone();
        return message;
    }

    // One call, or a list of them, as JSON in a text.
    static JsonArray Call(string value, int number)
    {
        try
        {
            var parsed = JsonNode.Parse(value);
            var calls = parsed is JsonArray list ? list.ToList() : [parsed];
            return new([.. calls.Select(c => c is JsonObject call && call["name"] is not null
                ? (JsonNode)new JsonObject { ["type"] = "function", ["function"] = call.DeepClone() }
                : throw new RecordException($"turn {number} calls a tool without its name"))]);
        }
        catch (System.Text.Json.JsonException)
        {
            throw new RecordException($"turn {number} calls a tool, but its value is no JSON");
        }
    }
}
