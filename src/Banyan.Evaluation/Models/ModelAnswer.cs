namespace Banyan.Evaluation.Models;

/// <summary>The answer to a prompt.</summary>
/// <param name="Text">The model's full output.</param>
/// <param name="Model">The model reported as answering; empty if the service refused before reaching one.</param>
public sealed record ModelAnswer(string Text, string Model)
{
    /// <summary>The configuration fingerprint reported by the service.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Why it ended.</summary>
    public string? Finish { get; init; }

    /// <summary>Settings that the service does not accept and that were omitted.</summary>
    public IReadOnlyList<string> NotAccepted { get; init; } = [];

    /// <summary>Where it was requested, for a recorded answer.</summary>
    public string? Origin { get; init; }

    /// <summary>Tokens of the prompt as counted and charged.</summary>
    public int? PromptTokens { get; init; }

    /// <summary>Tokens of the answer as counted and charged.</summary>
    public int? AnswerTokens { get; init; }

    /// <summary>From the request to the answer's end.</summary>
    public double Seconds { get; init; }

    /// <summary>Energy measured during the answer.</summary>
    public double? Joules { get; init; }

    /// <summary>What that covers (<see cref="Efficiency.EnergyCoverage"/>); null for the processor alone.</summary>
    public string? EnergyOf { get; init; }

    /// <summary>Peak resident memory of the model's process.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>When it was given, for a recorded answer; null for now.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>Its cost then, for a recorded answer.</summary>
    public decimal? Cost { get; init; }
}
