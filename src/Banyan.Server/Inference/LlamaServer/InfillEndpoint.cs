using System.Text;
using Banyan.Runtime.Generation;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary><c>POST /infill</c>, as llama-server has it: what llama.vscode, llama.vim and others ask for at each key stroke.</summary>
sealed class InfillEndpoint(Bodies bodies, Catalogue catalogue, Telemetry telemetry)
{
    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(1, model => InfillRequest.Read(fields, model), cancellationToken), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("infill", model.Name);
        var pieces = measured.Watch(Generations.RunAsync(model, [new(0, request.Prompt, request.Options)], cancellationToken), cancellationToken);

        var events = request.Stream ? new ServerSentEvents(context.Response) : null;
        var text = new StringBuilder();
        var tokens = new List<int>();
        var probabilities = new List<InfillProbability>();
        var count = 0;
        await (events is null ? ReadPiecesAsync() : events.GuardAsync(ReadPiecesAsync));

        async Task ReadPiecesAsync()
        {
            await foreach (var (_, generated) in pieces)
            {
                if (request.EvaluateOnly)
                {
                    if (generated.Statistics is { } evaluated)
                        await FinishAsync(Final(new Generated { Finish = FinishReason.Length }, evaluated with { GeneratedTokens = 0, GenerateSeconds = 0 }));
                    continue;
                }
                text.Append(generated.Text);
                var answer = generated.AnswerToken(model.Tokenizer);
                if (answer is { } token)
                {
                    count++;
                    tokens.Add(token);
                    if (request.Options.TopLogprobs is not null)
                        probabilities.Add(Probability(model, generated));
                }
                if (generated.Statistics is { } statistics)
                    await FinishAsync(Final(generated, statistics));
                else if (events is not null && (generated.Text.Length > 0 || request.Options.TopLogprobs is not null))
                    await events.WriteAsync(new InfillAnswer
                    {
                        Content = generated.Text,
                        Tokens = answer is { } id ? [id] : [],
                        Model = model.Name,
                        TokensPredicted = count,
                        TokensEvaluated = request.Prompt.Length,
                        CompletionProbabilities = request.Options.TopLogprobs is not null && answer is not null ? [probabilities[^1]] : null,
                    }, ApiJson.Readable.InfillAnswer, cancellationToken);
            }
        }

        InfillAnswer Final(Generated last, GenerationStatistics statistics) => new()
        {
            Content = events is null ? text.ToString() : last.Text,
            Tokens = events is null && request.ReturnTokens ? tokens : [],
            Stop = true,
            Model = model.Name,
            TokensPredicted = statistics.GeneratedTokens,
            TokensEvaluated = statistics.PromptTokens,
            TokensCached = statistics.CachedTokens,
            Truncated = statistics.PromptTokens + statistics.GeneratedTokens >= model.ContextLength,
            HasNewLine = text.ToString().Contains('\n', StringComparison.Ordinal),
            StopType = last.Finish == FinishReason.Length ? "limit" : last.Token is { } end && model.Tokenizer.IsSpecial(end) ? "eos" : "word",
            CompletionProbabilities = events is null && request.Options.TopLogprobs is not null ? probabilities : null,
            Timings = Timings.Of([statistics]),
        };

        Task FinishAsync(InfillAnswer answer) => events is null
            ? context.Response.WriteAsJsonAsync(answer, ApiJson.Readable.InfillAnswer, cancellationToken: cancellationToken)
            : events.WriteAsync(answer, ApiJson.Readable.InfillAnswer, cancellationToken);
    }

    static InfillProbability Probability(LoadedModel model, Generated generated) => Of(model, generated.Token!.Value, generated.LogProb) with
    {
        TopLogprobs = [.. generated.TopLogProbs.Select(t => Of(model, t.Token, t.LogProb))],
    };

    static InfillProbability Of(LoadedModel model, int token, float logprob) =>
        new(token, model.Tokenizer.Text(token), ChatLogprob.BytesOf(model.Tokenizer, token), ChatLogprob.Finite(logprob));
}
