using Banyan.Runtime.Models;
using Banyan.Training.Passes;

namespace Banyan.Training.Objectives;

/// <summary>What a run minimizes over the texts in a network's pass.</summary>
internal abstract class Objective
{
    /// <summary>Texts of an item: 1, or 2 for a pair.</summary>
    public virtual int TextsPerItem => 1;

    /// <summary>What the loss of items with the given number of targets is divided by.</summary>
    public virtual long Count(long items, long targets) => targets;

    /// <summary>
    /// The sum of the losses, and of the margins of pairs. <paramref name="weight"/>: what the sum's gradient is multiplied by before it is
    /// added to the parameters'; null for no backward pass.
    /// </summary>
    public abstract (double Loss, double Margin) Run(Network network, float? weight);

    /// <summary>The objective that the options choose.</summary>
    public static Objective Of(TuneOptions options, Model? teacher = null) => options.Objective switch
    {
        TuneObjective.Distill =>
            new Distillation(teacher ?? throw new ArgumentException("Objective is Distill, and there is no teacher"),
                options.DistillTemperature, options.DistillMix),
        TuneObjective.Dpo => new Dpo(options.DpoBeta),
        TuneObjective.Orpo => new Orpo(options.OrpoLambda),
        _ => new Supervised(),
    };
}

/// <summary>The cross-entropy of every target, whatever text it is in.</summary>
internal sealed class Supervised : Objective
{
    public override (double Loss, double Margin) Run(Network network, float? weight)
    {
        network.Forward();
        if (weight is { } factor)
        {
            network.Head.Coefficients[..network.Pass.TargetCount].Fill(factor);
            network.Backward(CrossEntropy.Instance);
        }
        else
            network.Losses(CrossEntropy.Instance);
        var sum = 0.0;
        foreach (var loss in network.Head.Losses[..network.Pass.TargetCount])
            sum += loss;
        return (sum, 0);
    }
}
