using System.Globalization;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tokenizers;
using Banyan.Training.Vocabulary;

namespace Banyan.Training;

/// <summary>
/// New tokens for a model whose vocabulary covers a language badly: the base's byte-pair merges are continued on data. Every text is still
/// encoded, in the same tokens or fewer. Each new token's embedding starts as the mean of the embeddings of the tokens that it replaces.
/// <code>
/// var extension = VocabularyExtension.Learn(model, data.Data, 1000);
/// extension.Write("extended.gguf");                                          // the base with them, to be trained
/// using var extended = Model.Load("extended.gguf");
/// using var trainer = new Trainer(extended, VocabularyExtension.Encode(data.Data, model.Tokenizer, extended.Tokenizer), new TuneOptions { NewTokens = extension.Count }, "out");
/// trainer.Run();
/// ModelFolder.Write("out", trainer, facts);                                  // a whole model: no adapter's format has a place for tokens
/// </code>
/// </summary>
public sealed class VocabularyExtension
{
    readonly string _base;
    readonly Tokenizer _tokenizer;
    readonly VocabularyGrowth _growth;

    VocabularyExtension(string path, Tokenizer tokenizer, VocabularyGrowth growth, long before, long after) =>
        (_base, _tokenizer, _growth, TokensBefore, TokensAfter) = (path, tokenizer, growth, before, after);

    /// <summary>New tokens; fewer than requested if the data have no more pairs that occur twice.</summary>
    public int Count => _growth.Tokens.Count;

    /// <summary>Tokens of the data's words in the base vocabulary, without words that already are single tokens.</summary>
    public long TokensBefore { get; }

    /// <summary>Tokens of the same words in the extended vocabulary.</summary>
    public long TokensAfter { get; }

    /// <summary>The new tokens' texts, the most useful first. Invalid UTF-8, in tokens of parts of characters, is U+FFFD.</summary>
    public IReadOnlyList<string> Tokens => [.. _growth.Pieces.Select(pieces => _tokenizer.Decode(pieces))];

    /// <summary>Learns new tokens from data prepared for the base; held-out data are not read.</summary>
    /// <param name="model">The base.</param>
    /// <param name="data">Its data.</param>
    /// <param name="count">How many, at most.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="ArgumentException">The base's tokenizer is of an unsupported kind, or the data give no new token.</exception>
    public static VocabularyExtension Learn(Model model, TrainingData data, int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var tokenizer = model.Tokenizer;
        if (!tokenizer.IsByteLevel)
            throw new ArgumentException(
                "the base's tokenizer is no byte-level BPE (Qwen, Llama 3, SmolLM, OLMo have one): its vocabulary cannot be extended");
        if (tokenizer.Count > model.Config.VocabularySize)
            throw new ArgumentException(
                $"the base's tokenizer has {tokenizer.Count} tokens and its embedding {model.Config.VocabularySize}: its vocabulary cannot be extended");
        var words = new WordCounts();
        TextEncoder? encoder = null;
        var counting = tokenizer.With(own =>
        {
            encoder = own;
            return words;
        });
        foreach (var text in data.Samples.Concat(data.Pairs.SelectMany(p => new[] { p.Chosen, p.Rejected })))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var run in ExtendedSamples.Runs(text, tokenizer))
                if (run.IsText)
                    counting.EncodeNext(tokenizer.Decode(text.Tokens[run.First..run.End])
                        .Replace("\uFFFD", "", StringComparison.Ordinal), parseSpecial: false);
        }
        var learner = new MergeLearner(words.Words(encoder!));
        var (before, first) = (learner.Tokens, model.Config.VocabularySize);
        var pieces = new List<int[]>();
        var byText = new Dictionary<string, int>(StringComparer.Ordinal);
        int[] PiecesOf(int token) => token < first ? [token] : pieces[token - first];
        string TextOf(int token) =>
            string.Concat(PiecesOf(token).SelectMany(p => tokenizer.Bytes(p).ToArray()).Select(b => ByteAlphabet.Character(b)));
        var merges = learner.Learn(count, (left, right) =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            var text = TextOf(left) + TextOf(right);
            if (byText.TryGetValue(text, out var known))
                return (known, false);
            // What the base has as a token by another way, a special one above all, is not made from text.
            if (tokenizer.Knows(ByteAlphabet.Decode(text)))
                return null;
            byText.Add(text, first + pieces.Count);
            pieces.Add([.. PiecesOf(left), .. PiecesOf(right)]);
            return (first + pieces.Count - 1, true);
        });
        if (pieces.Count == 0)
            throw new ArgumentException(
                "the data has no two tokens that follow each other twice within a word: there is no token to learn");
        var growth = new VocabularyGrowth(first, [.. pieces.Select((_, i) => TextOf(first + i))],
            [.. merges.Select(m => (TextOf(m.Left), TextOf(m.Right)))], pieces);
        return new(model.Path, tokenizer, growth, before, learner.Tokens);
    }

    /// <summary>Writes the base with the new tokens: a GGUF file, or of a folder of safetensors a folder; whole or not at all.</summary>
    /// <param name="path">The file, which is replaced, or the folder, created if missing.</param>
    public void Write(string path)
    {
        using var file = ModelFile.Open(_base);
        var rewriter = new ModelRewriter(file, (_, _) => null, null, _growth);
        if (rewriter.IsGguf)
        {
            rewriter.WriteGguf(path);
            return;
        }
        if (!File.Exists(Path.Combine(file.Folder, "tokenizer.json")))
            throw new ModelFileException(file.Folder, "it has no tokenizer.json that tokens could be added to; get the model's own");
        Directory.CreateDirectory(path);
        rewriter.WriteFolder(path);
        // Its card says the licence, which the model's own will say.
        if (Path.Combine(file.Folder, "README.md") is var card && File.Exists(card))
            File.Copy(card, Path.Combine(path, "README.md"), overwrite: true);
    }

    /// <summary>The same data in the extended model's tokens. Texts are unchanged; a sample has at most as many tokens as before.</summary>
    /// <param name="data">Data that was prepared for the base.</param>
    /// <param name="from">The base's tokenizer.</param>
    /// <param name="to">That of the model that <see cref="Write"/> wrote.</param>
    public static TrainingData Encode(TrainingData data, Tokenizer from, Tokenizer to) => new()
    {
        Samples = new ExtendedSamples(data.Samples, from, to),
        HeldOut = new ExtendedSamples(data.HeldOut, from, to),
        Pairs = new ExtendedPairs(data.Pairs, from, to),
        HeldOutPairs = new ExtendedPairs(data.HeldOutPairs, from, to),
    };

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Count} tokens, {TokensBefore} → {TokensAfter}");
}
