using Banyan.Runtime.Adapters;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Training.Results;

namespace Banyan.Training;

/// <summary>A model's loss on a text.</summary>
/// <param name="Loss">The sum of −ln p over its targets, in nats.</param>
/// <param name="Targets">The number of targets.</param>
public readonly record struct TextLoss(double Loss, int Targets)
{
    /// <summary>The losses of texts as the runtime computes them when generating.</summary>
    /// <param name="model">The model; load it with <see cref="ActivationFormat.Float"/>.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="adapter">An adapter of the model; null for the model alone.</param>
    /// <param name="progress">Receives the texts done so far.</param>
    /// <param name="cancellationToken">Cancels between texts.</param>
    public static IReadOnlyList<TextLoss> Of(Model model, IEnumerable<Sample> texts, ModelAdapter? adapter = null,
        IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        var losses = new List<TextLoss>();
        foreach (var text in texts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            losses.Add(Of(model, text, adapter));
            progress?.Report(losses.Count);
        }
        return losses;
    }

    static TextLoss Of(Model model, Sample text, ModelAdapter? adapter)
    {
        var (sum, targets) = (0.0, 0);
        RuntimeLogits.Of(model, text.Tokens, adapter, (row, logits) =>
        {
            if (row + 1 < text.Tokens.Length && text.Targets[row + 1])
                (sum, targets) = (sum + Distribution.LogSumExp(logits) - logits[text.Tokens[row + 1]], targets + 1);
        });
        return new(sum, targets);
    }
}
