using Banyan.Runtime.Generation;

namespace Banyan.Runtime.Prompts;

/// <summary>A turn of a conversation that is ready to be generated; see <see cref="Conversation.Prepare"/>.</summary>
public sealed class Turn
{
    readonly Conversation _conversation;
    readonly IReadOnlyList<Tool> _tools;
    readonly bool _reasons;
    readonly ReasoningLimit? _limit;

    internal Turn(int[] prompt, GenerationOptions options, Conversation conversation, IReadOnlyList<Tool> tools, bool reasons,
        ReasoningLimit? limit) =>
        (Prompt, Options, _conversation, _tools, _reasons, _limit) = (prompt, options, conversation, tools, reasons, limit);

    /// <summary>Token ids.</summary>
    public int[] Prompt { get; }

    /// <summary>How to sample, with the grammar of calls and shape.</summary>
    public GenerationOptions Options { get; }

    /// <summary>Reads one answer.</summary>
    public TurnAnswer NewAnswer() => new(_conversation.Read(_tools, _reasons), _conversation.Meter(_reasons));

    /// <summary>Generates it, within the limit of its reasoning.</summary>
    /// <inheritdoc cref="Engine.GenerateAsync"/>
    public IAsyncEnumerable<Generated> GenerateAsync(Engine engine, CancellationToken cancellationToken = default) =>
        GenerateAsync(engine.GenerateAsync, Options, engine.ContextLength, cancellationToken);

    /// <summary>Generates it by an engine's method or one around it.</summary>
    /// <param name="generate">Generates from a prompt.</param>
    /// <param name="options">This turn's, perhaps with another seed.</param>
    /// <param name="contextLength">Tokens of prompt and answer at most.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public IAsyncEnumerable<Generated> GenerateAsync(
        Func<IReadOnlyList<int>, GenerationOptions, CancellationToken, IAsyncEnumerable<Generated>> generate,
        GenerationOptions options, int contextLength, CancellationToken cancellationToken = default) => _limit is null
        ? generate(Prompt, options, cancellationToken)
        : _limit.GenerateAsync(generate, Prompt, options, _reasons, contextLength, cancellationToken);
}
