using Banyan.Runtime.Adapters;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Training.Results;

/// <summary>The runtime's logits for a text, in memory that does not grow with vocabulary × text.</summary>
internal static class RuntimeLogits
{
    const int RowsAtOnce = 64;

    /// <summary>Receives the logits that follow a token.</summary>
    public delegate void Receive(int row, Span<float> logits);

    /// <summary>The logits that follow each token of a text, in order.</summary>
    public static void Of(Model model, ReadOnlySpan<int> tokens, ModelAdapter? adapter, Receive receive)
    {
        var count = tokens.Length;
        using var cache = new KvCache(model, count + RowsAtOnce);
        using var forward = new Forward(model, cache, RowsAtOnce, RowsAtOnce);
        var (batch, sequence) = (new Batch(RowsAtOnce), new Sequence(cache, count, adapter));
        if (!sequence.TryReserve(count))
            throw new InvalidOperationException("The cache was made for this sequence.");
        for (var first = 0; first < count; first += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, count - first);
            batch.Clear();
            batch.Add(sequence, tokens.Slice(first, rows), logits: rows);
            forward.Run(batch);
            for (var i = 0; i < rows; i++)
                receive(first + i, forward.Result(i));
            sequence.Advance(first + rows, tokens);
        }
    }
}
