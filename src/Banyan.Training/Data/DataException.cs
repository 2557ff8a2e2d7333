namespace Banyan.Training.Data;

/// <summary>Data that cannot be used for training. The message names the file, the position, the problem and what to do.</summary>
/// <param name="message">The message.</param>
/// <param name="inner">The cause, if any.</param>
public sealed class DataException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>One record is invalid; the reader of the data decides whether that stops everything.</summary>
/// <param name="problem">What is wrong with it.</param>
sealed class RecordException(string problem) : Exception(problem);

/// <summary>A record that was skipped or changed.</summary>
/// <param name="Place">Its position: <c>train.jsonl, line 70,431</c>.</param>
/// <param name="What">What is wrong with it.</param>
public sealed record DataProblem(string Place, string What)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Place}: {What}";
}
