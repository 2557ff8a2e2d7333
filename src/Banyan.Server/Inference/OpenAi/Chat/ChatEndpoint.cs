using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Server.Inference.LlamaServer;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

using ToolCall = Banyan.Server.Inference.OpenAi.Chat.ToolCall;

namespace Banyan.Server.Inference.OpenAi.Chat;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
sealed class ChatEndpoint(Bodies bodies, Catalogue catalogue, InferenceOptions options, TimeProvider time, Telemetry telemetry)
{
    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.AskAsync(fields,
            ChatRequest.ReadChoices(fields, options.MaxPending),
            model => ChatRequest.Read(fields, model, options.MaxPending, time.GetLocalNow()), cancellationToken), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("chat", model.Name);

        var head = new Head($"chatcmpl-{Guid.NewGuid():N}", time.GetUtcNow().ToUnixTimeSeconds(), model);
        var pieces = measured.Watch(Generations.RunAsync(model, Requests(request), cancellationToken), cancellationToken);
        if (request.Stream)
            await StreamAsync(context.Response, request, head, pieces, cancellationToken);
        else
            await context.Response.WriteAsJsonAsync(await CollectAsync(request, head, pieces), ApiJson.Readable.ChatCompletion,
                cancellationToken: cancellationToken);
    }

    sealed record Head(string Id, long Created, LoadedModel Model);

    static List<Request> Requests(ChatRequest request) =>
        [.. Enumerable.Range(0, request.Choices).Select(i => new Request(request.Turn, i))];

    static async Task<ChatCompletion> CollectAsync(ChatRequest request, Head head, IAsyncEnumerable<Piece> pieces)
    {
        var choices = Enumerable.Range(0, request.Choices).Select(_ => new Choice(request)).ToArray();
        await foreach (var (index, generated) in pieces)
        {
            var choice = choices[index];
            choice.Answer.Collect(generated);
            if (request.Logprobs && generated.AnswerToken(head.Model.Tokenizer) is not null)
                choice.Logprobs.Add(ChatLogprob.Of(head.Model.Tokenizer, generated));
        }
        var statistics = choices.Select(c => c.Statistics).OfType<GenerationStatistics>().ToList();
        return new(head.Id, "chat.completion", head.Created, head.Model.Name,
            [.. choices.Select((c, i) => new ChatChoice(i, c.Message(), request.Logprobs ? new(c.Logprobs, null) : null,
                c.FinishReason) { Warning = c.Answer.Warning })],
            UsageOf(choices), head.Model.Fingerprint, Timings.Of(statistics));
    }

    static async Task StreamAsync(HttpResponse response, ChatRequest request, Head head, IAsyncEnumerable<Piece> pieces,
        CancellationToken cancellationToken)
    {
        var events = new ServerSentEvents(response);
        var choices = Enumerable.Range(0, request.Choices).Select(_ => new Choice(request)).ToArray();
        await events.GuardAsync(async () =>
        {
            await foreach (var (index, generated) in pieces.WithPings(() => events.PingAsync(cancellationToken), cancellationToken))
            {
                var choice = choices[index];
                if (!choice.Begun)
                    await SendAsync(new(index, new() { Role = "assistant", Content = "" }, null, null));
                choice.Begun = true;
                if (generated.Prompt is { } read)
                {
                    await events.WriteAsync(Chunk([new(index, new(), null, null)]) with { PromptProgress = PromptRead.Of(read) },
                        ApiJson.Readable.ChatChunk, cancellationToken);
                    continue;
                }

                var parts = choice.Answer.Take(generated);
                var logprobs = request.Logprobs && generated.AnswerToken(head.Model.Tokenizer) is not null
                    ? new ChatLogprobs([ChatLogprob.Of(head.Model.Tokenizer, generated)], null) : null;
                if (parts.Count == 0 && logprobs is not null)
                    await SendAsync(new(index, new() { Content = "" }, logprobs, null));
                foreach (var part in parts)
                {
                    await SendAsync(new(index, choice.Delta(part), logprobs, null));
                    logprobs = null;
                }
                if (choice.Statistics is not null)
                    await SendAsync(new(index, new(), null, choice.FinishReason) { Warning = choice.Answer.Warning },
                        choices.All(c => c.Statistics is not null));
            }
            var statistics = choices.Select(c => c.Statistics).OfType<GenerationStatistics>().ToList();
            if (request.IncludeUsage)
                await events.WriteAsync(Chunk([]) with { Usage = UsageOf(choices), Timings = Timings.Of(statistics) },
                    ApiJson.Readable.ChatChunk, cancellationToken);
            await events.WriteDoneAsync(cancellationToken);
        });

        ChatChunk Chunk(ChatDelta[] deltas) =>
            new(head.Id, "chat.completion.chunk", head.Created, head.Model.Name, deltas, head.Model.Fingerprint);

        Task SendAsync(ChatDelta delta, bool last = false) => events.WriteAsync(
            last ? Chunk([delta]) with { Timings = Timings.Of([.. choices.Select(c => c.Statistics!)]) } : Chunk([delta]),
            ApiJson.Readable.ChatChunk, cancellationToken);
    }

    static Usage UsageOf(Choice[] choices) =>
        Usage.Of(choices.Select(c => c.Statistics).OfType<GenerationStatistics>(), choices.Length) with
        {
            CompletionTokensDetails = new(choices.Sum(c => c.Answer.ReasoningTokens)),
        };

    /// <summary>One choice while it is written.</summary>
    sealed class Choice(ChatRequest request)
    {
        public TurnAnswer Answer { get; } = request.Turn.NewAnswer();
        public List<ChatTokenLogprob> Logprobs { get; } = [];
        public bool Begun { get; set; }
        public GenerationStatistics? Statistics => Answer.Statistics;

        // A call that was cut is none that could be made.
        public string FinishReason => Answer.Finish == Runtime.Generation.FinishReason.Length ? "length"
            : Answer.Calls.Count > 0 ? "tool_calls" : "stop";

        public ChatDeltaMessage Delta(AnswerPart part) => part.Kind switch
        {
            AnswerPartKind.Text => new() { Content = part.Text },
            AnswerPartKind.Reasoning => new() { ReasoningContent = part.Text },
            AnswerPartKind.Call =>
                new() { ToolCalls = [new(Answer.Calls[part.Call].Id, "function", new(part.Text, "")) { Index = part.Call }] },
            _ => new() { ToolCalls = [new(null, null, new(null, part.Text)) { Index = part.Call }] },
        };

        public ChatMessage Message()
        {
            var text = Answer.Calls.Count == 0 ? Answer.Text : Answer.Text.Trim() is { Length: > 0 } beside ? beside : null;
            return new("assistant", text, null)
            {
                ReasoningContent = Answer.Reasoning is { Length: > 0 } reasoning ? reasoning : null,
                ToolCalls = Answer.Calls.Count == 0 ? null
                    : [.. Answer.Calls.Select(c => new ToolCall(c.Id, "function", new(c.Name, c.Arguments)))],
            };
        }
    }
}
