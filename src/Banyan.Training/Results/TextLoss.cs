using Banyan.Runtime.Adapters;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Training;

/// <summary>What a text costs a model.</summary>
/// <param name="Loss">−ln p of its targets together, in nats.</param>
/// <param name="Targets">How many there are.</param>
public readonly record struct TextLoss(double Loss, int Targets)
{
    const int RowsAtOnce = 64; // whose logits lie in memory together

    /// <summary>The losses of texts by the runtime, as it would generate.</summary>
    /// <param name="model">The model; for numbers like the trainer's, loaded with <see cref="ActivationFormat.Float"/>.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="adapter">An adapter of the model; null for the model alone.</param>
    /// <param name="progress">Told the texts done so far.</param>
    /// <param name="cancellationToken">Ends between texts.</param>
    public static IReadOnlyList<TextLoss> Of(Model model, IEnumerable<Sample> texts, ModelAdapter? adapter = null, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
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
        var count = text.Tokens.Length;
        using var cache = new KvCache(model, count + RowsAtOnce);
        using var forward = new Forward(model, cache, RowsAtOnce, RowsAtOnce);
        var (batch, sequence) = (new Batch(RowsAtOnce), new Sequence(cache, count, adapter));
        if (!sequence.TryReserve(count))
            throw new InvalidOperationException("The cache was made for this sequence.");
        var (sum, targets) = (0.0, 0);
        for (var first = 0; first < count; first += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, count - first);
            batch.Clear();
            batch.Add(sequence, text.Tokens.AsSpan(first, rows), logits: rows);
            forward.Run(batch);
            for (var i = 0; i < rows && first + i + 1 < count; i++)
                if (text.Targets[first + i + 1])
                {
                    var logits = forward.Result(i);
                    (sum, targets) = (sum + Distribution.LogSumExp(logits) - logits[text.Tokens[first + i + 1]], targets + 1);
                }
        }
        return new(sum, targets);
    }
}
