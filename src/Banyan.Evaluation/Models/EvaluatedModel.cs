using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Models;

/// <summary>A model that is measured: one that runs here, one behind an API, or answers that were recorded.</summary>
public abstract class EvaluatedModel : IAsyncDisposable
{
    /// <summary>The id that is asked for; for a local model its name with a hash of its weights.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Where it answers, and what the service says of it there: a part of what identifies its answers, since the same name may mean another model elsewhere, or
    /// there tomorrow. Null for a model whose name has a hash of its weights. May ask the service.
    /// </summary>
    public virtual Task<string?> OriginAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    /// <summary>How it can be addressed. May ask the service.</summary>
    public abstract Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken);

    /// <summary>Whether it was made to go on with text, though it has a form for messages: a base model.</summary>
    public virtual bool IsBase => false;

    /// <summary>Whether a message's answer can be begun for it.</summary>
    public virtual bool TakesPrefill => false;

    /// <summary>How many prompts at once serve it best.</summary>
    public virtual int Parallel => 1;

    /// <summary>Answers a prompt. Throws <see cref="ModelException"/> when it cannot.</summary>
    /// <param name="prompt">What the model is shown.</param>
    /// <param name="sampling">How the answer is drawn.</param>
    /// <param name="sample">Which draw: the seed is that of the settings plus this.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public abstract Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>A model did not answer; the message says what it said instead and what to do. A key is never in it.</summary>
public sealed class ModelException(string message) : Exception(message)
{
    /// <summary>What a service answered, where it did.</summary>
    internal Models.Http.ServiceError? Error { get; init; }
}
