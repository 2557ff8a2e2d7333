using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;

namespace Banyan.Server.Inference;

/// <summary>The settings of one model; null leaves a value to the server, or to the API.</summary>
public sealed record ModelSettings
{
    /// <summary>Nothing.</summary>
    public static ModelSettings None { get; } = new();

    /// <summary>
    /// Other names it is served under. One that ends in <c>*</c> stands for all names with this prefix; names of models take precedence.
    /// </summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>The most tokens of prompt and answer.</summary>
    public int? ContextLength { get; init; }

    /// <summary>How keys and values are stored.</summary>
    public KvFormat? KvCache { get; init; }

    /// <summary>Threads that compute.</summary>
    public int? Threads { get; init; }

    /// <summary>A smaller model with the same tokenizer that guesses ahead for it: a file or a folder.</summary>
    public string? Draft { get; init; }

    /// <summary>A Jinja chat template to use instead of its own.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>The system message of conversations without one.</summary>
    public string? System { get; init; }

    /// <summary>Texts before which an answer ends, if a request names none.</summary>
    public IReadOnlyList<string>? Stop { get; init; }

    /// <summary>After how long without a request it is unloaded; <see cref="Timeout.InfiniteTimeSpan"/> for never.</summary>
    public TimeSpan? KeepAlive { get; init; }

    /// <summary>The sampling defaults of requests that do not set them.</summary>
    public float? Temperature { get; init; }

    /// <inheritdoc cref="GenerationOptions.TopP"/>
    public float? TopP { get; init; }

    /// <inheritdoc cref="GenerationOptions.TopK"/>
    public int? TopK { get; init; }

    /// <inheritdoc cref="GenerationOptions.MinP"/>
    public float? MinP { get; init; }

    /// <inheritdoc cref="GenerationOptions.RepetitionPenalty"/>
    public float? RepetitionPenalty { get; init; }

    /// <summary>The part that takes effect when the model is loaded; the rest applies from the next request.</summary>
    internal ModelSettings OfLoading =>
        new() { ContextLength = ContextLength, KvCache = KvCache, Threads = Threads, Draft = Draft, ChatTemplate = ChatTemplate };

    internal ModelOptions Over(ModelOptions options) => options with
    {
        ContextLength = ContextLength ?? options.ContextLength,
        KvCache = KvCache ?? options.KvCache,
        Threads = Threads ?? options.Threads,
    };

    internal GenerationOptions Over(GenerationOptions options) => options with
    {
        Temperature = Temperature ?? options.Temperature,
        TopP = TopP ?? options.TopP,
        TopK = TopK ?? options.TopK,
        MinP = MinP ?? options.MinP,
        RepetitionPenalty = RepetitionPenalty ?? options.RepetitionPenalty,
        Stop = Stop ?? options.Stop,
    };

    /// <summary>Combines settings: these take precedence over the others.</summary>
    internal ModelSettings Over(ModelSettings below) => below with
    {
        System = System ?? below.System,
        Stop = Stop ?? below.Stop,
        Temperature = Temperature ?? below.Temperature,
        TopP = TopP ?? below.TopP,
        TopK = TopK ?? below.TopK,
        MinP = MinP ?? below.MinP,
        RepetitionPenalty = RepetitionPenalty ?? below.RepetitionPenalty,
    };
}
