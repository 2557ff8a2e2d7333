using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Models.Http;

/// <summary>A model behind the Gemini API: <c>models/NAME:generateContent</c>. The key is sent in a header, never in the address.</summary>
sealed class GeminiModel : EvaluatedModel
{
    static readonly HashSet<PromptKind> s_kinds = [PromptKind.Chat];

    readonly ModelEndpoint _endpoint;
    readonly string _name;

    public GeminiModel(Uri address, string name, string? key, RetryPolicy? retry = null)
    {
        _endpoint = new(address, headers => headers.Add("x-goog-api-key", key), key, retry);
        _name = name;
    }

    public override string Name => _name;

    public override Task<string?> OriginAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(_endpoint.Address);

    public override int Parallel => 8;

    public override Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<PromptKind>>(s_kinds);

    public override async Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken)
    {
        var configuration = new JsonObject { ["temperature"] = sampling.Temperature, ["maxOutputTokens"] = sampling.MaxTokens };
        if (sampling.TopP < 1)
            configuration["topP"] = sampling.TopP;
        if (sampling.Seed is { } seed)
            configuration["seed"] = seed + sample;
        if (prompt.Stop.Count > 0)
            configuration["stopSequences"] = new JsonArray([.. prompt.Stop.Take(5).Select(s => JsonValue.Create(s))]);
        var body = new JsonObject { ["contents"] = new JsonArray(Content("user", prompt.Text)), ["generationConfig"] = configuration };
        if (prompt.System is { } system)
            body["systemInstruction"] = new JsonObject { ["parts"] = new JsonArray(new JsonObject { ["text"] = system }) };

        var (answer, seconds, _, notAccepted) = await _endpoint.SendAsync($"models/{Uri.EscapeDataString(_name)}:generateContent", body,
            sampling.Temperature == 0 ? [(configuration, "temperature", "temperature 0")] : [], cancellationToken);
        var candidate = answer.Get("candidates").First();
        // Blocked prompts have no candidate, blocked answers no content: both are answers, and wrong ones.
        var blocked = answer.Get("promptFeedback")?.Get("blockReason").Text();
        var finish = candidate?.Get("finishReason").Text() ?? blocked;
        var parts = candidate?.Get("content")?.Get("parts") is { ValueKind: JsonValueKind.Array } array
            ? array.EnumerateArray().Where(p => p.Get("thought") is not { ValueKind: JsonValueKind.True })
            .Select(p => p.Get("text").Text()) : [];
        if (candidate is null && blocked is null)
            ((string?)null).Need("candidates[0]", answer);
        var usage = answer.Get("usageMetadata");
        return new(string.Concat(parts), answer.Get("modelVersion").Text().Need("modelVersion", answer))
        {
            NotAccepted = notAccepted,
            Finish = finish switch { "STOP" => "stop", "MAX_TOKENS" => "length", _ => finish },
            PromptTokens = usage?.Get("promptTokenCount").Number(),
            // Thoughts are charged as output.
            AnswerTokens = usage?.Get("candidatesTokenCount").Number() is { } tokens
                ? tokens + (usage?.Get("thoughtsTokenCount").Number() ?? 0) : usage?.Get("thoughtsTokenCount").Number(),
            Seconds = seconds,
        };
    }

    static JsonObject Content(string role, string text) =>
        new() { ["role"] = role, ["parts"] = new JsonArray(new JsonObject { ["text"] = text }) };

    public override ValueTask DisposeAsync()
    {
        _endpoint.Dispose();
        return base.DisposeAsync();
    }
}
