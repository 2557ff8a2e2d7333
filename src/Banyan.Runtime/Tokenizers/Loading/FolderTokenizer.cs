using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.BytePairs;
using Banyan.Runtime.Tokenizers.Normalization;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>Reads the tokenizer of a Hugging Face model folder.</summary>
static class FolderTokenizer
{
    /// <summary>Whether a path is a folder that contains a tokenizer's files.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, "tokenizer.json")) || HasVocabAndMerges(folder);

    /// <summary>Reads a tokenizer.json, whatever its name, with the configuration files beside it.</summary>
    public static Tokenizer ReadJson(string path) =>
        OfWholeCharacters(path, () => TokenizerJson.Read(path, TokenizerConfig.Read(Path.GetDirectoryName(Path.GetFullPath(path))!)));

    public static Tokenizer Read(string folder)
    {
        if (Path.Combine(folder, "tokenizer.json") is var json && File.Exists(json))
            return ReadJson(json);
        if (HasVocabAndMerges(folder))
            return OfWholeCharacters(folder, () => ReadVocabAndMerges(folder));
        throw new ModelFileException(folder, Directory.Exists(folder)
            ? "there is no tokenizer here: neither tokenizer.json nor vocab.json with merges.txt (SentencePiece's own tokenizer.model is not read; the model's tokenizer.json is)"
            : "there is no such folder");
    }

    /// <summary>JSON can contain half a surrogate pair, in names and in strings; .NET reports it only when the string is read.</summary>
    static Tokenizer OfWholeCharacters(string path, Func<Tokenizer> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFileException(path, "it holds a string that is not whole characters; the file is damaged", e);
        }
    }

    static bool HasVocabAndMerges(string folder) =>
        File.Exists(Path.Combine(folder, "vocab.json")) && File.Exists(Path.Combine(folder, "merges.txt"));

    static Tokenizer ReadVocabAndMerges(string folder)
    {
        var path = Path.Combine(folder, "vocab.json");
        var config = TokenizerConfig.Read(folder);
        var vocabulary = new VocabularyJson(path);
        var entries = JsonReading.Parse(path);
        vocabulary.Add(entries);

        var known = PreTokenizerFamily.OfVocabulary(entries.GetPropertyCount());
        var family = config.PreTokenizer ?? known;
        var added = config.Added.ToList();
        foreach (var token in added.Count > 0 ? added : known.Added)
            vocabulary.Add(token.Id, token.Content, token.Kind);
        var (tokens, kinds) = vocabulary.ToArrays();
        for (var id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] == "<|endoftext|>") // GPT-2's vocabulary has it among the rest
                kinds[id] = TokenKind.Control;
        }

        var builder = new TokenizerBuilder(path, tokens, kinds, byteLevel: true);
        var named = builder.Named();
        var special = config.Special(named);
        if (special.Eos is null && named.TryGetValue("<|endoftext|>", out var endOfText))
            special = special with { Eos = endOfText };
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = builder.Vocabulary,
            Encoder = builder.FromMerges(MergeLines.Split(Lines(Path.Combine(folder, "merges.txt")), builder),
                new ByteSymbols(builder.Vocabulary, special.Unknown), family.IgnoresMerges),
            Named = named,
            Added = builder.AddedByKind(),
            Normalizers = family.NormalizesToNfc ? [new Nfc()] : [],
            PreTokenizers = [.. family.Patterns.Select(pattern => PublishedPatterns.All[pattern])],
            Before = config.AddsBos == true && special.Bos is { } bos ? [bos] : [],
            After = config.AddsEos == true && special.Eos is { } eos ? [eos] : [],
            Special = special,
        });
    }

    static IEnumerable<string> Lines(string path)
    {
        // Only \n ends a line, and the first line begins with "#version": tokens may contain anything else, including '#'.
        var lines = File.ReadAllText(path).Split('\n');
        return lines.Select(line => line.TrimEnd('\r'))
            .Where((line, index) => line.Length > 0 && !(index == 0 && line.StartsWith("#version", StringComparison.Ordinal)));
    }
}
