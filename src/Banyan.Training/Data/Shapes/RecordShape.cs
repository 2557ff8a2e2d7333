using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Training.Data.Shapes;

/// <summary>Turns a record of any format into an example.</summary>
static class RecordShape
{
    /// <exception cref="RecordException">The record is not in that format, or is empty.</exception>
    public static Example Read(DataFormat format, JsonObject record) => format switch
    {
        DataFormat.Chat => new ChatExample(Conversation.Check(Need(record, "messages")), Tools(record["tools"])),
        DataFormat.ShareGpt => ShareGpt.Read(record),
        DataFormat.Alpaca => Alpaca(record),
        DataFormat.Completion => Completion(record),
        DataFormat.Preference => Preference.Read(record),
        DataFormat.Text => Text(record),
        _ => throw new RecordException($"a record cannot be {format}"),
    };

    /// <summary>A key's value.</summary>
    public static JsonNode Need(JsonObject record, params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
            if (record[key] is { } node)
                return node;
        throw new RecordException(
            $"it has no '{keys[0]}'; its keys are {(record.Count == 0 ? "none" : string.Join(", ", record.Select(p => p.Key).Take(8)))}");
    }

    /// <summary>A key's text.</summary>
    public static string NeedText(JsonObject record, params ReadOnlySpan<string> keys) =>
        Conversation.Text(Need(record, keys))
        ?? throw new RecordException($"its '{keys[0]}' is {Conversation.Describe(Need(record, keys))}, where a text is needed");

    /// <summary>Tools: a list, or a text with one.</summary>
    public static JsonArray? Tools(JsonNode? tools)
    {
        try
        {
            return tools switch
            {
                null => null,
                JsonArray list => list.Count == 0 ? null : list.DeepClone().AsArray(),
                _ when Conversation.Text(tools) is { } text => text.Trim().Length == 0 ? null : JsonNode.Parse(text) is JsonArray list
                    ? (list.Count == 0 ? null : list) : throw new RecordException("its 'tools' hold no list"),
                _ => throw new RecordException($"its 'tools' are {Conversation.Describe(tools)}, where a list is needed"),
            };
        }
        catch (JsonException e)
        {
            throw new RecordException($"its 'tools' are no JSON: {JsonProblem.Of(e)}");
        }
    }

    /// <summary>A message.</summary>
    public static JsonObject Message(string role, string? content) => new() { ["role"] = role, ["content"] = content };

    static TextExample Text(JsonObject record) =>
        NeedText(record, "text", "content") is var text && string.IsNullOrWhiteSpace(text)
        ? throw new RecordException("its text is empty") : new(text);

    static ChatExample Alpaca(JsonObject record)
    {
        var messages = new JsonArray();
        if (Conversation.Text(record["system"]) is { Length: > 0 } system)
            messages.Add((JsonNode)Message("system", system));
        // What was said before, in pairs, as LLaMA-Factory has it.
        foreach (var turn in record["history"] as JsonArray ?? [])
            if (turn is JsonArray { Count: 2 } pair && Conversation.Text(pair[0]) is { } asked
                && Conversation.Text(pair[1]) is { } answered)
            {
                messages.Add((JsonNode)Message("user", asked));
                messages.Add((JsonNode)Message("assistant", answered));
            }
            else
                throw new RecordException("its 'history' is no list of pairs of texts");
        var (instruction, input) = (Conversation.Text(record["instruction"]) ?? "", Conversation.Text(record["input"]) ?? "");
        messages.Add((JsonNode)Message("user",
            input.Length == 0 ? instruction : instruction.Length == 0 ? input : $"{instruction}\n{input}"));
        messages.Add((JsonNode)Message("assistant", NeedText(record, "output", "response")));
        return new(Conversation.Check(messages), null);
    }

    static Example Completion(JsonObject record)
    {
        var (prompt, completion) = (Need(record, "prompt"), Need(record, "completion", "response", "answer"));
        if (prompt is JsonArray asked)
            return Chat(asked, completion as JsonArray
                ?? throw new RecordException("its prompt is a list of messages, its completion is not"), Tools(record["tools"]));
        return Plain(NeedText(record, "prompt"), NeedText(record, "completion", "response", "answer"));
    }

    /// <summary>Texts, of which the completion must not be empty.</summary>
    public static CompletionExample Plain(string prompt, string completion) => completion.Length == 0
        ? throw new RecordException("its completion is empty")
        : new(prompt, completion);

    /// <summary>A conversation in which only the messages of <paramref name="answer"/> are targets.</summary>
    public static ChatExample Chat(JsonArray prompt, JsonArray answer, JsonArray? tools)
    {
        var messages = new JsonArray();
        foreach (var message in prompt)
            messages.Add(message?.DeepClone());
        foreach (var message in answer)
            messages.Add(message?.DeepClone());
        var plain = Conversation.Check(messages);
        for (var i = 0; i < prompt.Count; i++)
            plain[i]!["weight"] = 0;
        return new(plain, tools);
    }
}
