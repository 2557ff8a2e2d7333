namespace Banyan.Training.Data;

/// <summary>Data that cannot be trained on. The message names the file and the place in it, what is wrong, and what to do.</summary>
/// <param name="message">The message.</param>
/// <param name="inner">What was caught, if anything.</param>
public sealed class DataException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>One record is not as it should be; who reads the data decides whether that stops everything.</summary>
/// <param name="problem">What is wrong with it.</param>
sealed class RecordException(string problem) : Exception(problem);

/// <summary>A record that was not used, or not as it was.</summary>
/// <param name="Place">Where it is: <c>train.jsonl, line 70,431</c>.</param>
/// <param name="What">What is wrong with it.</param>
public sealed record DataProblem(string Place, string What)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Place}: {What}";
}
