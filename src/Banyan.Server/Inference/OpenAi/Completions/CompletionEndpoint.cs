using System.Text;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.LlamaServer;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.OpenAi.Completions;

/// <summary><c>POST /v1/completions</c>: continues a text or, with <c>suffix</c>, fills the gap between two.</summary>
sealed class CompletionEndpoint(Bodies bodies, Catalogue catalogue, InferenceOptions options, TimeProvider time, Telemetry telemetry)
{
    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.AskAsync(fields,
            CompletionRequest.CountGenerations(fields, options.MaxPending),
            model => CompletionRequest.Read(fields, model, options.MaxPending), cancellationToken), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        var generations = Requests(request);
        using var measured = telemetry.Begin("text_completion", model.Name);

        var head = new Completion($"cmpl-{Guid.NewGuid():N}", "text_completion", time.GetUtcNow().ToUnixTimeSeconds(),
            model.Name, [], model.Fingerprint);
        var scored = new IReadOnlyList<ScoredToken>?[request.Prompts.Count];
        for (var i = 0; request.ScoresPrompt && i < scored.Length; i++)
            scored[i] = await model.ScoreAsync(request.Prompts[i], request.Logprobs!.Value, cancellationToken);
        var pieces = request.Generates
            ? measured.Watch(Generations.RunAsync(model, generations, cancellationToken), cancellationToken)
            : Nothing(generations);
        var choices = generations.Select(g => new Choice(request, g.Choice, model.Tokenizer, scored[g.Choice / request.BestOf])).ToArray();
        if (request.Stream)
            await StreamAsync(context.Response, request, head, choices, model.Tokenizer, pieces, cancellationToken);
        else
            await context.Response.WriteAsJsonAsync(await CollectAsync(request, head, choices, pieces), ApiJson.Readable.Completion,
                cancellationToken: cancellationToken);
    }

    static List<Request> Requests(CompletionRequest request) =>
        [.. request.Prompts.SelectMany((prompt, p) => Enumerable.Range(0, request.BestOf).Select(i => new Request(
            p * request.BestOf + i, prompt, i == 0 ? request.Options : request.Options with { Seed = request.Options.Seed + (ulong)i })))];

    /// <summary>Answers without a token, for whoever wants the prompt alone.</summary>
    static async IAsyncEnumerable<Piece> Nothing(IReadOnlyList<Request> requests)
    {
        await Task.CompletedTask;
        foreach (var request in requests)
            yield return new Piece(request.Choice,
                new Generated { Finish = Runtime.Generation.FinishReason.Length, Statistics = new(request.Prompt.Length, 0, 0, 0, 0) });
    }

    /// <summary>Of each prompt's answers the likeliest, by the mean of their tokens' log-probabilities.</summary>
    static IEnumerable<int> Best(CompletionRequest request, Choice[] choices) => Enumerable.Range(0, request.Prompts.Count).SelectMany(p =>
        Enumerable.Range(p * request.BestOf, request.BestOf).OrderByDescending(i => choices[i].MeanLogProb).Take(request.ChoicesPerPrompt));

    static async Task<Completion> CollectAsync(CompletionRequest request, Completion head, Choice[] choices, IAsyncEnumerable<Piece> pieces)
    {
        var texts = choices.Select(_ => new StringBuilder()).ToArray();
        var logprobs = choices.Select(c => c.NewLogprobs()).ToArray();
        await foreach (var (index, generated) in pieces)
            texts[index].Append(choices[index].Take(generated, logprobs[index]));
        return head with
        {
            Choices =
                [.. Best(request, choices)
                    .Select((best, i) => new CompletionChoice(i, texts[best].ToString(), logprobs[best], choices[best].FinishReason))],
            Usage = UsageOf(request, choices),
            Timings = TimingsOf(choices),
        };
    }

    static async Task StreamAsync(HttpResponse response, CompletionRequest request, Completion head, Choice[] choices, Tokenizer tokenizer,
        IAsyncEnumerable<Piece> pieces, CancellationToken cancellationToken)
    {
        var events = new ServerSentEvents(response);
        await events.GuardAsync(async () =>
        {
            await foreach (var (index, generated) in pieces)
            {
                if (generated.Prompt is { } read)
                {
                    await events.WriteAsync(head with { Choices = [new(index, "", null, null)], PromptProgress = PromptRead.Of(read) },
                        ApiJson.Readable.Completion, cancellationToken);
                    continue;
                }
                var choice = choices[index];
                var logprobs = generated.AnswerToken(tokenizer) is null && !choice.HasPrompt ? null : choice.NewLogprobs();
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
                await events.WriteAsync(head with { Usage = UsageOf(request, choices), Timings = TimingsOf(choices) },
                    ApiJson.Readable.Completion, cancellationToken);
            await events.WriteDoneAsync(cancellationToken);
        });
    }

    static Usage UsageOf(CompletionRequest request, Choice[] choices) => Usage.Of(choices.Select(c => c.Statistics!), request.BestOf);

    static Timings TimingsOf(Choice[] choices) => Timings.Of([.. choices.Select(c => c.Statistics!)]);

    /// <summary>One choice while it is written.</summary>
    sealed class Choice(CompletionRequest request, int index, Tokenizer tokenizer, IReadOnlyList<ScoredToken>? prompt)
    {
        string? _echo = request.Echoes.Count > 0 ? request.Echoes[index / request.BestOf] : null;
        readonly TextOffsets _offsets = new(request.Echoes.Count > 0 && prompt is null ? request.Echoes[index / request.BestOf] : "");
        IReadOnlyList<ScoredToken>? _prompt = prompt;
        double _logProbs;
        int _tokens;

        public string? FinishReason { get; private set; }
        public GenerationStatistics? Statistics { get; private set; }

        public double MeanLogProb => _tokens == 0 ? double.NegativeInfinity : _logProbs / _tokens;

        /// <summary>Whether the prompt's log-probabilities are still to be sent.</summary>
        public bool HasPrompt => _prompt is not null;

        public CompletionLogprobs? NewLogprobs() => request.Logprobs is { } count ? CompletionLogprobs.Empty(count > 0) : null;

        /// <summary>The text a piece makes showable; the first one brings the echo with it.</summary>
        public string Take(Generated generated, CompletionLogprobs? logprobs)
        {
            FinishReason = generated.Finish?.Text() ?? FinishReason;
            Statistics = generated.Statistics ?? Statistics;
            if (generated.Token is not null)
                (_logProbs, _tokens) = (_logProbs + generated.LogProb, _tokens + 1);
            if (logprobs is not null && _prompt is { } scored)
                AddPrompt(logprobs, scored);
            if (logprobs is not null && generated.AnswerToken(tokenizer) is { } token)
                Add(logprobs, token, generated.LogProb, generated.TopLogProbs);
            var text = _echo + generated.Text;
            _echo = null;
            return text;
        }

        void AddPrompt(CompletionLogprobs logprobs, IReadOnlyList<ScoredToken> scored)
        {
            _prompt = null;
            foreach (var (i, (token, logProb, top)) in scored.Index())
                if (i > 0 || !request.FromText || !tokenizer.IsSpecial(token))
                    // Some tokenizers put a space before a text, which is no part of it.
                    Add(logprobs, token, logProb, top, without: logprobs.Tokens.Count == 0 && tokenizer.Bytes(token).StartsWith(" "u8)
                        && _echo?.StartsWith(' ') == false ? 1 : 0);
        }

        void Add(CompletionLogprobs logprobs, int token, float? logProb, IReadOnlyList<TokenLogProb> likely, int without = 0)
        {
            logprobs.Tokens.Add(TokenNames.Of(tokenizer, token));
            logprobs.TokenLogprobs.Add(logProb is { } value ? ChatLogprob.Finite(value) : null);
            logprobs.TextOffset.Add(_offsets.Next(tokenizer.Bytes(token)[without..]));
            if (logprobs.TopLogprobs is not { } top)
                return;
            // Nothing comes before the first token of a prompt.
            if (logProb is not { } own)
            {
                top.Add(null);
                return;
            }
            var alternatives = new Dictionary<string, float>();
            foreach (var alternative in likely)
                alternatives.Add(TokenNames.Of(tokenizer, alternative.Token, alternatives), ChatLogprob.Finite(alternative.LogProb));
            if (likely.All(alternative => alternative.Token != token))
                alternatives.Add(TokenNames.Of(tokenizer, token, alternatives), ChatLogprob.Finite(own));
            top.Add(alternatives);
        }
    }
}
