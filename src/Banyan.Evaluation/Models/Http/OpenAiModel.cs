using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Models.Http;

/// <summary>A model behind OpenAI's API, or any compatible server: <c>/chat/completions</c>, and <c>/completions</c> with <c>suffix</c>
/// where there is one.</summary>
sealed class OpenAiModel : EvaluatedModel
{
    readonly ModelEndpoint _endpoint;
    readonly string _name;
    readonly bool _isOpenAi;
    volatile bool _takesNewName;   // of max_tokens: OpenAI's own, and what says so
    IReadOnlySet<PromptKind>? _kinds;
    JsonElement? _listed;
    bool _asked;

    /// <param name="address">The API's address, with <c>/v1</c>.</param>
    /// <param name="name">The model's id.</param>
    /// <param name="key">The key; null sends none.</param>
    /// <param name="isOpenAi">Whether it is OpenAI itself: chat only, and <c>max_completion_tokens</c>.</param>
    /// <param name="retry">When to retry.</param>
    /// <param name="energy">Measures a server on this machine; null measures nothing.</param>
    public OpenAiModel(Uri address, string name, string? key, bool isOpenAi = false, RetryPolicy? retry = null,
        MachineEnergy? energy = null)
    {
        _endpoint = new(address, headers => headers.Authorization = new("Bearer", key), key, retry, energy: energy);
        (_name, _isOpenAi, _takesNewName) = (name, isOpenAi, isOpenAi);
    }

    public override string Name => _name;

    /// <summary>The properties of a model in a server's list that do not change with each start: a path, a size, a hash.</summary>
    static readonly string[] s_says = ["root", "parent", "owned_by", "max_model_len", "context_length", "sha", "digest",
        "quantization", "meta", "details"];

    public override async Task<string?> OriginAsync(CancellationToken cancellationToken)
    {
        if (_isOpenAi || await ListedAsync(cancellationToken) is not { ValueKind: JsonValueKind.Object } listed)
            return _endpoint.Address;
        var says =
            string.Join(", ",
                s_says.Select(name => listed.Get(name) is { } value ? $"{name} {value.GetRawText()}" : null).OfType<string>());
        return says.Length == 0 ? _endpoint.Address
            : $"{_endpoint.Address} ({(says.Length <= 200 ? says : "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(says))))})";
    }

    public override int Parallel => 8;

    public override bool IsBase => _kinds?.Contains(PromptKind.Infill) == true && !ModelIdentity.SaysInstruct(_name);

    /// <summary>OpenAI's models chat. For other servers the list of models decides; if it does not say, everything is tried, chat
    /// first.</summary>
    public override async Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken)
    {
        if (_kinds is not null)
            return _kinds;
        var kinds = new HashSet<PromptKind> { PromptKind.Chat };
        if (!_isOpenAi)
        {
            kinds.Add(PromptKind.Completion);
            if ((await ListedAsync(cancellationToken))?.Get("meta") is { } meta)
            {
                if (meta.Get("chat") is { ValueKind: JsonValueKind.False })
                    kinds.Remove(PromptKind.Chat);
                if (Fills(meta))
                    kinds.Add(PromptKind.Infill);
            }
        }
        return _kinds = kinds;
    }

    static bool Fills(JsonElement meta) => meta.Get("fill_in_the_middle") is { ValueKind: JsonValueKind.True }
        || meta.Get("fim") is { ValueKind: JsonValueKind.True };

    /// <summary>The model in the server's list; requested once.</summary>
    async Task<JsonElement?> ListedAsync(CancellationToken cancellationToken)
    {
        if (_asked)
            return _listed;
        _asked = true;
        return _listed = await AskListAsync(cancellationToken);
    }

    async Task<JsonElement?> AskListAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (models, _, _) = await _endpoint.SendAsync("models", null, cancellationToken);
            if (models.Get("data") is not { ValueKind: JsonValueKind.Array } data)
                return null;
            return data.EnumerateArray().FirstOrDefault(m => m.Get("id").Text() == _name) is { ValueKind: JsonValueKind.Object } listed
                ? listed : null;
        }
        catch (ModelException)
        {
            return null; // it has no list; the question itself will tell
        }
    }

    public override async Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["model"] = _name, ["temperature"] = sampling.Temperature };
        if (sampling.TopP < 1)
            body["top_p"] = sampling.TopP;
        body[_takesNewName ? "max_completion_tokens" : "max_tokens"] = sampling.MaxTokens;
        // What reasoning models refuse: 0 is what nobody has set, and where an answer ends is read from it anyway.
        List<(JsonObject, string, string)> optional = [(body, "stop", "stop")];
        if (sampling.Temperature == 0)
            optional.Add((body, "temperature", "temperature 0"));
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

        (JsonElement Answer, double Seconds, EnergyUse? Energy, IReadOnlyList<string> NotAccepted) sent;
        try
        {
            sent = await _endpoint.SendAsync(chat ? "chat/completions" : "completions", body, optional, cancellationToken);
        }
        catch (ModelException e) when (!_takesNewName && e.Error?.Refuses("max_tokens") == true)
        {
            _takesNewName = true;
            return await AnswerAsync(prompt, sampling, sample, cancellationToken);
        }
        var (answer, seconds, energy, notAccepted) = sent;
        var choice = answer.Get("choices").First();
        // A refusal has null content: it is an answer, and a wrong one.
        var message = choice?.Get("message");
        var refusal = message?.Get("refusal").Text();
        var text = chat ? message is { } said ? Content(said, answer) ?? refusal ?? "" : null : choice?.Get("text").Text();
        var usage = answer.Get("usage");
        return new(text.Need("choices[0]", answer), answer.Get("model").Text().Need("model", answer))
        {
            Fingerprint = answer.Get("system_fingerprint").Text(),
            Finish = refusal is { Length: > 0 } ? "refusal" : choice?.Get("finish_reason").Text(),
            NotAccepted = [.. notAccepted.Where(n => n != "stop")],
            PromptTokens = usage?.Get("prompt_tokens").Number(),
            AnswerTokens = usage?.Get("completion_tokens").Number(),
            Seconds = seconds,
            Joules = energy?.Joules,
            EnergyOf = energy?.Of,
        };
    }

    /// <summary>A message's text; of a message in parts, its text parts without reasoning. Null if there is none; a form that is not
    /// understood is an error.</summary>
    static string? Content(JsonElement message, JsonElement answer)
    {
        var content = message.Get("content");
        if (content is not { ValueKind: JsonValueKind.Array } parts)
            return content is null ? null : content.Text().Need("text in choices[0].message.content", answer);
        return string.Concat(parts.EnumerateArray()
            .Select(part => part.ValueKind == JsonValueKind.String ? part.GetString() : part.Get("type").Text() switch
            {
                "text" or "output_text" or null =>
                    (part.Get("text").Text() ?? part.Get("text")?.Get("value").Text()
                        ?? part.Get("content").Text()).Need("text in a part of choices[0].message.content", answer),
                "refusal" => part.Get("refusal").Text(),
                _ => "", // a thought, a picture, a call of a tool
            }));
    }

    public override ValueTask DisposeAsync()
    {
        _endpoint.Dispose();
        return base.DisposeAsync();
    }
}
