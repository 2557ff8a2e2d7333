using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>
/// <c>POST /infill</c>, as llama-server has it: what llama.vscode, llama.vim and others ask for at each key stroke; and its own
/// <c>/completion</c>.
/// </summary>
sealed class InfillEndpoint(Bodies bodies, Catalogue catalogue, InferenceOptions options, Telemetry telemetry)
{
    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context,
            fields => catalogue.AskAsync(fields, 1, model => InfillRequest.Read(fields, model), cancellationToken), cancellationToken);
        await AnswerAsync(context, asked, "infill", cancellationToken);
    }

    public async Task CompleteAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.AskAsync(fields,
            InfillRequest.CountPrompts(fields, options.MaxPending), model => InfillRequest.ReadCompletion(fields, model),
            cancellationToken), cancellationToken);
        await AnswerAsync(context, asked, "text_completion", cancellationToken);
    }

    async Task AnswerAsync(HttpContext context, Asked<InfillRequest> asked, string operation, CancellationToken cancellationToken)
    {
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin(operation, model.Name);
        var pieces =
            measured.Watch(Generations.RunAsync(model, [.. request.Prompts.Select((prompt, i) => new Request(i, prompt, request.Options))],
                cancellationToken), cancellationToken);
        var texts = request.Prompts.Select((_, i) => new Answer(model, request, i)).ToArray();
        if (request.Stream)
        {
            var events = new ServerSentEvents(context.Response);
            await events.GuardAsync(async () =>
            {
                await foreach (var (index, generated) in pieces.WithPings(() => events.PingAsync(cancellationToken), cancellationToken))
                    if (texts[index].Take(generated) is { } answer)
                        await (answer.Stop ? events.WriteAsync(Chosen(answer, request), cancellationToken)
                            : events.WriteAsync(answer, ApiJson.Readable.InfillAnswer, cancellationToken));
            });
            return;
        }
        var answers = new InfillAnswer[texts.Length];
        await foreach (var (index, generated) in pieces)
            if (texts[index].Take(generated) is { Stop: true } last)
                answers[index] = last;
        await context.Response.WriteJsonAsync(answers is [var only] ? Chosen(only, request)
            : new JsonArray([.. answers.Select(a => Chosen(a, request))]), cancellationToken);
    }

    // The whole answer, or the fields of it that are wanted: "generation_settings/n_predict" is one of an object's.
    static JsonNode Chosen(InfillAnswer answer, InfillRequest request)
    {
        var whole = JsonSerializer.SerializeToNode(answer, ApiJson.Readable.InfillAnswer)!;
        if (request.ResponseFields.Count == 0)
            return whole;
        var chosen = new JsonObject();
        foreach (var path in request.ResponseFields)
            if (path.Split('/').Aggregate((JsonNode?)whole, (node, name) => (node as JsonObject)?[name]) is { } value)
                chosen[path] = value.DeepClone();
        return chosen;
    }

    /// <summary>One text while it is written.</summary>
    sealed class Answer(LoadedModel model, InfillRequest request, int index)
    {
        readonly StringBuilder _text = new();
        readonly List<int> _tokens = [];
        readonly List<InfillProbability> _probabilities = [];

        bool WithProbabilities => request.Options.TopLogprobs is not null;

        /// <summary>What a piece tells; the last one says that it is.</summary>
        public InfillAnswer? Take(Generated generated)
        {
            if (generated.Prompt is { } read)
                return new InfillAnswer
                {
                    Index = index,
                    Model = model.Name,
                    TokensEvaluated = read.Total,
                    PromptProgress = PromptRead.Of(read)
                };
            if (request.EvaluateOnly)
                return generated.Statistics is { } evaluated
                    ? Final(new Generated { Finish = FinishReason.Length },
                        evaluated with { GeneratedTokens = 0, GenerateSeconds = 0 }) : null;
            _text.Append(generated.Text);
            var answer = generated.AnswerToken(model.Tokenizer);
            if (answer is { } token)
            {
                _tokens.Add(token);
                if (WithProbabilities)
                    _probabilities.Add(Probability(generated));
            }
            if (generated.Statistics is { } statistics)
                return Final(generated, statistics);
            return generated.Text.Length == 0 && !WithProbabilities ? null : new InfillAnswer
            {
                Index = index,
                Content = generated.Text,
                Tokens = answer is { } id ? [id] : [],
                Model = model.Name,
                TokensPredicted = _tokens.Count,
                TokensEvaluated = request.Prompts[index].Length,
                CompletionProbabilities = WithProbabilities && answer is not null ? [_probabilities[^1]] : null,
            };
        }

        // After sampling they are told as probabilities, and before it as their logarithms.
        InfillProbability Probability(Generated generated)
        {
            var (own, top) = (Of(generated.Token!.Value, generated.LogProb),
                generated.TopLogProbs.Select(t => Of(t.Token, t.LogProb)).ToList());
            return request.Options.LogprobsAfterSampling ? own with { TopProbs = top } : own with { TopLogprobs = top };
        }

        InfillProbability Of(int token, float logprob)
        {
            var known = new InfillProbability(token, model.Tokenizer.Text(token), ChatLogprob.BytesOf(model.Tokenizer, token));
            return request.Options.LogprobsAfterSampling ? known with { Prob = MathF.Exp(logprob) }
                : known with { Logprob = ChatLogprob.Finite(logprob) };
        }

        InfillAnswer Final(Generated last, GenerationStatistics statistics) => new()
        {
            Index = index,
            Content = request.Stream ? last.Text : _text.ToString(),
            Tokens = !request.Stream && request.ReturnTokens ? _tokens : [],
            Stop = true,
            Model = model.Name,
            TokensPredicted = statistics.GeneratedTokens,
            TokensEvaluated = statistics.PromptTokens,
            TokensCached = statistics.CachedTokens,
            Truncated = statistics.PromptTokens + statistics.GeneratedTokens >= model.ContextLength,
            HasNewLine = _text.ToString().Contains('\n', StringComparison.Ordinal),
            StopType = last.Finish == FinishReason.Length ? "limit" : last.StopString is not null ? "word" : "eos",
            StoppingWord = last.StopString ?? "",
            Prompt = request.Explains ? model.Tokenizer.Decode(request.Prompts[index]) : null,
            GenerationSettings = request.Explains ? Settings(request) : null,
            CompletionProbabilities = !request.Stream && WithProbabilities ? _probabilities : null,
            Timings = Timings.Of([statistics]),
        };
    }

    static GenerationSettings Settings(InfillRequest request)
    {
        var o = request.Options;
        return new(request.EvaluateOnly ? 0 : o.MaxTokens == int.MaxValue ? -1 : o.MaxTokens, o.Seed, o.Temperature, o.TopK, o.TopP, o.MinP,
            o.RepetitionPenalty, o.PresencePenalty, o.FrequencyPenalty,
            o.Stop, o.IgnoreEndOfText, request.Stream, o.TopLogprobs ?? 0, o.LogprobsAfterSampling);
    }
}
