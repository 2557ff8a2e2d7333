using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Models.Http;

/// <summary>A model behind the Anthropic API: <c>/v1/messages</c>.</summary>
sealed class AnthropicModel : EvaluatedModel
{
    static readonly HashSet<PromptKind> s_kinds = [PromptKind.Chat];

    readonly ModelEndpoint _endpoint;
    readonly string _name;

    public AnthropicModel(Uri address, string name, string? key, RetryPolicy? retry = null)
    {
        _endpoint = new(address, headers => headers.Add("x-api-key", key), key, retry,
            headers => headers.Add("anthropic-version", "2023-06-01"));
        _name = name;
    }

    public override string Name => _name;

    public override Task<string?> OriginAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(_endpoint.Address);

    public override int Parallel => 4;

    public override bool TakesPrefill => true;

    public override Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<PromptKind>>(s_kinds);

    public override async Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken)
    {
        if (sampling.Temperature > 1)
            throw new ModelException($"temperature {sampling.Temperature}: Anthropic's API takes 0 to 1");
        var messages = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt.Text });
        if (prompt.Prefill is { } prefill)
            messages.Add((JsonNode)new JsonObject { ["role"] = "assistant", ["content"] = prefill.TrimEnd() });
        var body = new JsonObject
        {
            ["model"] = _name,
            ["max_tokens"] = sampling.MaxTokens,
            ["messages"] = messages,
            ["temperature"] = sampling.Temperature
        };
        // Newer models refuse both; 1 is the default.
        if (sampling.TopP < 1)
            body["top_p"] = sampling.TopP;
        if (prompt.System is { } system)
            body["system"] = system;
        if (prompt.Stop.Count > 0)
            body["stop_sequences"] = new JsonArray([.. prompt.Stop.Select(s => JsonValue.Create(s))]);

        var (answer, seconds, _, notAccepted) =
            await _endpoint.SendAsync("messages", body,
                sampling.Temperature == 0 ? [(body, "temperature", "temperature 0")] : [], cancellationToken);
        if (answer.Get("content") is not { ValueKind: JsonValueKind.Array } content)
            throw new ModelException(Missing(answer));
        var text = string.Concat(content.EnumerateArray().Where(b => b.Get("type").Text() == "text").Select(b => b.Get("text").Text()));
        var usage = answer.Get("usage");
        var finish = answer.Get("stop_reason").Text();
        return new(text, answer.Get("model").Text().Need("model", answer))
        {
            NotAccepted = notAccepted,
            Finish = finish switch { "end_turn" or "stop_sequence" => "stop", "max_tokens" => "length", _ => finish },
            PromptTokens = usage?.Get("input_tokens").Number(),
            AnswerTokens = usage?.Get("output_tokens").Number(),
            Seconds = seconds,
        };
    }

    static string Missing(JsonElement answer) =>
        $"the service's answer has no content: {(answer.GetRawText() is var raw && raw.Length > 200 ? raw[..200] + "…" : raw)}";

    public override ValueTask DisposeAsync()
    {
        _endpoint.Dispose();
        return base.DisposeAsync();
    }
}
