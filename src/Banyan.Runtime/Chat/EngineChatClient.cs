using System.Runtime.CompilerServices;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Chat;

/// <summary>Chat over an <see cref="Engine"/>: the model's template makes the prompt, the engine the answer.</summary>
internal sealed class EngineChatClient(Engine engine) : IChatClient
{
    readonly ChatClientMetadata _metadata = new("banyan", null, engine.Model.Name);
    Conversation? _conversation;

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var turn = (_conversation ??= Conversation.With(engine.Model)).Prepare(ChatMessages.ToTurn(messages, options));
        var answer = turn.NewAnswer();
        var handedOn = 0;
        var (response, created) = ($"banyan-{Guid.NewGuid():n}", DateTimeOffset.UtcNow);
        await foreach (var generated in turn.GenerateAsync(engine, cancellationToken).ConfigureAwait(false))
        {
            var contents = new List<AIContent>();
            foreach (var part in answer.Take(generated))
                if (part.Kind == AnswerPartKind.Text)
                    contents.Add(new TextContent(part.Text));
                else if (part.Kind == AnswerPartKind.Reasoning && options?.Reasoning?.Output != ReasoningOutput.None)
                    contents.Add(new TextReasoningContent(part.Text));
            // A call is handed on when it is complete: it is an object here.
            for (; handedOn < answer.CompleteCalls.Count; handedOn++)
                contents.Add(ChatMessages.ToContent(answer.CompleteCalls[handedOn]));
            if (contents.Count == 0 && generated.Finish is null)
                continue;
            var update = new ChatResponseUpdate(ChatRole.Assistant, contents)
            {
                ResponseId = response,
                MessageId = response,
                CreatedAt = created,
                ModelId = engine.Model.Name,
                FinishReason = generated.Finish switch
                {
                    FinishReason.Stop => handedOn > 0 ? ChatFinishReason.ToolCalls : ChatFinishReason.Stop,
                    FinishReason.Length => ChatFinishReason.Length,
                    _ => null,
                },
            };
            if (generated.Statistics is { } statistics)
                update.Contents.Add(new UsageContent(new UsageDetails
                {
                    InputTokenCount = statistics.PromptTokens,
                    OutputTokenCount = statistics.GeneratedTokens,
                    TotalTokenCount = statistics.PromptTokens + statistics.GeneratedTokens,
                    CachedInputTokenCount = statistics.CachedTokens,
                    ReasoningTokenCount = answer.ReasoningTokens,
                }));
            yield return update;
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null
        : serviceType == typeof(ChatClientMetadata) ? _metadata
        : serviceType.IsInstanceOfType(engine) ? engine
        : serviceType.IsInstanceOfType(engine.Model) ? engine.Model
        : serviceType.IsInstanceOfType(this) ? this
        : null;

    // The engine belongs to whoever made it.
    public void Dispose() { }
}
