namespace Banyan.Training;

/// <summary>What one step did.</summary>
/// <param name="Step">Its number, from 1 on.</param>
/// <param name="Loss">The mean over the step's target tokens, in nats; over its pairs for preferences.</param>
/// <param name="LearningRate">The learning rate it was taken with.</param>
/// <param name="GradientNorm">The norm of all gradients together, before it was clipped.</param>
/// <param name="Tokens">Tokens computed.</param>
/// <param name="TargetTokens">Those that counted in the loss.</param>
/// <param name="TokensPerSecond">Tokens by the time the step took.</param>
public sealed record StepResult(
    int Step, double Loss, double LearningRate, double GradientNorm, int Tokens, int TargetTokens, double TokensPerSecond)
{
    /// <summary>The loss of what is held out, where it was evaluated after this step.</summary>
    public double? HeldOut { get; init; }

    /// <summary>Of pairs: the mean of what decides the preference, above 0 where the chosen answer wins (DPO: β times the log-ratios; ORPO: the log odds ratio).</summary>
    public double? Margin { get; init; }

    /// <summary>Whether a checkpoint on the disk has this step: it survives whatever happens next.</summary>
    public bool IsSaved { get; init; }
}

/// <summary>What a run will take, known before it starts.</summary>
/// <param name="TrainableParameters">Numbers that are trained.</param>
/// <param name="MemoryBytes">Memory in all: weights, activations, trained parameters, their gradients and the optimizer's state.</param>
/// <param name="WeightBytes">Of these, the model's weights.</param>
/// <param name="ActivationBytes">Of these, activations and working memory.</param>
/// <param name="StateBytes">Of these, trained parameters, gradients and the optimizer's state.</param>
/// <param name="Recomputes">Whether layers are computed again on the way back.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Samples">Samples, or pairs, that are learned from.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="TargetTokens">Of these, those that count in the loss.</param>
/// <param name="Truncated">Samples that are cut, as they are longer than a sequence.</param>
/// <param name="WithoutTargets">Samples left out, as no target is left in them.</param>
public sealed record TrainingPlan(
    long TrainableParameters, long MemoryBytes, long WeightBytes, long ActivationBytes, long StateBytes, bool Recomputes,
    int Steps, int Samples, long Tokens, long TargetTokens, int Truncated, int WithoutTargets);

/// <summary>What a few sequences took that left no trace.</summary>
/// <param name="TokensPerSecond">Tokens learned from a second.</param>
/// <param name="Remaining">What all steps and evaluations that are left will take.</param>
public sealed record ProbeResult(double TokensPerSecond, TimeSpan Remaining);

/// <summary>Training cannot begin or go on, for a reason that the message names.</summary>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner);
