using System.Text;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.OpenAi.Completions;

/// <summary><c>POST /v1/completions</c>: continues a text or, with <c>suffix</c>, fills the gap between two.</summary>
sealed class CompletionEndpoint(Bodies bodies, Catalogue catalogue, InferenceOptions options, TimeProvider time, Telemetry telemetry)
{
    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(
            CompletionRequest.CountGenerations(fields, options.MaxPending), model => CompletionRequest.Read(fields, model, options.MaxPending), cancellationToken), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        var generations = Requests(request);
        using var measured = telemetry.Begin("text_completion", model.Name);

        var head = new Completion($"cmpl-{Guid.NewGuid():N}", "text_completion", time.GetUtcNow().ToUnixTimeSeconds(), model.Name, [], model.Fingerprint);
        var pieces = measured.Watch(Generations.RunAsync(model, generations, cancellationToken), cancellationToken);
        var choices = generations.Select(g => new Choice(request, g.Choice, model.Tokenizer)).ToArray();
        if (request.Stream)
            await StreamAsync(context.Response, request, head, choices, model.Tokenizer, pieces, cancellationToken);
        else
            await context.Response.WriteAsJsonAsync(await CollectAsync(request, head, choices, pieces), ApiJson.Readable.Completion, cancellationToken: cancellationToken);
    }

    static List<Request> Requests(CompletionRequest request) =>
        [.. request.Prompts.SelectMany((prompt, p) => Enumerable.Range(0, request.ChoicesPerPrompt).Select(i => new Request(
            p * request.ChoicesPerPrompt + i, prompt, i == 0 ? request.Options : request.Options with { Seed = request.Options.Seed + (ulong)i })))];

    static async Task<Completion> CollectAsync(CompletionRequest request, Completion head, Choice[] choices, IAsyncEnumerable<Piece> pieces)
    {
        var texts = choices.Select(_ => new StringBuilder()).ToArray();
        var logprobs = choices.Select(c => c.NewLogprobs()).ToArray();
        await foreach (var (index, generated) in pieces)
            texts[index].Append(choices[index].Take(generated, logprobs[index]));
        return head with
        {
            Choices = [.. choices.Select((c, i) => new CompletionChoice(i, texts[i].ToString(), logprobs[i], c.FinishReason))],
            Usage = UsageOf(request, choices),
            Timings = TimingsOf(choices),
        };
    }

    static async Task StreamAsync(HttpResponse response, CompletionRequest request, Completion head, Choice[] choices, Tokenizer tokenizer, IAsyncEnumerable<Piece> pieces, CancellationToken cancellationToken)
    {
        var events = new ServerSentEvents(response);
        await events.GuardAsync(async () =>
        {
            await foreach (var (index, generated) in pieces)
            {
                var choice = choices[index];
                var logprobs = generated.AnswerToken(tokenizer) is null ? null : choice.NewLogprobs();
                var text = choice.Take(generated, logprobs);
                if (text.Length == 0 && logprobs is null && choice.FinishReason is null)
                    continue;
                await events.WriteAsync(head with
                {
                    Choices = [new(index, text, logprobs, choice.FinishReason)],
                    Timings = choices.All(c => c.Statistics is not null) ? TimingsOf(choices) : null,
                }, ApiJson.Readable.Completion, cancellationToken);
            }
            if (request.IncludeUsage)
                await events.WriteAsync(head with { Usage = UsageOf(request, choices), Timings = TimingsOf(choices) }, ApiJson.Readable.Completion, cancellationToken);
            await events.WriteDoneAsync(cancellationToken);
        });
    }

    static Usage UsageOf(CompletionRequest request, Choice[] choices) => Usage.Of(choices.Select(c => c.Statistics!), request.ChoicesPerPrompt);

    static Timings TimingsOf(Choice[] choices) => Timings.Of([.. choices.Select(c => c.Statistics!)]);

    /// <summary>One choice while it is written.</summary>
    sealed class Choice(CompletionRequest request, int index, Tokenizer tokenizer)
    {
        string? _echo = request.Echoes.Count > 0 ? request.Echoes[index / request.ChoicesPerPrompt] : null;
        readonly TextOffsets _offsets = new(request.Echoes.Count > 0 ? request.Echoes[index / request.ChoicesPerPrompt] : "");

        public string? FinishReason { get; private set; }
        public GenerationStatistics? Statistics { get; private set; }

        public CompletionLogprobs? NewLogprobs() => request.Logprobs is { } count ? CompletionLogprobs.Empty(count > 0) : null;

        /// <summary>The text a piece makes showable; the first one brings the echo with it.</summary>
        public string Take(Generated generated, CompletionLogprobs? logprobs)
        {
            FinishReason = generated.Finish?.Text() ?? FinishReason;
            Statistics = generated.Statistics ?? Statistics;
            if (logprobs is not null && generated.AnswerToken(tokenizer) is { } token)
                Add(logprobs, token, generated);
            var text = _echo + generated.Text;
            _echo = null;
            return text;
        }

        void Add(CompletionLogprobs logprobs, int token, Generated generated)
        {
            logprobs.Tokens.Add(TokenNames.Of(tokenizer, token));
            logprobs.TokenLogprobs.Add(ChatLogprob.Finite(generated.LogProb));
            logprobs.TextOffset.Add(_offsets.Next(tokenizer.Bytes(token)));
            if (logprobs.TopLogprobs is not { } top)
                return;
            var alternatives = new Dictionary<string, float>();
            foreach (var alternative in generated.TopLogProbs)
                alternatives.Add(TokenNames.Of(tokenizer, alternative.Token, alternatives), ChatLogprob.Finite(alternative.LogProb));
            if (generated.TopLogProbs.All(alternative => alternative.Token != token))
                alternatives.Add(TokenNames.Of(tokenizer, token, alternatives), ChatLogprob.Finite(generated.LogProb));
            top.Add(alternatives);
        }
    }
}
