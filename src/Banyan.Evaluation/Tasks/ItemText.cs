namespace Banyan.Evaluation.Tasks;

/// <summary>What an item says in words and code: what a training set must not hold.</summary>
/// <param name="Statement">What a model is shown.</param>
/// <param name="Solution">The canonical solution's code; null where the data has none.</param>
public sealed record ItemText(string Statement, string? Solution);
