using Banyan.Runtime.Prompts;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Training.Data.Source;

/// <summary>
/// Source files as samples: some whole, some with a hole to fill in, in the model's own tokens (<see cref="Fim"/>):
/// <code>
/// whole        text end                                              of a repository's file with its path where the model has tokens for that
/// PSM          prefix-token pre suffix-token suf middle-token mid end        after other files of the repository for some
/// SPM          suffix-token suf prefix-token pre middle-token mid end
/// </code>
/// All of the text is a target, the tokens around it are not.
/// </summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="maxTokens">Maximum tokens of a sample.</param>
/// <param name="fim">The share of excerpts that have a hole.</param>
/// <param name="spm">Of these, the fraction with the suffix first.</param>
/// <param name="random">Decides.</param>
sealed class SourceSamples(Tokenizer tokenizer, int maxTokens, double fim, double spm, Random random)
{
    /// <summary>Of the excerpts with a hole, those that show other files of their repository.</summary>
    const double RepositoryShare = 0.5;

    const int MostShownFiles = 4;

    readonly FimTokens? _fim = tokenizer.Fim;
    readonly Queue<SourceFile> _before = [];

    /// <summary>The samples of a file.</summary>
    public IEnumerable<Sample> Of(SourceFile file)
    {
        while (_before.Count > 0 && (_before.Peek().Repository != file.Repository || _before.Count > MostShownFiles))
            _before.Dequeue();
        var end = tokenizer.Eos;
        foreach (var excerpt in Excerpts(file.Text))
            yield return _fim is { } tokens && random.NextDouble() < fim ? WithHole(file, excerpt, tokens, end) : Whole(file, excerpt, end);
        _before.Enqueue(file);
    }

    Sample Whole(SourceFile file, string text, int? end)
    {
        var (ids, targets) = (new List<int>(), new List<bool>());
        void Add(IEnumerable<int> tokens, bool isTarget)
        {
            ids.AddRange(tokens);
            while (targets.Count < ids.Count)
                targets.Add(isTarget);
        }
        if (tokenizer is { AddsBos: true, Bos: { } bos })
            Add([bos], false);
        if (_fim is { FileSeparator: { } separator } && text.Length == file.Text.Length)
            Add([separator, .. Encode(file.Path + "\n")], false);
        Add(Encode(text), true);
        if (end is { } last && text.Length == file.Text.Length)
            Add([last], true);
        return new([.. ids], [.. targets]);
    }

    Sample WithHole(SourceFile file, string text, FimTokens tokens, int? end)
    {
        var (from, to) = FillInTheMiddle.ChooseMiddle(text, random);
        int[] middle = [.. Encode(text[from..to]), .. end is { } last ? new[] { last } : []];
        var (prefix, suffix) = (text[..from], text[to..]);
        if (random.NextDouble() < spm)
        {
            int[] spmTokens = [.. tokenizer is { AddsBos: true, Bos: { } bos } ? new[] { bos } : [], tokens.Suffix, .. Encode(suffix),
                tokens.Prefix, .. Encode(prefix), tokens.Middle, .. middle];
            return Masked(spmTokens);
        }
        var repository = random.NextDouble() < RepositoryShare && _before.Count > 0
            ? new FimRepository(file.Repository, file.Path,
                [.. _before.Where(f => f.Repository == file.Repository).Select(f => new FimFile(f.Path, f.Text))])
            : null;
        return Masked([.. Fim.Prompt(tokenizer, prefix, suffix, Math.Max(8, maxTokens - middle.Length), repository), .. middle]);
    }

    Sample Masked(int[] tokens) => new(tokens, [.. tokens.Select(t => t == tokenizer.Eos || !tokenizer.IsSpecial(t))]);

    // Whole files where they fit; else stretches of lines.
    IEnumerable<string> Excerpts(string text)
    {
        var room = Math.Max(16, maxTokens - 64);
        for (var at = 0; at < text.Length;)
        {
            var length = Math.Min(text.Length - at, room * 8);
            while (tokenizer.Encode(text.Substring(at, length), addSpecial: false, parseSpecial: false).Length > room)
                length = length * 3 / 4;
            if (at + length < text.Length && text.LastIndexOf('\n', at + length - 1, length) is var line && line > at + length / 2)
                length = line + 1 - at;
            if (at + length < text.Length && char.IsLowSurrogate(text[at + length]))
                length--;
            length = Math.Max(1, length);
            yield return text.Substring(at, length);
            at += length;
        }
    }

    int[] Encode(string text) => tokenizer.Encode(text, addSpecial: false, parseSpecial: false);
}
