using System.Text.Json.Serialization;

namespace Banyan.Evaluation.Arena;

/// <summary>A voter's verdict on two answers.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Choice>))]
public enum Choice
{
    /// <summary>The left (first shown) is better.</summary>
    [JsonStringEnumMemberName("left")]
    Left,

    /// <summary>The right (second shown) is better.</summary>
    [JsonStringEnumMemberName("right")]
    Right,

    /// <summary>Both are equally good.</summary>
    [JsonStringEnumMemberName("tie")]
    Tie,

    /// <summary>Neither is any good; counts as a tie.</summary>
    [JsonStringEnumMemberName("neither")]
    Neither,
}

/// <summary>A vote: a line of a vote file.</summary>
public sealed record Vote
{
    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The question's name, or its text's SHA-256.</summary>
    public required string Question { get; init; }

    /// <summary>The model whose answer was on the left. The voter did not know.</summary>
    public required string Left { get; init; }

    /// <summary>The model on the right.</summary>
    public required string Right { get; init; }

    /// <summary>What the voter said.</summary>
    public required Choice Choice { get; init; }

    /// <summary>SHA-256 of the left answer.</summary>
    public required string LeftHash { get; init; }

    /// <summary>SHA-256 of the right answer.</summary>
    public required string RightHash { get; init; }

    /// <summary>SHA-256 of the previous line: a changed or removed vote breaks the chain.</summary>
    public string Previous { get; init; } = "";
}
