using System.IO.Hashing;
using System.Runtime.InteropServices;
using Banyan.Training.Passes;

namespace Banyan.Training.Packing;

/// <summary>The items that are packed: samples, or pairs of them. Lengths, counts and a fingerprint of all content are computed in one pass
/// over them.</summary>
internal sealed class Items
{
    readonly IReadOnlyList<Sample> _samples;
    readonly IReadOnlyList<PreferencePair> _pairs;
    readonly int _most;

    /// <param name="samples">The samples.</param>
    /// <param name="pairs">Or the pairs.</param>
    /// <param name="most">Tokens of a text; longer texts are truncated.</param>
    /// <param name="vocabulary">The size of the vocabulary.</param>
    public Items(IReadOnlyList<Sample> samples, IReadOnlyList<PreferencePair> pairs, int most, int vocabulary)
    {
        (_samples, _pairs, _most) = (samples, pairs, most);
        var hash = new XxHash128();
        Lengths = new int[samples.Count + pairs.Count];
        for (var i = 0; i < Lengths.Length; i++)
        {
            var (length, targets, learns, cut) = (0, 0, true, false);
            foreach (var text in Texts(i))
            {
                Check(i, text, vocabulary);
                hash.Append(MemoryMarshal.AsBytes(text.Tokens.AsSpan()));
                hash.Append(MemoryMarshal.AsBytes(text.Targets.AsSpan()));
                hash.Append([0xFF, 0xFE]);
                var count = Math.Min(text.Tokens.Length, most);
                var some = count < 2 ? 0 : text.Targets.AsSpan(1, count - 1).Count(true);
                (length, targets, learns, cut) = (length + count, targets + some, learns && some > 0, cut || text.Tokens.Length > most);
            }
            if (!learns)
            {
                WithoutTargets++;
                continue;
            }
            Lengths[i] = length;
            (Count, Tokens, Targets, Truncated) = (Count + 1, Tokens + length, Targets + targets, Truncated + (cut ? 1 : 0));
        }
        Fingerprint = Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Tokens of each item; 0 for items without a target.</summary>
    public int[] Lengths { get; }

    /// <summary>The items with targets.</summary>
    public int Count { get; }

    public long Tokens { get; }

    public long Targets { get; }

    public int Truncated { get; }

    public int WithoutTargets { get; }

    /// <summary>A hash of all tokens and targets.</summary>
    public string Fingerprint { get; }

    /// <summary>Adds a sequence's texts to a pass.</summary>
    public void Fill(TrainingPass pass, int[] sequence)
    {
        pass.Clear();
        foreach (var item in sequence)
            foreach (var text in Texts(item))
                pass.Add(text, _most);
    }

    /// <summary>The first text with a target.</summary>
    public Sample First => Texts(Array.FindIndex(Lengths, l => l > 0))[0];

    Sample[] Texts(int item) => _pairs.Count == 0 ? [_samples[item]] : _pairs[item] is var pair ? [pair.Chosen, pair.Rejected] : [];

    static void Check(int item, Sample text, int vocabulary)
    {
        if (text.Tokens.Length != text.Targets.Length)
            throw new ArgumentException(
                $"sample {item + 1} has {text.Tokens.Length} tokens and {text.Targets.Length} marks of targets: one a token is needed");
        foreach (var token in text.Tokens)
            if ((uint)token >= (uint)vocabulary)
                throw new ArgumentException(
                    $"sample {item + 1} has token {token}, and the model has tokens 0 to {vocabulary - 1}: was the data prepared for another model?");
    }
}
