using System.Text.Json.Serialization;

namespace Banyan.Evaluation.Transcripts;

/// <summary>One answer of a model to one prompt: a line of a transcript. A report can be computed from these alone.</summary>
public sealed record TranscriptEntry
{
    /// <summary>The task's name.</summary>
    public required string Task { get; init; }

    /// <summary>The item's id.</summary>
    public required string Item { get; init; }

    /// <summary>Which of the item's answers, from 0.</summary>
    public int Sample { get; init; }

    /// <summary>The form of the prompt: one of the common forms (<c>completion</c>, <c>fenced</c>, <c>chat</c>, <c>infill</c>) or
    /// <c>vendor</c>.</summary>
    public required string Prompt { get; init; }

    /// <summary>SHA-256 of everything the model was shown, in hexadecimal.</summary>
    public required string PromptHash { get; init; }

    /// <summary>How it was drawn.</summary>
    public required SamplingSettings Sampling { get; init; }

    /// <summary>The requested model.</summary>
    public required string RequestedModel { get; init; }

    /// <summary>Where it was requested, and what the service there says about the model; null for a model in this process.</summary>
    public string? Origin { get; init; }

    /// <summary>The model reported as answering; empty if the service refused before reaching one.</summary>
    public required string ReturnedModel { get; init; }

    /// <summary>The service's configuration fingerprint (OpenAI's <c>system_fingerprint</c>); null if not reported.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The model's full output.</summary>
    public required string Answer { get; init; }

    /// <summary>Why it ended: <c>stop</c>, <c>length</c>, or the service's own word; null if not reported.</summary>
    public string? Finish { get; init; }

    /// <summary>Settings that the service does not accept: it used its own.</summary>
    public IReadOnlyList<string>? NotAccepted { get; init; }

    /// <summary>Tokens of the prompt as counted (and charged) by the service; null if not reported.</summary>
    public int? PromptTokens { get; init; }

    /// <summary>Tokens of the answer, likewise; hidden reasoning included.</summary>
    public int? AnswerTokens { get; init; }

    /// <summary>From the answered request to the end of the answer, without earlier attempts and rate-limit waits.</summary>
    public double Seconds { get; init; }

    /// <summary>US dollars by the price table; null if no price is known (a local model, an unlisted one).</summary>
    public decimal? Cost { get; init; }

    /// <summary>Measured energy of this machine during the answer (RAPL, NVML); null if not measured.</summary>
    public double? Joules { get; init; }

    /// <summary>What that covers (<see cref="Efficiency.EnergyCoverage"/>); null for the processor alone.</summary>
    public string? EnergyOf { get; init; }

    /// <summary>Peak resident memory of the model's process so far; null if not measured.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>When the answer was complete.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>The key of an answer.</summary>
    [JsonIgnore]
    public TranscriptKey Key => new(RequestedModel, PromptHash, Sampling, Sample) { Origin = Origin };
}

/// <summary>What an answer depends on: the model, everything it was shown, the sampling, and the sample number.</summary>
/// <param name="Model">The requested model; the model that answered is checked against it.</param>
/// <param name="PromptHash">SHA-256 of everything it was shown.</param>
/// <param name="Sampling">How it was drawn.</param>
/// <param name="Sample">The sample number.</param>
public sealed record TranscriptKey(string Model, string PromptHash, SamplingSettings Sampling, int Sample)
{
    /// <summary>See <see cref="TranscriptEntry.Origin"/>: a model of the same name elsewhere is another.</summary>
    public string? Origin { get; init; }
}
