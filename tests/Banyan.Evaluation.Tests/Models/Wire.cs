using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Models.Http;

namespace Banyan.Evaluation.Tests.Models;

/// <summary>
/// The three services' request and answer as their references document them (OpenAI "Create chat completion", Gemini
/// "models.generateContent", Anthropic "Create a Message"): a request with an unknown member, a wrong type or without its key is refused,
/// as the services do.
/// </summary>
sealed record Wire(string Service, Func<Uri, RetryPolicy, EvaluatedModel> Open, Func<Received, string?> Problem,
    Func<string, string, string> Answer)
{
    public const string Key = "sk-secret-0123456789", Model = "the-model-1";

    public override string ToString() => Service;

    public static IReadOnlyList<Wire> All { get; } =
    [
        new("openai", (address, retry) => new OpenAiModel(new(address, "v1"), Model, Key, isOpenAi: true, retry), OpenAiProblem,
            (text, model) => new JsonObject
        {
            ["id"] = "chatcmpl-1",
            ["object"] = "chat.completion",
            ["created"] = 1,
            ["model"] = model,
            ["system_fingerprint"] = "fp_1",
            ["choices"] =
                new JsonArray(new JsonObject { ["index"] = 0,
                    ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = text, ["refusal"] = null },
                    ["finish_reason"] = "stop" }),
            ["usage"] = new JsonObject { ["prompt_tokens"] = 11, ["completion_tokens"] = 22, ["total_tokens"] = 33 },
        }.ToJsonString()),
        new("gemini", (address, retry) => new GeminiModel(new(address, "v1beta"), Model, Key, retry), GeminiProblem,
            (text, model) => new JsonObject
        {
            ["candidates"] = new JsonArray(new JsonObject
            {
                ["content"] = new JsonObject { ["role"] = "model",
                    ["parts"] = new JsonArray(new JsonObject { ["text"] = "thinking", ["thought"] = true },
                        new JsonObject { ["text"] = text }) },
                ["finishReason"] = "STOP",
            }),
            ["usageMetadata"] = new JsonObject { ["promptTokenCount"] = 11, ["candidatesTokenCount"] = 20, ["thoughtsTokenCount"] = 2 },
            ["modelVersion"] = model,
        }.ToJsonString()),
        new("anthropic", (address, retry) => new AnthropicModel(new(address, "v1"), Model, Key, retry), AnthropicProblem,
            (text, model) => new JsonObject
        {
            ["id"] = "msg_1",
            ["type"] = "message",
            ["role"] = "assistant",
            ["model"] = model,
            ["content"] = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = text }),
            ["stop_reason"] = "end_turn",
            ["stop_sequence"] = null,
            ["usage"] = new JsonObject { ["input_tokens"] = 11, ["output_tokens"] = 22 },
        }.ToJsonString()),
    ];

    static string? OpenAiProblem(Received request) =>
        request.Path != "/v1/chat/completions" ? "path" : request.Headers.GetValueOrDefault("Authorization") != $"Bearer {Key}" ? "key"
        : Members(request.Body, "model:String", "messages:Array", "temperature:Number", "top_p:Number", "max_completion_tokens:Number",
            "seed?:Number", "stop?:Array")
        ?? EachMessage(request.Body, "system", "user");

    static string? GeminiProblem(Received request)
    {
        if (request.Path != $"/v1beta/models/{Model}:generateContent" || request.Headers.GetValueOrDefault("x-goog-api-key") != Key)
            return "path or key";
        var body = JsonNode.Parse(request.Body)!;
        return Members(request.Body, "contents:Array", "generationConfig:Object", "systemInstruction?:Object")
            ?? Members(body["generationConfig"]!.ToJsonString(), "temperature:Number", "topP:Number", "maxOutputTokens:Number",
                "seed?:Number", "stopSequences?:Array")
            ?? Members(body["contents"]![0]!.ToJsonString(), "role:String", "parts:Array")
            ?? Members(body["contents"]![0]!["parts"]![0]!.ToJsonString(), "text:String");
    }

    static string? AnthropicProblem(Received request) =>
        request.Path != "/v1/messages" || request.Headers.GetValueOrDefault("x-api-key") != Key
        || request.Headers.GetValueOrDefault("anthropic-version") != "2023-06-01" ? "path, key or version"
        : Members(request.Body, "model:String", "max_tokens:Number", "messages:Array", "temperature:Number", "top_p?:Number",
            "system?:String", "stop_sequences?:Array")
        ?? EachMessage(request.Body, "user", "assistant");

    static string? EachMessage(string body, params string[] roles) => JsonNode.Parse(body)!["messages"]!.AsArray()
        .Select(m => Members(m!.ToJsonString(), "role:String", "content:String")
            ?? (roles.Contains(m["role"]!.GetValue<string>()) ? null : "role")).FirstOrDefault(p => p is not null);

    /// <summary>Exactly these members, with these types; <c>?</c> marks one that may be missing.</summary>
    static string? Members(string json, params string[] expected)
    {
        using var document = JsonDocument.Parse(json);
        var known = expected.Select(e => e.Split(':'))
            .ToDictionary(e => e[0].TrimEnd('?'), e => (Type: e[1], Optional: e[0].EndsWith('?')));
        foreach (var member in document.RootElement.EnumerateObject())
            if (!known.TryGetValue(member.Name, out var wanted) || member.Value.ValueKind.ToString() != wanted.Type)
                return $"member {member.Name}: {member.Value.ValueKind}";
        return known.FirstOrDefault(k => !k.Value.Optional && !document.RootElement.TryGetProperty(k.Key, out _)).Key is { } missing
            ? $"no {missing}" : null;
    }
}
