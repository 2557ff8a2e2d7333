using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Models;

/// <summary>A model to evaluate: a local one, one behind an API, or recorded answers.</summary>
public abstract class EvaluatedModel : IAsyncDisposable
{
    /// <summary>The requested id; for a local model its name with a hash of its weights.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Where it answers, and what the service says about it: part of an answer's identity, since the same name may mean a different model
    /// elsewhere or later. Null for a model whose name contains a hash of its weights. May query the service.
    /// </summary>
    public virtual Task<string?> OriginAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    /// <summary>The prompt forms it supports. May query the service.</summary>
    public abstract Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken);

    /// <summary>Whether it is a base model, made to continue text, even if it has a chat template.</summary>
    public virtual bool IsBase => false;

    /// <summary>Whether the start of an answer can be prefilled.</summary>
    public virtual bool TakesPrefill => false;

    /// <summary>The best number of concurrent prompts.</summary>
    public virtual int Parallel => 1;

    /// <summary>Answers a prompt. Throws <see cref="ModelException"/> when it cannot.</summary>
    /// <param name="prompt">What the model is shown.</param>
    /// <param name="sampling">How the answer is drawn.</param>
    /// <param name="sample">The sample number, added to the settings' seed.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public abstract Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>A model did not answer; the message says what the service said and what to do. It never contains a key.</summary>
public sealed class ModelException(string message) : Exception(message)
{
    /// <summary>The service's response, if there was one.</summary>
    internal Models.Http.ServiceError? Error { get; init; }
}
