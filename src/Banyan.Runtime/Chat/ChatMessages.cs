using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Prompts;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Chat;

/// <summary>From Microsoft.Extensions.AI's records to the engine's.</summary>
internal static class ChatMessages
{
    // Microsoft's own, which knows what arguments hold also where nothing is found by reflection.
    static readonly JsonTypeInfo s_arguments = AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(IDictionary<string, object?>));

    /// <summary>Messages as templates read them: OpenAI's JSON, with arguments of tool calls as objects.</summary>
    /// <exception cref="NotSupportedException">A message holds an image or another content that is not text.</exception>
    public static JsonArray ToJson(IEnumerable<ChatMessage> messages, string? instructions)
    {
        var array = new JsonArray();
        if (!string.IsNullOrEmpty(instructions))
            array.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = instructions });
        foreach (var message in messages)
        {
            foreach (var result in message.Contents.OfType<FunctionResultContent>())
                array.Add((JsonNode)new JsonObject
                {
                    ["role"] = "tool",
                    ["tool_call_id"] = result.CallId,
                    ["content"] = ResultText(result.Result)
                });
            if (message.Contents.FirstOrDefault(c => c is DataContent or UriContent) is { } other)
                throw new NotSupportedException($"this model reads text; a message holds {other.GetType().Name}");
            if (message.Role == ChatRole.Tool)
                continue;
            var json = new JsonObject { ["role"] = message.Role.Value, ["content"] = message.Text };
            if (string.Concat(message.Contents.OfType<TextReasoningContent>().Select(r => r.Text)) is { Length: > 0 } thought)
                json["reasoning_content"] = thought;
            var calls = message.Contents.OfType<FunctionCallContent>().Select(call => (JsonNode)new JsonObject
            {
                ["id"] = call.CallId,
                ["type"] = "function",
                ["function"] = new JsonObject
                {
                    ["name"] = call.Name,
                    ["arguments"] = JsonSerializer.SerializeToNode(call.Arguments ?? new Dictionary<string, object?>(), s_arguments)
                },
            }).ToArray();
            if (calls.Length > 0)
                json["tool_calls"] = new JsonArray(calls);
            array.Add((JsonNode)json);
        }
        return array;
    }

    /// <summary>Tools as templates read them; null without any.</summary>
    public static JsonArray? ToJson(IEnumerable<AITool>? tools)
    {
        var functions = tools?.OfType<AIFunctionDeclaration>().Select(tool => (JsonNode)new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = tool.Name,
                ["description"] = tool.Description,
                ["parameters"] = JsonNode.Parse(tool.JsonSchema.GetRawText())
            },
        }).ToArray();
        return functions is { Length: > 0 } ? new JsonArray(functions) : null;
    }

    /// <summary>A conversation and its options as the next turn.</summary>
    /// <exception cref="NotSupportedException">A message holds an image or another content that is not text.</exception>
    /// <exception cref="GrammarException">The schema of the answer cannot be enforced.</exception>
    public static TurnRequest ToTurn(IEnumerable<ChatMessage> messages, ChatOptions? options) => new()
    {
        Messages = ToJson(messages, options?.Instructions),
        Tools = ToJson(options?.Tools) ?? [],
        Use = options?.ToolMode switch { NoneChatToolMode => ToolUse.None, RequiredChatToolMode => ToolUse.Required, _ => ToolUse.Auto },
        Named = (options?.ToolMode as RequiredChatToolMode)?.RequiredFunctionName,
        Several = options?.AllowMultipleToolCalls ?? true,
        Thinks = options?.Reasoning?.Effort is { } effort ? effort != ReasoningEffort.None : null,
        Effort = options?.Reasoning?.Effort switch
        {
            null or ReasoningEffort.None => null,
            ReasoningEffort.Low => "low",
            ReasoningEffort.Medium => "medium",
            _ => "high",
        },
        Options = ToGeneration(options),
    };

    /// <summary>A call for middlewares to execute; text if it was truncated, since a middleware would execute the incomplete
    /// call.</summary>
    public static AIContent ToContent(ToolCall call)
    {
        var id = call.Id ?? $"call_{Guid.NewGuid():n}";
        try
        {
            return new FunctionCallContent(id, call.Name,
                (IDictionary<string, object?>?)JsonSerializer.Deserialize(call.Arguments, s_arguments));
        }
        catch (JsonException)
        {
            return new TextContent(call.Arguments);
        }
    }

    /// <summary>Options; <c>min_p</c> and <c>repetition_penalty</c> come from the additional properties.</summary>
    /// <exception cref="GrammarException">The schema of the answer cannot be enforced.</exception>
    public static GenerationOptions ToGeneration(ChatOptions? options)
    {
        var defaults = new GenerationOptions();
        if (options is null)
            return defaults;
        return defaults with
        {
            Grammar = options.ResponseFormat is ChatResponseFormatJson json ? json.Schema is { } schema
                ? Grammar.JsonSchema(schema) : Grammar.JsonObject() : null,
            MaxTokens = options.MaxOutputTokens ?? defaults.MaxTokens,
            Temperature = options.Temperature ?? defaults.Temperature,
            TopP = options.TopP ?? defaults.TopP,
            TopK = options.TopK ?? defaults.TopK,
            MinP = Additional("min_p", defaults.MinP),
            RepetitionPenalty = Additional("repetition_penalty", defaults.RepetitionPenalty),
            PresencePenalty = options.PresencePenalty ?? defaults.PresencePenalty,
            FrequencyPenalty = options.FrequencyPenalty ?? defaults.FrequencyPenalty,
            Seed = options.Seed is { } seed ? unchecked((ulong)seed) : null,
            Stop = [.. options.StopSequences ?? []],
        };

        float Additional(string name, float fallback) => options.AdditionalProperties?.TryGetValue(name, out var value) == true
            ? Convert.ToSingle(value, System.Globalization.CultureInfo.InvariantCulture)
            : fallback;
    }

    static string ResultText(object? result) => result switch
    {
        null => "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } element => element.GetString()!,
        _ => JsonSerializer.Serialize(result, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(object))),
    };
}
