using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Models.Http;

/// <summary>A model behind OpenAI's API, or any server that speaks it: <c>/chat/completions</c>, and <c>/completions</c> with <c>suffix</c> where there is one.</summary>
sealed class OpenAiModel : EvaluatedModel
{
    readonly ModelEndpoint _endpoint;
    readonly string _name;
    readonly bool _isOpenAi;
    IReadOnlySet<PromptKind>? _kinds;

    /// <param name="address">The API's address, with <c>/v1</c>.</param>
    /// <param name="name">The model's id.</param>
    /// <param name="key">The key; null sends none.</param>
    /// <param name="isOpenAi">Whether it is OpenAI itself: chat only, and <c>max_completion_tokens</c>.</param>
    /// <param name="retry">When to try again.</param>
    /// <param name="energy">Measures a server on this machine; null measures nothing.</param>
    public OpenAiModel(Uri address, string name, string? key, bool isOpenAi = false, RetryPolicy? retry = null, MachineEnergy? energy = null)
    {
        _endpoint = new(address, headers => headers.Authorization = new("Bearer", key), key, retry, energy: energy);
        (_name, _isOpenAi) = (name, isOpenAi);
    }

    public override string Name => _name;

    public override int Parallel => 8;

    public override bool IsBase => _kinds?.Contains(PromptKind.Infill) == true && !ModelIdentity.SaysInstruct(_name);

    /// <summary>OpenAI's models chat. Of other servers the list of models is asked; where it does not say, all is tried, chat first.</summary>
    public override async Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken)
    {
        if (_kinds is not null)
            return _kinds;
        var kinds = new HashSet<PromptKind> { PromptKind.Chat };
        if (!_isOpenAi)
        {
            kinds.Add(PromptKind.Completion);
            if (await MetaAsync(cancellationToken) is { } meta)
            {
                if (meta.Get("chat") is { ValueKind: JsonValueKind.False })
                    kinds.Remove(PromptKind.Chat);
                if (Fills(meta))
                    kinds.Add(PromptKind.Infill);
            }
        }
        return _kinds = kinds;
    }

    static bool Fills(JsonElement meta) => meta.Get("fill_in_the_middle") is { ValueKind: JsonValueKind.True } || meta.Get("fim") is { ValueKind: JsonValueKind.True };

    async Task<JsonElement?> MetaAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (models, _, _) = await _endpoint.SendAsync("models", null, cancellationToken);
            if (models.Get("data") is not { ValueKind: JsonValueKind.Array } data)
                return null;
            var listed = data.EnumerateArray().FirstOrDefault(m => m.Get("id").Text() == _name);
            return listed.Get("meta");
        }
        catch (ModelException)
        {
            return null; // it has no list; the question itself will tell
        }
    }

    public override async Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["model"] = _name, ["temperature"] = sampling.Temperature, ["top_p"] = sampling.TopP };
        body[_isOpenAi ? "max_completion_tokens" : "max_tokens"] = sampling.MaxTokens;
        if (sampling.Seed is { } seed)
            body["seed"] = seed + sample;
        if (prompt.Stop.Count > 0)
            body["stop"] = new JsonArray([.. prompt.Stop.Take(4).Select(s => JsonValue.Create(s))]); // OpenAI takes four
        var chat = prompt.Kind == PromptKind.Chat;
        if (chat)
        {
            var messages = new JsonArray();
            if (prompt.System is { } system)
                messages.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = system });
            messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = prompt.Text });
            body["messages"] = messages;
        }
        else
        {
            body["prompt"] = prompt.Text;
            if (prompt.Kind == PromptKind.Infill)
                body["suffix"] = prompt.Suffix;
        }

        var (answer, seconds, energy) = await _endpoint.SendAsync(chat ? "chat/completions" : "completions", body, cancellationToken);
        var choice = answer.Get("choices").First();
        // A refusal has null content: it is an answer, and a wrong one.
        var text = chat
            ? choice?.Get("message") is { } message ? message.Get("content").Text() ?? message.Get("refusal").Text() ?? "" : null
            : choice?.Get("text").Text();
        var usage = answer.Get("usage");
        return new(text.Need("choices[0]", answer), answer.Get("model").Text().Need("model", answer))
        {
            Fingerprint = answer.Get("system_fingerprint").Text(),
            Finish = choice?.Get("finish_reason").Text(),
            PromptTokens = usage?.Get("prompt_tokens").Number(),
            AnswerTokens = usage?.Get("completion_tokens").Number(),
            Seconds = seconds,
            Joules = energy?.Joules,
            EnergyOf = energy?.Of,
        };
    }

    public override ValueTask DisposeAsync()
    {
        _endpoint.Dispose();
        return base.DisposeAsync();
    }
}
