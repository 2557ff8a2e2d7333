using Banyan.Training.Passes;

namespace Banyan.Training.Objectives;

/// <summary>The objectives on pairs: the texts of a pass are, two by two, a chosen and a rejected answer. A pair's loss is a function of
/// the likelihoods of both, and so is what their tokens' gradients are multiplied by.</summary>
internal abstract class Preference : Objective
{
    /// <summary>The log-likelihood of an answer, and its tokens.</summary>
    protected readonly record struct Answer(double LogLikelihood, int Tokens);

    public sealed override int TextsPerItem => 2;

    public sealed override long Count(long items, long targets) => items;

    public sealed override (double Loss, double Margin) Run(Network network, float? weight)
    {
        var pass = network.Pass;
        var reference = NeedsReference ? Reference(network) : [];
        network.Forward();
        network.Losses(CrossEntropy.Instance);
        var answers = Answers(network);
        var (sum, margins) = (0.0, 0.0);
        for (var i = 0; i < answers.Length; i += 2)
        {
            var (loss, margin, chosen, rejected) =
                Pair(answers[i], answers[i + 1], NeedsReference ? reference[i].LogLikelihood - reference[i + 1].LogLikelihood : 0);
            (sum, margins) = (sum + loss, margins + margin);
            if (weight is not { } factor)
                continue;
            Fill(i, chosen * factor);
            Fill(i + 1, rejected * factor);
        }
        if (weight is not null)
            network.Backward(CrossEntropy.Instance);
        return (sum, margins);

        void Fill(int text, double coefficient)
        {
            var (first, end) = pass.TargetsOf(text);
            network.Head.Coefficients[first..end].Fill((float)coefficient);
        }
    }

    /// <summary>Whether the likelihoods of the model without its adapter are needed.</summary>
    protected virtual bool NeedsReference => false;

    /// <summary>
    /// The loss of a pair, its margin, and the loss's derivative by −log p of each token of either answer.
    /// <paramref name="reference"/>: the reference's log-ratio of both.
    /// </summary>
    protected abstract (double Loss, double Margin, double Chosen, double Rejected) Pair(Answer chosen, Answer rejected, double reference);

    /// <summary>−ln σ(x), and σ(−x).</summary>
    protected static (double Loss, double Slope) LogSigmoid(double x) =>
        (x > 0 ? Math.Log(1 + Math.Exp(-x)) : Math.Log(1 + Math.Exp(x)) - x, 1 / (1 + Math.Exp(x)));

    static Answer[] Reference(Network network)
    {
        network.Pass.IsBase = true;
        try
        {
            network.Forward();
            network.Losses(CrossEntropy.Instance);
        }
        finally
        {
            network.Pass.IsBase = false;
        }
        return Answers(network);
    }

    static Answer[] Answers(Network network)
    {
        var answers = new Answer[network.Pass.Segments.Length];
        for (var text = 0; text < answers.Length; text++)
        {
            var (first, end) = network.Pass.TargetsOf(text);
            var sum = 0.0;
            foreach (var loss in network.Head.Losses[first..end])
                sum += loss;
            answers[text] = new(-sum, end - first);
        }
        return answers;
    }
}

/// <summary>DPO (arXiv 2305.18290): −ln σ(β · (ln p(chosen)/p(rejected) − ln q(chosen)/q(rejected))), q the reference.</summary>
internal sealed class Dpo(double beta) : Preference
{
    protected override bool NeedsReference => true;

    protected override (double Loss, double Margin, double Chosen, double Rejected) Pair(Answer chosen, Answer rejected, double reference)
    {
        var margin = beta * (chosen.LogLikelihood - rejected.LogLikelihood - reference);
        var (loss, slope) = LogSigmoid(margin);
        return (loss, margin, beta * slope, -beta * slope);
    }
}

/// <summary>
/// ORPO (arXiv 2403.07691): −l(chosen) − λ · ln σ(ln odds(chosen) − ln odds(rejected)), with l the mean log-likelihood of a token and
/// odds = e^l ÷ (1 − e^l).
/// </summary>
internal sealed class Orpo(double lambda) : Preference
{
    protected override (double Loss, double Margin, double Chosen, double Rejected) Pair(Answer chosen, Answer rejected, double reference)
    {
        double c = Mean(chosen), r = Mean(rejected), restC = -Math.Exp(c) + 1, restR = -Math.Exp(r) + 1;
        var margin = c - Math.Log(restC) - (r - Math.Log(restR));
        var (loss, slope) = LogSigmoid(margin);
        return (-c + lambda * loss, margin, (1 + lambda * slope / restC) / chosen.Tokens, -lambda * slope / restR / rejected.Tokens);
    }

    // Below 0, so that no answer is certain: its odds would have no end.
    static double Mean(Answer answer) => Math.Min(answer.LogLikelihood / answer.Tokens, -1e-6);
}
