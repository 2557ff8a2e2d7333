using System.Text;
using Banyan.Runtime.Generation;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.OpenAi.Chat;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
sealed class ChatEndpoint(Bodies bodies, Catalogue catalogue, InferenceOptions options, TimeProvider time, Telemetry telemetry)
{
    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(
            ChatRequest.ReadChoices(fields, options.MaxPending), model => ChatRequest.Read(fields, model, options.MaxPending, time.GetLocalNow()), cancellationToken), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("chat", model.Name);

        var head = new Head($"chatcmpl-{Guid.NewGuid():N}", time.GetUtcNow().ToUnixTimeSeconds(), model);
        var pieces = measured.Watch(Generations.RunAsync(model, Requests(request), cancellationToken), cancellationToken);
        if (request.Stream)
            await StreamAsync(context.Response, request, head, pieces, cancellationToken);
        else
            await context.Response.WriteAsJsonAsync(await CollectAsync(request, head, pieces), ApiJson.Readable.ChatCompletion, cancellationToken: cancellationToken);
    }

    sealed record Head(string Id, long Created, LoadedModel Model);

    static List<Request> Requests(ChatRequest request) =>
        [.. Enumerable.Range(0, request.Choices).Select(i => new Request(i, request.Prompt, i == 0 ? request.Options : request.Options with { Seed = request.Options.Seed + (ulong)i }))];

    static async Task<ChatCompletion> CollectAsync(ChatRequest request, Head head, IAsyncEnumerable<Piece> pieces)
    {
        var choices = Enumerable.Range(0, request.Choices).Select(_ => new Choice(request)).ToArray();
        await foreach (var (index, generated) in pieces)
        {
            var choice = choices[index];
            choice.Text.Append(choice.Take(generated));
            if (request.Logprobs && generated.AnswerToken(head.Model.Tokenizer) is not null)
                choice.Logprobs.Add(ChatLogprob.Of(head.Model.Tokenizer, generated));
        }
        var statistics = choices.Select(c => c.Statistics).OfType<GenerationStatistics>().ToList();
        return new(head.Id, "chat.completion", head.Created, head.Model.Name,
            [.. choices.Select((c, i) => new ChatChoice(i, c.Message(), request.Logprobs ? new(c.Logprobs, null) : null, c.FinishReason))],
            Usage.Of(statistics, request.Choices), head.Model.Fingerprint, Timings.Of(statistics));
    }

    static async Task StreamAsync(HttpResponse response, ChatRequest request, Head head, IAsyncEnumerable<Piece> pieces, CancellationToken cancellationToken)
    {
        var events = new ServerSentEvents(response);
        var choices = Enumerable.Range(0, request.Choices).Select(_ => new Choice(request)).ToArray();
        await events.GuardAsync(async () =>
        {
            await foreach (var (index, generated) in pieces)
            {
                var choice = choices[index];
                if (!choice.Begun)
                    await SendAsync(new(index, new() { Role = "assistant", Content = "" }, null, null));
                choice.Begun = true;

                var calls = choice.CallCount;
                var text = choice.Take(generated);
                var logprobs = request.Logprobs && generated.AnswerToken(head.Model.Tokenizer) is not null ? new ChatLogprobs([ChatLogprob.Of(head.Model.Tokenizer, generated)], null) : null;
                if (text.Length > 0 || logprobs is not null)
                    await SendAsync(new(index, new() { Content = text }, logprobs, null));
                for (; calls < choice.CallCount; calls++)
                    await SendAsync(new(index, new() { ToolCalls = [choice.Call(calls)] }, null, null));
                if (choice.Statistics is not null)
                    await SendAsync(new(index, new(), null, choice.FinishReason), choices.All(c => c.Statistics is not null));
            }
            var statistics = choices.Select(c => c.Statistics).OfType<GenerationStatistics>().ToList();
            if (request.IncludeUsage)
                await events.WriteAsync(Chunk([]) with { Usage = Usage.Of(statistics, request.Choices), Timings = Timings.Of(statistics) }, ApiJson.Readable.ChatChunk, cancellationToken);
            await events.WriteDoneAsync(cancellationToken);
        });

        ChatChunk Chunk(ChatDelta[] deltas) => new(head.Id, "chat.completion.chunk", head.Created, head.Model.Name, deltas, head.Model.Fingerprint);

        Task SendAsync(ChatDelta delta, bool last = false) => events.WriteAsync(
            last ? Chunk([delta]) with { Timings = Timings.Of([.. choices.Select(c => c.Statistics!)]) } : Chunk([delta]), ApiJson.Readable.ChatChunk, cancellationToken);
    }

    /// <summary>One choice while it is written.</summary>
    sealed class Choice(ChatRequest request)
    {
        readonly ToolCallReader? _tools = request.HasTools ? new() : null;
        FinishReason? _finish;

        public StringBuilder Text { get; } = new();
        public List<ChatTokenLogprob> Logprobs { get; } = [];
        public bool Begun { get; set; }
        public GenerationStatistics? Statistics { get; private set; }
        public int CallCount => _tools?.Calls.Count ?? 0;
        public string FinishReason => CallCount > 0 ? "tool_calls" : (_finish ?? Runtime.Generation.FinishReason.Stop).Text();

        public ToolCall Call(int index) => _tools!.Calls[index] with { Index = index };

        /// <summary>The text a piece makes showable.</summary>
        public string Take(Generated generated)
        {
            _finish = generated.Finish ?? _finish;
            Statistics = generated.Statistics ?? Statistics;
            if (_tools is null)
                return generated.Text;
            var text = _tools.Append(generated.Text);
            return generated.Finish is null ? text : text + _tools.Flush();
        }

        public ChatMessage Message() => CallCount == 0
            ? new("assistant", Text.ToString(), null)
            : new("assistant", Text.ToString().Trim() is { Length: > 0 } text ? text : null, null) { ToolCalls = _tools!.Calls };
    }
}
