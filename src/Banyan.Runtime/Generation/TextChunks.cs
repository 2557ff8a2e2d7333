using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Generation;

/// <summary>
/// Passes over a text in chunks of one context each, as llama.cpp's tools do it: a chunk knows nothing of the one before.
/// </summary>
internal static class TextChunks
{
    const int PassTokens = 64;

    /// <summary>Receives what follows a position of a chunk.</summary>
    /// <param name="chunk">Its number.</param>
    /// <param name="position">The position in it whose logits these are.</param>
    /// <param name="logits">[vocabulary]</param>
    public delegate void Logits(int chunk, int position, ReadOnlySpan<float> logits);

    /// <summary>Computes each chunk.</summary>
    /// <param name="model">A loaded model, no encoder.</param>
    /// <param name="tokens">Chunks of <paramref name="context"/>, one after the other.</param>
    /// <param name="context">Tokens of a chunk.</param>
    /// <param name="first">The first position whose logits are asked for.</param>
    /// <param name="logits">Called in order; null: nobody asks.</param>
    /// <param name="inputs">What the inputs of products are summed in.</param>
    /// <param name="progress">Receives the chunks that are done.</param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    public static void Run(Model model, int[] tokens, int context, int first, Logits? logits, InputSums? inputs, IProgress<int>? progress,
        CancellationToken cancellationToken)
    {
        if (model.Config.IsEncoder)
            throw new NotSupportedException(
                $"'{model.Name}' is an encoder ({model.Config.Architecture}): it has no probabilities of tokens");
        if (context < 2 || context > model.ContextLength)
            throw new ArgumentException(
                $"a context of {context} tokens is asked for: between 2 and the model's {model.ContextLength} are possible",
                nameof(context));
        if (Array.FindIndex(tokens, t => t < 0 || t >= model.Config.VocabularySize) is var bad and >= 0)
            throw new ArgumentException($"token {tokens[bad]} is outside the vocabulary of {model.Config.VocabularySize}", nameof(tokens));
        var rows = Math.Min(PassTokens, context);
        using var cache = new KvCache(model, context);
        using var forward = new Forward(model, cache, rows, rows, inputs: inputs);
        var batch = new Batch(rows);
        for (var chunk = 0; chunk < tokens.Length / context; chunk++)
        {
            int[] text = tokens[(chunk * context)..((chunk + 1) * context)];
            // Each chunk begins as a text does.
            if (model.Tokenizer is { AddsBos: true, Bos: { } bos })
                text[0] = bos;
            var sequence = new Sequence(cache, context, null);
            if (!sequence.TryReserve(context))
                throw new InvalidOperationException("the cache is smaller than the text");
            for (var at = 0; at < context; at += rows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var piece = text.AsSpan(at, Math.Min(rows, context - at));
                // All rows go through the last layer too where its inputs count.
                var wanted = inputs is not null ? piece.Length : Math.Clamp(at + piece.Length - first, 0, piece.Length);
                batch.Clear();
                batch.Add(sequence, piece, wanted);
                forward.Run(batch);
                for (var i = 0; i < wanted && logits is not null; i++)
                    if (at + piece.Length - wanted + i is var position && position >= first)
                        logits(chunk, position, forward.Result(i));
                sequence.Advance(at + piece.Length, text);
            }
            sequence.Release();
            progress?.Report(chunk + 1);
        }
    }
}
