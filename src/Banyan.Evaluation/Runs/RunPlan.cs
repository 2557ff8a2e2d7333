using Banyan.Evaluation.Prices;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Runs;

/// <summary>What to run.</summary>
/// <param name="Task">The task.</param>
/// <param name="Source">Where its data lies.</param>
public sealed record RunPlan(EvaluationTask Task, TaskSource Source)
{
    /// <summary>How answers are drawn.</summary>
    public SamplingSettings Sampling { get; init; } = new();

    /// <summary>Answers to each item.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>At most this many items: spread evenly over the task, so that a part is like the whole. Null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>Exactly these items instead, in the task's order.</summary>
    public IReadOnlySet<string>? Items { get; init; }

    /// <summary>The form of the prompts (<see cref="Prompts.PromptLadder.Forms"/>); null: what the ladder has for the model.</summary>
    public string? Form { get; init; }

    /// <summary>Prompts at once; null: what serves the model best.</summary>
    public int? Requests { get; init; }

    /// <summary>US dollars that all answers in the transcript together may cost; null: no bound.</summary>
    public decimal? MaxCost { get; init; }

    /// <summary>The prices of the model's tokens; null where nothing is charged or nothing is known.</summary>
    public Price? Price { get; init; }

    /// <summary>Checks every value. Throws <see cref="EvaluationException"/> naming the one that is wrong.</summary>
    public void Validate()
    {
        Sampling.Validate();
        if (Samples is < 1 or > 10_000)
            throw new EvaluationException($"{Samples} samples: a number between 1 and 10000 is expected");
        if (Limit is < 1)
            throw new EvaluationException($"a limit of {Limit} items: at least 1 is expected");
        if (Requests is < 1 or > 256)
            throw new EvaluationException($"{Requests} requests at once: a number between 1 and 256 is expected");
        if (MaxCost is < 0)
            throw new EvaluationException($"a cost of at most {MaxCost}: 0 or more is expected");
        if (MaxCost is not null && Price is null)
            throw new EvaluationException("a bound on the cost needs the model's prices, and none are known of it: give a table with --prices FILE");
    }
}

/// <summary>How far a run is.</summary>
/// <param name="Stage">What is done now.</param>
/// <param name="Done">Items or answers of this stage that are done.</param>
/// <param name="Of">All of this stage.</param>
/// <param name="Cost">US dollars so far; null where no price is known.</param>
/// <param name="CostLeft">What the rest is expected to cost, from the answers so far.</param>
/// <param name="TimeLeft">How long the rest of the stage is expected to take; null before anything is known.</param>
public readonly record struct RunProgress(RunStage Stage, int Done, int Of, decimal? Cost, decimal? CostLeft, TimeSpan? TimeLeft);

/// <summary>The stages of a run, in order.</summary>
public enum RunStage
{
    /// <summary>Canonical solutions must pass, and wrong ones fail.</summary>
    Proving,

    /// <summary>The model answers.</summary>
    Answering,

    /// <summary>Its answers are judged.</summary>
    Judging,
}

/// <summary>What a run will take, before it begins.</summary>
/// <param name="Answers">Answers that are asked for; those in the transcript are not.</param>
/// <param name="PromptTokens">Tokens of their prompts, estimated from their length.</param>
/// <param name="LikelyCost">US dollars where answers are as long as usual; null where no price is known.</param>
/// <param name="GreatestCost">US dollars where every answer is as long as it may be.</param>
/// <param name="Form">The form of the prompts.</param>
public sealed record RunEstimate(int Answers, long PromptTokens, decimal? LikelyCost, decimal? GreatestCost, string Form);
