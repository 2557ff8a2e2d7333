using Banyan.Evaluation.Prices;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Runs;

/// <summary>What to run.</summary>
/// <param name="Task">The task.</param>
/// <param name="Source">Where its data is.</param>
public sealed record RunPlan(EvaluationTask Task, TaskSource Source)
{
    /// <summary>How answers are drawn.</summary>
    public SamplingSettings Sampling { get; init; } = new();

    /// <summary>Answers per item.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>At most this many items: spread evenly over the task, so that the sample is representative. Null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>Exactly these items instead, in the task's order.</summary>
    public IReadOnlySet<string>? Items { get; init; }

    /// <summary>The form of the prompts (<see cref="Prompts.PromptLadder.Forms"/>); null: the ladder's choice for the model.</summary>
    public string? Form { get; init; }

    /// <summary>Concurrent prompts; null: the model's best number.</summary>
    public int? Requests { get; init; }

    /// <summary>Maximum total cost of all answers in the transcript in US dollars; null: no limit.</summary>
    public decimal? MaxCost { get; init; }

    /// <summary>The prices of the model's tokens; null if free or unknown.</summary>
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
            throw new EvaluationException(
                "a bound on the cost needs the model's prices, and none are known of it: give a table with --prices FILE");
    }
}

/// <summary>The progress of a run.</summary>
/// <param name="Stage">The current stage.</param>
/// <param name="Done">Completed items or answers of this stage.</param>
/// <param name="Of">Total of this stage.</param>
/// <param name="Cost">US dollars so far; null if no price is known.</param>
/// <param name="CostLeft">Expected cost of the rest, from the answers so far.</param>
/// <param name="TimeLeft">Expected time for the rest of the stage; null before anything is known.</param>
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

/// <summary>A run's estimated cost, before it starts.</summary>
/// <param name="Answers">Answers to request, without those in the transcript.</param>
/// <param name="PromptTokens">Tokens of their prompts, estimated from their length.</param>
/// <param name="LikelyCost">US dollars for answers of typical length; null if no price is known.</param>
/// <param name="GreatestCost">US dollars if every answer has maximum length.</param>
/// <param name="Form">The form of the prompts.</param>
public sealed record RunEstimate(int Answers, long PromptTokens, decimal? LikelyCost, decimal? GreatestCost, string Form);
