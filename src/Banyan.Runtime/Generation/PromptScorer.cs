using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation;

/// <summary>How likely a model finds a given text: each token's probability given those before it.</summary>
public static class PromptScorer
{
    /// <summary>Tokens of a pass: each has logits over the whole vocabulary.</summary>
    const int PassTokens = 64;

    /// <summary>
    /// The tokens with their log-probabilities in the model's own distribution; the first, which follows nothing, has none.
    /// </summary>
    /// <param name="model">A loaded model. Engines may use it at the same time.</param>
    /// <param name="tokens">The text, special tokens included: at most as many as the context holds.</param>
    /// <param name="top">How many of the most likely tokens to report with each; 0 for none.</param>
    /// <param name="adapter">The adapter to apply; null for none.</param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    /// <exception cref="ArgumentException">The text is empty or too long, or has a token outside the vocabulary.</exception>
    /// <exception cref="NotSupportedException">The model is an encoder.</exception>
    /// <exception cref="GenerationException">The model gave logits that are not numbers.</exception>
    public static unsafe IReadOnlyList<ScoredToken> Score(Model model, IReadOnlyList<int> tokens, int top = 0, ModelAdapter? adapter = null,
        CancellationToken cancellationToken = default)
    {
        if (model.Config.IsEncoder)
            throw new NotSupportedException(
                $"'{model.Name}' is an encoder ({model.Config.Architecture}): it has no probabilities of tokens");
        if (tokens.Count == 0 || tokens.Count > model.ContextLength)
            throw new ArgumentException(
                $"the text has {tokens.Count} tokens: between 1 and the context of {model.ContextLength} are needed", nameof(tokens));
        int[] text = [.. tokens];
        if (Array.FindIndex(text, t => t < 0 || t >= model.Config.VocabularySize) is var bad and >= 0)
            throw new ArgumentException($"token {text[bad]} is outside the vocabulary of {model.Config.VocabularySize}", nameof(tokens));

        var rows = Math.Min(PassTokens, text.Length);
        using var cache = new KvCache(model, text.Length);
        using var forward = new Forward(model, cache, rows, rows);
        var (batch, summaries, sequence) = (new Batch(rows), new LogitSummaries(rows), new Sequence(cache, text.Length, adapter));
        if (!sequence.TryReserve(text.Length))
            throw new InvalidOperationException("the cache is smaller than the text");
        var scored = new List<ScoredToken>(text.Length) { new(text[0], null, []) };
        for (var at = 0; at < text.Length; at += rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var piece = text.AsSpan(at, Math.Min(rows, text.Length - at));
            batch.Clear();
            batch.Add(sequence, piece, piece.Length);
            forward.Run(batch);
            summaries.Compute(forward.ResultRows, piece.Length, model.Config.VocabularySize, model.Pool);
            for (var i = 0; i < piece.Length && at + i + 1 < text.Length; i++)
            {
                var logits = forward.Result(i);
                var sum = summaries[i].LogSum;
                if (!double.IsFinite(sum))
                    throw new GenerationException(
                        $"the model gave logits that are no numbers after {at + i + 1} tokens: its weights are damaged (check the file's hash, or download it again)");
                scored.Add(new(text[at + i + 1], (float)(logits[text[at + i + 1]] - sum), top > 0 ? Engine.Top(logits, top, sum) : []));
            }
            sequence.Advance(at + piece.Length, text);
        }
        sequence.Release();
        return scored;
    }
}

/// <summary>A token of a text with the natural logarithm of its probability after those before it.</summary>
/// <param name="Token">The token.</param>
/// <param name="LogProb">Null for the first.</param>
/// <param name="Top">The most likely tokens there, best first; empty unless asked for.</param>
public sealed record ScoredToken(int Token, float? LogProb, IReadOnlyList<TokenLogProb> Top);
