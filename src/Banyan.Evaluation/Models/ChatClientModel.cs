using System.Diagnostics;
using Banyan.Evaluation.Transcripts;
using Microsoft.Extensions.AI;

namespace Banyan.Evaluation.Models;

/// <summary>Any <see cref="IChatClient"/> of a .NET program.</summary>
/// <param name="client">The client; it is not disposed.</param>
/// <param name="name">The model's id as the client knows it.</param>
public sealed class ChatClientModel(IChatClient client, string name) : EvaluatedModel
{
    static readonly HashSet<PromptKind> s_kinds = [PromptKind.Chat];

    /// <inheritdoc/>
    public override string Name => name;

    /// <inheritdoc/>
    public override Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<PromptKind>>(s_kinds);

    /// <inheritdoc/>
    public override async Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken)
    {
        var messages = new List<ChatMessage>();
        if (prompt.System is { } system)
            messages.Add(new(ChatRole.System, system));
        messages.Add(new(ChatRole.User, prompt.Text));
        var options = new ChatOptions
        {
            ModelId = name,
            Temperature = (float)sampling.Temperature,
            TopP = (float)sampling.TopP,
            MaxOutputTokens = sampling.MaxTokens,
            Seed = sampling.Seed + sample,
            StopSequences = prompt.Stop.Count > 0 ? [.. prompt.Stop] : null,
        };
        var began = Stopwatch.GetTimestamp();
        var response = await client.GetResponseAsync(messages, options, cancellationToken);
        return new(response.Text, response.ModelId ?? name)
        {
            Finish = response.FinishReason?.Value,
            PromptTokens = (int?)response.Usage?.InputTokenCount,
            AnswerTokens = (int?)response.Usage?.OutputTokenCount,
            Seconds = Stopwatch.GetElapsedTime(began).TotalSeconds,
        };
    }
}
