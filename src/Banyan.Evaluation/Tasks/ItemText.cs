namespace Banyan.Evaluation.Tasks;

/// <summary>An item's words and code, which a training set must not contain.</summary>
/// <param name="Statement">What a model is shown.</param>
/// <param name="Solution">The canonical solution's code; null if the data has none.</param>
public sealed record ItemText(string Statement, string? Solution);
