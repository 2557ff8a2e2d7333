namespace Banyan.Evaluation.Recorded;

/// <summary>One answer of a model to one item, as some harness recorded it.</summary>
/// <param name="Id">The item's id, as the task's data names it.</param>
/// <param name="Text">The text to score: the code after the prompt, or the whole solution (see <paramref name="Whole"/>).</param>
/// <param name="Whole">Whether <paramref name="Text"/> is a whole program, not what follows the prompt.</param>
public sealed record RecordedAnswer(string Id, string Text, bool Whole)
{
    /// <summary>Whether every brace in <see cref="Text"/> is closed; other harnesses' answers leave the last one to the tests.</summary>
    public bool Balanced { get; init; }

    /// <summary>The model's full output before another harness cut it at a stop string, preceded by the prompt; null if not kept.</summary>
    public string? Uncut { get; init; }

    /// <summary>The program that the other harness ran, including tests; null if not kept.</summary>
    public string? Program { get; init; }
}
