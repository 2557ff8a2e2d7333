using System.Runtime.CompilerServices;
using Banyan.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Chat;

/// <summary>Chat over an <see cref="Engine"/>: the model's template makes the prompt, the engine the answer.</summary>
internal sealed class EngineChatClient(Engine engine) : IChatClient
{
    readonly ChatClientMetadata _metadata = new("banyan", null, engine.Model.Name);

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var prompt = ChatPrompt.Encode(engine.Model, ChatMessages.ToJson(messages, options?.Instructions), ChatMessages.ToJson(options?.Tools));
        var (response, created) = ($"banyan-{Guid.NewGuid():n}", DateTimeOffset.UtcNow);
        await foreach (var generated in engine.GenerateAsync(prompt, ChatMessages.ToGeneration(options), cancellationToken).ConfigureAwait(false))
        {
            if (generated.Text.Length == 0 && generated.Finish is null)
                continue;
            var update = new ChatResponseUpdate(ChatRole.Assistant, generated.Text)
            {
                ResponseId = response,
                MessageId = response,
                CreatedAt = created,
                ModelId = engine.Model.Name,
                FinishReason = generated.Finish switch
                {
                    FinishReason.Stop => ChatFinishReason.Stop,
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
