using System.Runtime.CompilerServices;
using Banyan.Runtime.Conversations;
using Banyan.Runtime.Generation;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Chat;

/// <summary>Chat over an <see cref="Engine"/>: the model's template makes the prompt, the engine the answer.</summary>
internal sealed class EngineChatClient(Engine engine) : IChatClient
{
    // Added to a logit, it leaves a token no chance.
    const float Forbidden = -1000;

    readonly ChatClientMetadata _metadata = new("banyan", null, engine.Model.Name);

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var conversation = engine.Model.Template is { } template ? new Conversation(engine.Model.Tokenizer, template) : null;
        var use = options?.ToolMode switch { NoneChatToolMode => ToolUse.None, RequiredChatToolMode => ToolUse.Required, _ => ToolUse.Auto };
        var tools = use == ToolUse.None ? [] : ChatMessages.ToTools(options?.Tools);
        var prompt = ChatPrompt.Encode(engine.Model, ChatMessages.ToJson(messages, options?.Instructions), use == ToolUse.None ? null : ChatMessages.ToJson(options?.Tools), ChatMessages.ToVariables(options?.Reasoning, conversation));
        var generation = ChatMessages.ToGeneration(options);
        var reasoning = conversation!.ReasoningAfter(prompt);
        if (options?.Reasoning?.Effort == ReasoningEffort.None)
        {
            // A thought that the template begins all the same is ended in the prompt, and the token that begins one has no chance.
            if (reasoning == ReasoningState.Begun)
                prompt = conversation.EndReasoning(prompt);
            else if (conversation.ReasoningToken is { } token)
                generation = generation with { LogitBias = new Dictionary<int, float> { [token] = Forbidden } };
            reasoning = ReasoningState.Over;
        }
        var callable = options?.ToolMode is RequiredChatToolMode { RequiredFunctionName: { } named } ? [.. tools.Where(t => t.Name == named)] : tools;
        generation = generation with
        {
            Grammar = conversation.Shape(callable, use, options?.AllowMultipleToolCalls ?? true, generation.Grammar, reasoning),
            VisibleTokens = conversation.VisibleTokens,
        };
        var reader = conversation.Read(tools, reasoning == ReasoningState.Begun);
        var meter = conversation.Meter(reasoning == ReasoningState.Begun);
        var handedOn = 0;
        var (response, created) = ($"banyan-{Guid.NewGuid():n}", DateTimeOffset.UtcNow);
        await foreach (var generated in engine.GenerateAsync(prompt, generation, cancellationToken).ConfigureAwait(false))
        {
            var contents = new List<AIContent>();
            meter.Append(generated);
            foreach (var part in reader.Append(generated.Text, generated.Finish is not null))
                if (part.Kind == AnswerPartKind.Text)
                    contents.Add(new TextContent(part.Text));
                else if (part.Kind == AnswerPartKind.Reasoning && options?.Reasoning?.Output != ReasoningOutput.None)
                    contents.Add(new TextReasoningContent(part.Text));
            // A call is handed on when it is complete: it is an object here.
            for (; handedOn < reader.Calls.Count; handedOn++)
                contents.Add(ChatMessages.ToContent(reader.Calls[handedOn]));
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
                    ReasoningTokenCount = meter.Tokens,
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
