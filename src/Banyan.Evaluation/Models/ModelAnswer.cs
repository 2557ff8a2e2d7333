namespace Banyan.Evaluation.Models;

/// <summary>What came back for a prompt.</summary>
/// <param name="Text">All the model wrote.</param>
/// <param name="Model">The model that says it answered; empty where the service refused to ask any.</param>
public sealed record ModelAnswer(string Text, string Model)
{
    /// <summary>What the service says identifies its configuration.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Why it ended.</summary>
    public string? Finish { get; init; }

    /// <summary>Settings that the service does not accept, so that it was asked without.</summary>
    public IReadOnlyList<string> NotAccepted { get; init; } = [];

    /// <summary>Where it was asked, for an answer given long ago.</summary>
    public string? Origin { get; init; }

    /// <summary>Tokens of the prompt as counted and charged.</summary>
    public int? PromptTokens { get; init; }

    /// <summary>Tokens of the answer as counted and charged.</summary>
    public int? AnswerTokens { get; init; }

    /// <summary>From the request to the answer's end.</summary>
    public double Seconds { get; init; }

    /// <summary>Energy measured meanwhile.</summary>
    public double? Joules { get; init; }

    /// <summary>What that covers (<see cref="Efficiency.EnergyCoverage"/>); null for the processor alone.</summary>
    public string? EnergyOf { get; init; }

    /// <summary>The most memory the model's process has had resident.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>When it was given, where it was given long ago (a recorded answer); null for now.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>What it cost then, where it was given long ago.</summary>
    public decimal? Cost { get; init; }
}
