namespace Banyan.Training;

/// <summary>The result of one step.</summary>
/// <param name="Step">Its number, counted from 1.</param>
/// <param name="Loss">The mean over the step's target tokens, in nats; over its pairs for preferences.</param>
/// <param name="LearningRate">The step's learning rate.</param>
/// <param name="GradientNorm">The global gradient norm before clipping.</param>
/// <param name="Tokens">Tokens computed.</param>
/// <param name="TargetTokens">Those that counted in the loss.</param>
/// <param name="TokensPerSecond">Tokens per second of the step.</param>
public sealed record StepResult(
    int Step, double Loss, double LearningRate, double GradientNorm, int Tokens, int TargetTokens, double TokensPerSecond)
{
    /// <summary>The held-out loss, if it was evaluated after this step.</summary>
    public double? HeldOut { get; init; }

    /// <summary>
    /// Of pairs: the mean of what decides the preference, above 0 if the chosen answer wins (DPO: β times the log-ratios; ORPO: the log
    /// odds ratio).
    /// </summary>
    public double? Margin { get; init; }

    /// <summary>Whether a checkpoint on disk includes this step.</summary>
    public bool IsSaved { get; init; }
}

/// <summary>The cost of a run, known before it starts.</summary>
/// <param name="TrainableParameters">The number of trained parameters.</param>
/// <param name="MemoryBytes">Memory in all: weights, activations, trained parameters, their gradients and the optimizer's state.</param>
/// <param name="WeightBytes">Of these, the model's weights.</param>
/// <param name="ActivationBytes">Of these, activations and working memory.</param>
/// <param name="StateBytes">Of these, trained parameters, gradients and the optimizer's state.</param>
/// <param name="Recomputes">Whether layers are recomputed in the backward pass.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Samples">Training samples, or pairs.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="TargetTokens">Of these, those that count in the loss.</param>
/// <param name="Truncated">Samples truncated because they are longer than a sequence.</param>
/// <param name="WithoutTargets">Samples dropped because no target remains.</param>
public sealed record TrainingPlan(
    long TrainableParameters, long MemoryBytes, long WeightBytes, long ActivationBytes, long StateBytes, bool Recomputes,
    int Steps, int Samples, long Tokens, long TargetTokens, int Truncated, int WithoutTargets);

/// <summary>The speed measured on a few sequences, without changing anything.</summary>
/// <param name="TokensPerSecond">Training tokens per second.</param>
/// <param name="Remaining">The time that all remaining steps and evaluations will take.</param>
public sealed record ProbeResult(double TokensPerSecond, TimeSpan Remaining);

/// <summary>Training cannot start or continue; the message says why.</summary>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner);
