using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Values;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;

namespace Banyan.Server.Inference.OpenAi.Chat;

/// <summary>Checks a conversation and brings it into the form that chat templates expect: text as one string.</summary>
static class Messages
{
    const int MaxMessages = 2048;

    public static JsonArray Read(Fields fields)
    {
        if (fields.Any("messages") is null)
            throw ApiException.Missing("messages");
        if (fields.Count("messages") > MaxMessages)
            throw ApiException.Invalid("messages",
                $"Invalid 'messages': {fields.Count("messages")} messages, expected 1 to {MaxMessages}.");
        var messages = fields.Array("messages");
        if (messages.Count == 0)
            throw ApiException.Invalid("messages", $"Invalid 'messages': 0 messages, expected 1 to {MaxMessages}.");
        var result = new JsonArray();
        for (var i = 0; i < messages.Count; i++)
        {
            var path = $"messages[{i}]";
            if (messages[i].ValueKind != JsonValueKind.Object)
                throw ApiException.WrongType(path, "an object", Fields.Describe(messages[i]));
            result.Add(ReadMessage(messages[i], new Fields(messages[i], path), result));
        }
        return result;
    }

    /// <summary>Takes the last message off, an assistant's, for its text to be continued.</summary>
    /// <exception cref="ApiException">It is not such a message.</exception>
    public static string TakeLast(JsonArray messages)
    {
        if (messages is not [.., JsonObject last] || (string?)last["role"] != "assistant" || last.ContainsKey("tool_calls")
            || (string?)last["content"] is not { Length: > 0 } text)
            throw ApiException.Invalid("continue_final_message",
                "'continue_final_message' needs a last message of the assistant with text and no calls.");
        messages.RemoveAt(messages.Count - 1);
        return messages.Count > 0 ? text
            : throw ApiException.Invalid("messages", "Invalid 'messages': there is nothing before the message that is to be continued.");
    }

    static JsonObject ReadMessage(JsonElement element, Fields message, JsonArray before)
    {
        var role = message.Text("role") ?? throw ApiException.Missing(message.Path("role"));
        if (role is not ("system" or "developer" or "user" or "assistant" or "tool"))
            throw ApiException.Invalid(message.Path("role"),
                $"Invalid '{message.Path("role")}': '{(role.Length > 40 ? role[..40] : role)}', expected system, developer, user, assistant or tool.");
        var toolCalls = message.Array("tool_calls");
        var content = ReadContent(message, Unseen.IsOfTool(role, before));
        // Null is what OpenAI's API, and this one, answers where tools are called; some clients leave the field out, or send back null
        // alone.
        if (content is null && !(role == "assistant" && (toolCalls.Count > 0 || message.Has("content")))
            && !(role == "tool" && message.Has("content")))
            throw ApiException.Missing(message.Path("content"));

        // Everything else of the message stays: templates read names, reasoning and call ids. Null is absence, which templates ask for by
        // `is defined`.
        var result = (JsonObject)ChatTemplate.ReadVariables(element)!;
        foreach (var (name, _) in result.Where(field => field.Value is null or JsonArray { Count: 0 }).ToList())
            result.Remove(name);
        result["role"] = role == "developer" ? "system" : role;
        result["content"] = content ?? "";
        for (var i = 0; i < toolCalls.Count; i++)
            CheckToolCall(toolCalls[i], message.Path($"tool_calls[{i}]"));
        return result;
    }

    static string? ReadContent(Fields message, bool isShown)
    {
        var path = message.Path("content");
        switch (message.Any("content"))
        {
            case null:
                return null;
            case { ValueKind: JsonValueKind.String } text:
                return Fields.ReadText(text, path);
            case { ValueKind: JsonValueKind.Array } parts:
                var texts = new List<string>();
                foreach (var part in parts.EnumerateArray())
                {
                    var fields = part.ValueKind == JsonValueKind.Object ? new Fields(part, $"{path}[{texts.Count}]")
                        : throw ApiException.WrongType($"{path}[{texts.Count}]", "an object", Fields.Describe(part));
                    if (fields.Text("type") is var type && type is not (null or "text" or "refusal") && isShown)
                    {
                        texts.Add(Unseen.Note(type));
                        continue;
                    }
                    if (type is not ("text" or "refusal"))
                        throw ApiException.Unsupported(fields.Path("type"),
                            $"Content of type '{type}' is not supported: the models here read text only.");
                    texts.Add(fields.Text(type) ?? throw ApiException.Missing(fields.Path(type)));
                }
                return string.Concat(texts);
            case { } other:
                throw ApiException.WrongType(path, "a string or an array of parts", Fields.Describe(other));
        }
    }

    /// <summary>
    /// A call has a function with a name; its arguments come as JSON in a string, which the prompt's maker reads as the template wants.
    /// </summary>
    static void CheckToolCall(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw ApiException.WrongType(path, "an object", Fields.Describe(element));
        var function = new Fields(element, path).Object("function") ?? throw ApiException.Missing($"{path}.function");
        _ = function.Text("name") ?? throw ApiException.Missing(function.Path("name"));
    }
}
