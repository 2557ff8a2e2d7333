using System.Collections;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Training.Vocabulary;

/// <summary>A base's samples in the tokens of its extended vocabulary, converted when they are read.</summary>
/// <param name="samples">In the base's tokens.</param>
/// <param name="from">The base's tokenizer.</param>
/// <param name="to">The extended one.</param>
internal sealed class ExtendedSamples(IReadOnlyList<Sample> samples, Tokenizer from, Tokenizer to) : IReadOnlyList<Sample>
{
    public Sample this[int index] => Of(samples[index], from, to);

    public int Count => samples.Count;

    public IEnumerator<Sample> GetEnumerator() => samples.Select(s => Of(s, from, to)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>One sample: each run of tokens that are all targets, or none, is re-encoded.</summary>
    public static Sample Of(Sample sample, Tokenizer from, Tokenizer to)
    {
        List<int> tokens = new(sample.Tokens.Length);
        List<bool> targets = new(sample.Tokens.Length);
        foreach (var run in Runs(sample, from))
        {
            var own = sample.Tokens[run.First..run.End];
            var now = run.IsText ? Again(own, from, to) : own;
            tokens.AddRange(now);
            targets.AddRange(Enumerable.Repeat(sample.Targets[run.First], now.Length));
        }
        return new([.. tokens], [.. targets]);
    }

    // A run that is cut within a word or a character may be other tokens when it is read alone: it stays as it is.
    static int[] Again(int[] run, Tokenizer from, Tokenizer to)
    {
        var text = from.Decode(run);
        return from.EncodeNext(text, parseSpecial: false).AsSpan().SequenceEqual(run) ? to.EncodeNext(text, parseSpecial: false) : run;
    }

    /// <summary>Runs of equal targets, special tokens apart.</summary>
    public static IEnumerable<(int First, int End, bool IsText)> Runs(Sample sample, Tokenizer tokenizer)
    {
        for (var first = 0; first < sample.Tokens.Length;)
        {
            var (end, isText) = (first + 1, IsText(sample.Tokens[first]));
            while (end < sample.Tokens.Length && sample.Targets[end] == sample.Targets[first] && isText && IsText(sample.Tokens[end]))
                end++;
            yield return (first, end, isText);
            first = end;
        }

        bool IsText(int token) => !tokenizer.IsSpecial(token) && tokenizer.Bytes(token).Length > 0;
    }
}

/// <summary>Likewise pairs.</summary>
internal sealed class ExtendedPairs(IReadOnlyList<PreferencePair> pairs, Tokenizer from, Tokenizer to) : IReadOnlyList<PreferencePair>
{
    public PreferencePair this[int index] => Of(pairs[index]);

    public int Count => pairs.Count;

    public IEnumerator<PreferencePair> GetEnumerator() => pairs.Select(Of).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    PreferencePair Of(PreferencePair pair) => new(ExtendedSamples.Of(pair.Chosen, from, to), ExtendedSamples.Of(pair.Rejected, from, to));
}
