using Banyan.Evaluation.Runs;

namespace Banyan.Evaluation.Efficiency;

/// <summary>
/// The resources used by a run's answers, from its transcript. What was not measured for every answer is null: nothing is estimated.
/// </summary>
/// <param name="PromptTokens">Tokens of the prompts.</param>
/// <param name="AnswerTokens">Tokens of the answers, hidden reasoning included.</param>
/// <param name="Seconds">Total seconds of all answers: with concurrency, more than wall-clock time.</param>
/// <param name="CharactersPerSecond">Characters per second of an answer: comparable between models with different tokens.</param>
/// <param name="TokensPerSecond">Tokens per second of an answer.</param>
/// <param name="PeakMemoryBytes">Peak resident memory of the model's process.</param>
/// <param name="Joules">Energy of this machine while answering; null also if answers differ in what it covers.</param>
/// <param name="Cost">US dollars.</param>
/// <param name="CostPer1000Correct">US dollars per thousand right answers; null if none is right.</param>
/// <param name="JoulesPerCorrect">Joules per right answer.</param>
public sealed record RunEfficiency(
    long? PromptTokens, long? AnswerTokens, double Seconds, double CharactersPerSecond, double? TokensPerSecond,
    long? PeakMemoryBytes, double? Joules,
    decimal? Cost, decimal? CostPer1000Correct, double? JoulesPerCorrect)
{
    /// <summary>
    /// What <see cref="Joules"/> covers (<see cref="EnergyCoverage"/>); null if nothing was measured, or if a transcript does not say,
    /// which means the processor.
    /// </summary>
    public string? EnergyOf { get; init; }

    /// <summary>Of a result.</summary>
    public static RunEfficiency Of(RunResult result)
    {
        var items = result.Items;
        var right = items.Count(i => i.Passed);
        var seconds = items.Sum(i => i.Seconds);
        var answered = All(i => i.AnswerTokens);
        var alike = items.Select(i => i.EnergyOf ?? EnergyCoverage.Processor).Distinct().Count() == 1;
        var joules = alike && items.All(i => i.Joules is not null) ? items.Sum(i => i.Joules) : null;
        var cost = items.Count > 0 && items.All(i => i.Cost is not null) ? items.Sum(i => i.Cost) : null;
        return new(All(i => i.PromptTokens), answered, Math.Round(seconds, 3), Rate(items.Sum(i => (long)i.AnswerCharacters)),
            answered is { } tokens ? Rate(tokens) : null,
            items.Any(i => i.PeakMemoryBytes is not null) ? items.Max(i => i.PeakMemoryBytes) : null,
            joules, cost, right > 0 && cost is { } dollars ? Math.Round(dollars / right * 1000, 6) : null,
            right > 0 && joules is { } energy ? Math.Round(energy / right, 3) : null)
        {
            EnergyOf = joules is null ? null : items[0].EnergyOf,
        };

        long? All(Func<ItemOutcome, int?> count) =>
            items.Count > 0 && items.All(i => count(i) is not null) ? items.Sum(i => (long)count(i)!.Value) : null;
        double Rate(long count) => seconds > 0 ? Math.Round(count / seconds, 1) : 0;
    }
}
