using Banyan.Runtime.Adapters;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Training.Results;

/// <summary>The runtime's likelihoods of a text against the trainer's.</summary>
internal static class ReadBack
{
    const int Most = 256; // tokens

    /// <summary>The largest difference of −ln p of a text's tokens, in nats.</summary>
    /// <param name="trainer">The trainer.</param>
    /// <param name="model">The model that was read back; with <paramref name="adapter"/>, its base.</param>
    /// <param name="adapter">The adapter that was read back.</param>
    public static double Difference(Trainer trainer, Model model, AdapterWeights? adapter = null)
    {
        var text = trainer.ProbeText;
        text = new(text.Tokens[..Math.Min(Most, text.Tokens.Length)], [.. Enumerable.Repeat(true, Math.Min(Most, text.Tokens.Length))]);
        var expected = trainer.Losses(text);
        var count = expected.Length + 1;
        using var cache = new KvCache(model, count + 64);
        var batch = new Batch(count);
        using var forward = new Forward(model, cache, count, count);
        var sequence = new Sequence(cache, count, adapter is null ? null : model.AddAdapter("written", adapter));
        if (!sequence.TryReserve(count))
            throw new InvalidOperationException("The cache was made for this sequence.");
        batch.Add(sequence, text.Tokens.AsSpan(0, count), logits: count);
        forward.Run(batch);
        return Enumerable.Range(0, expected.Length).Max(i =>
        {
            var logits = forward.Result(i);
            return Math.Abs(Distribution.LogSumExp(logits) - logits[text.Tokens[i + 1]] - expected[i]);
        });
    }
}
