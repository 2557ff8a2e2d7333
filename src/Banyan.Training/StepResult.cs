namespace Banyan.Training;

/// <summary>What one step did.</summary>
/// <param name="Step">Its number, from 1 on.</param>
/// <param name="Loss">The mean over the step's target tokens, in nats; over its pairs for preferences.</param>
/// <param name="LearningRate">The learning rate it was taken with.</param>
/// <param name="GradientNorm">The norm of all gradients together, before it was clipped.</param>
/// <param name="Tokens">Tokens computed.</param>
/// <param name="TargetTokens">Those that counted in the loss.</param>
/// <param name="TokensPerSecond">Tokens by the time the step took.</param>
/// <param name="HeldOut">The mean loss of what is held out, where it was evaluated after this step.</param>
public sealed record StepResult(
    int Step, double Loss, double LearningRate, double GradientNorm, int Tokens, int TargetTokens, double TokensPerSecond, double? HeldOut)
{
    /// <summary>Of preferences: the mean difference of what is rewarded between chosen and rejected answers (DPO: β times the log-ratios).</summary>
    public double? Margin { get; init; }

    /// <summary>Whether the step is in a checkpoint: it survives whatever happens next.</summary>
    public bool IsSaved { get; init; }
}

/// <summary>What a run will take, known before it starts.</summary>
/// <param name="TrainableParameters">Numbers that are trained.</param>
/// <param name="MemoryBytes">Memory in all: weights, activations, gradients and the optimizer's state.</param>
/// <param name="WeightBytes">Of these, the model's weights.</param>
/// <param name="ActivationBytes">Of these, activations and working memory.</param>
/// <param name="StateBytes">Of these, trained parameters, their gradients and the optimizer's state.</param>
/// <param name="Recomputes">Whether layers are computed again on the way back.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="StepsPerEpoch">Steps of a pass over the data.</param>
/// <param name="Samples">Samples, or pairs, that are learned from.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="TargetTokens">Of these, those that count in the loss.</param>
/// <param name="Truncated">Samples that are cut, as they are longer than a sequence.</param>
/// <param name="WithoutTargets">Samples left out, as no target is left in them.</param>
public sealed record TrainingPlan(
    long TrainableParameters, long MemoryBytes, long WeightBytes, long ActivationBytes, long StateBytes, bool Recomputes,
    int Steps, int StepsPerEpoch, int Samples, long Tokens, long TargetTokens, int Truncated, int WithoutTargets);

/// <summary>What a few steps took that were undone again.</summary>
/// <param name="Steps">How many.</param>
/// <param name="SecondsPerStep">Their mean time, the first not counted.</param>
/// <param name="Duration">What all steps that are left will take.</param>
public sealed record ProbeResult(int Steps, double SecondsPerStep, TimeSpan Duration);

/// <summary>Training cannot go on, for a reason that the message names.</summary>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner);
