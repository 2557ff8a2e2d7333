using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.BytePairs;
using Banyan.Runtime.Tokenizers.Normalization;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>Reads a tokenizer from GGUF metadata (<c>tokenizer.ggml.*</c>), with llama.cpp's defaults for missing keys.</summary>
static class GgufTokenizer
{
    const string Key = "tokenizer.ggml.";

    public static Tokenizer Read(string path, Metadata metadata)
    {
        var model = metadata.Get<string>(Key + "model");
        return model switch
        {
            "gpt2" => ReadByteLevel(path, metadata),
            "llama" => ReadSentencePiece(path, metadata),
            "gemma4" => ReadGemma4(path, metadata),
            "bert" => ReadWordPiece(path, metadata),
            "t5" => ReadUnigram(path, metadata),
            _ => throw new ModelFileException(path,
                $"{Key}model is '{model}', a kind of tokenizer that Banyan does not have; it has gpt2 (byte-level BPE), llama (SentencePiece BPE), gemma4, bert (WordPiece) and t5 (SentencePiece unigram)"),
        };
    }

    static Tokenizer ReadByteLevel(string path, Metadata metadata)
    {
        // A file without the key gets 'default', as in llama.cpp. An unknown name is refused: wrong splits would not show as an error but
        // as a slightly worse model.
        var pre = metadata.Get(Key + "pre", "default");
        var family = PreTokenizerFamily.Find(pre)
            ?? throw new ModelFileException(path,
                $"{Key}pre is '{pre}', a pre-tokenizer that Banyan does not have; it has {PreTokenizerFamily.KnownNames}");

        var (tokens, kinds) = Tokens(path, metadata);
        var builder = new TokenizerBuilder(path, tokens, kinds, byteLevel: true);
        var special = Special(metadata, tokens.Length, new SpecialIds());
        var symbols = new ByteSymbols(builder.Vocabulary, special.Unknown);
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = builder.Vocabulary,
            Encoder = builder.FromMerges(MergeLines.Split(metadata.Get<string[]>(Key + "merges"), builder), symbols, family.IgnoresMerges),
            Named = builder.Named(),
            Added = builder.AddedByKind(),
            Normalizers = family.NormalizesToNfc ? [new Nfc()] : [],
            Prefixers = metadata.Get(Key + "add_space_prefix", false) ? [new Prepend([(byte)' '])] : [],
            PreTokenizers = [.. family.Patterns.Select(pattern => PublishedPatterns.All[pattern])],
            Before = Around(path, metadata, "add_bos_token", family.AddsBos, special.Bos),
            After = Around(path, metadata, "add_eos_token", false, special.Eos),
            Special = special,
        });
    }

    static Tokenizer ReadSentencePiece(string path, Metadata metadata)
    {
        var (tokens, kinds) = Tokens(path, metadata);
        for (var id = 0; id < tokens.Length; id++)
        {
            if (kinds[id] is TokenKind.Normal or TokenKind.Undefined && TokenizerBuilder.ByteOf(tokens[id]) is not null)
                kinds[id] = TokenKind.Byte;
            else if (kinds[id] == TokenKind.Byte && TokenizerBuilder.ByteOf(tokens[id]) is null)
                throw new ModelFileException(path,
                    $"token {id} is said to be a byte but reads '{Shorten(tokens[id])}', not like <0x0A>; the file is damaged");
        }

        var builder = new TokenizerBuilder(path, tokens, kinds, byteLevel: false);
        var special = Special(metadata, tokens.Length, new SpecialIds { Unknown = 0, Bos = 1, Eos = 2 });
        var symbols = new CharacterSymbols(builder.Vocabulary, builder.ByteTokens(), special.Unknown, fuseUnknown: false);
        var addsSpace = metadata.Get(Key + "add_space_prefix", true);
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = builder.Vocabulary,
            Encoder = builder.FromScores(metadata.Get<float[]>(Key + "scores"), symbols),
            Named = builder.Named(),
            Added = builder.AddedByKind(),
            Normalizers = addsSpace ? [SentencePiece.SpacesFromMarks, new Prepend([(byte)' '])] : [SentencePiece.SpacesFromMarks],
            PreTokenizers = builder.SpaceBoundaries(),
            DropsFirstSpace = addsSpace,
            Before = Around(path, metadata, "add_bos_token", true, special.Bos),
            After = Around(path, metadata, "add_eos_token", false, special.Eos),
            Special = special,
        });
    }

    // Merges as byte-level BPE has them, of characters as SentencePiece has them; lines alone are apart.
    static Tokenizer ReadGemma4(string path, Metadata metadata)
    {
        var (tokens, kinds) = Tokens(path, metadata);
        for (var id = 0; id < tokens.Length; id++)
            if (kinds[id] is TokenKind.Normal or TokenKind.Undefined or TokenKind.UserDefined
                && TokenizerBuilder.ByteOf(tokens[id]) is not null)
                kinds[id] = TokenKind.Byte;
        var builder = new TokenizerBuilder(path, tokens, kinds, byteLevel: false);
        var special = Special(metadata, tokens.Length, new SpecialIds());
        var symbols = new CharacterSymbols(builder.Vocabulary, builder.ByteTokens(), special.Unknown, fuseUnknown: false);
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = builder.Vocabulary,
            Encoder = builder.FromMerges(MergeLines.Split(metadata.Get<string[]>(Key + "merges"), builder), symbols, ignoresMerges: false),
            Named = builder.Named(),
            Added = builder.AddedByKind(),
            Normalizers = metadata.Get(Key + "add_space_prefix", false) ? [SentencePiece.SpacesFromMarks, new Prepend([(byte)' '])]
                : [SentencePiece.SpacesFromMarks],
            PreTokenizers = [new LinesSplit()],
            Before = Around(path, metadata, "add_bos_token", true, special.Bos),
            After = Around(path, metadata, "add_eos_token", false, special.Eos),
            Special = special,
        });
    }

    static Tokenizer ReadWordPiece(string path, Metadata metadata)
    {
        var (tokens, kinds) = Tokens(path, metadata);
        var builder = new TokenizerBuilder(path, tokens, kinds, byteLevel: false);
        var special = Special(metadata, tokens.Length, new SpecialIds { Bos = 101, Eos = 102, Unknown = 100, Pad = 0 });
        special = special with
        {
            Bos = metadata.TryGet<long>(Key + "cls_token_id", out var cls) && cls >= 0 && cls < tokens.Length
            ? (int)cls : special.Bos,
            Eos = Separator(metadata, tokens.Length) ?? special.Eos
        };
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = builder.Vocabulary,
            Encoder = new WordPieceEncoder(builder.Vocabulary,
                special.Unknown ?? throw builder.Bad($"{Key}unknown_token_id is missing, which stands for words of no token")),
            Named = builder.Named(),
            Added = builder.AddedByKind(),
            Normalizers = [new BertText()],
            PreTokenizers = [new SpacesSplit()],
            DropsFirstSpace = true,
            Before = Around(path, metadata, "add_bos_token", true, special.Bos),
            After = Around(path, metadata, "add_eos_token", true, special.Eos),
            Special = special,
        });
    }

    static Tokenizer ReadUnigram(string path, Metadata metadata)
    {
        var (tokens, kinds) = Tokens(path, metadata);
        var builder = new TokenizerBuilder(path, tokens, kinds, byteLevel: false);
        var special = Special(metadata, tokens.Length, new SpecialIds { Unknown = 2, Eos = 1, Pad = 0 });
        var scores = metadata.Get<float[]>(Key + "scores");
        if (scores.Length < tokens.Length || scores.Any(float.IsNaN))
            throw builder.Bad(
                $"there are {tokens.Length} tokens and {scores.Length} scores, of which none may be NaN; the file is damaged");
        var addsSpace = metadata.Get(Key + "add_space_prefix", true);
        List<TextStep> steps = metadata.TryGet<byte[]>(Key + "precompiled_charsmap", out var map) && map.Length > 0
            ? [new CharacterMap(path, map)] : [];
        steps.Add(SentencePiece.SpacesFromMarks);
        if (metadata.Get(Key + "remove_extra_whitespaces", false))
            steps.Add(new SingleSpaces());
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = builder.Vocabulary,
            Encoder = new UnigramEncoder(builder.Vocabulary, scores,
                special.Unknown ?? throw builder.Bad($"{Key}unknown_token_id is missing, which stands for characters of no token")),
            Named = builder.Named(),
            Added = builder.AddedByKind(),
            Normalizers = steps,
            Prefixers = addsSpace ? [new Prepend([(byte)' '])] : [],
            PreTokenizers = builder.SpaceBoundaries(),
            DropsFirstSpace = addsSpace,
            Before = Around(path, metadata, "add_bos_token", false, special.Bos),
            After = Around(path, metadata, "add_eos_token", true, special.Eos),
            Special = special,
        });
    }

    // The key is misspelt in the format.
    static int? Separator(Metadata metadata, int count) =>
        (metadata.TryGet<long>(Key + "seperator_token_id", out var id) || metadata.TryGet(Key + "separator_token_id", out id)) && id >= 0
        && id < count ? (int)id : null;

    static (string[] Tokens, TokenKind[] Kinds) Tokens(string path, Metadata metadata)
    {
        var tokens = metadata.Get<string[]>(Key + "tokens");
        var kinds = new TokenKind[tokens.Length];
        Array.Fill(kinds, TokenKind.Normal);
        if (metadata.TryGet<int[]>(Key + "token_type", out var types))
        {
            if (types.Length < tokens.Length)
                throw new ModelFileException(path,
                    $"there are {tokens.Length} tokens but only {types.Length} in {Key}token_type; the file is damaged");
            for (var id = 0; id < tokens.Length; id++)
                kinds[id] = types[id] is >= 0 and <= (int)TokenKind.Byte ? (TokenKind)types[id] : TokenKind.Undefined;
        }

        for (var id = 0; id < tokens.Length; id++)
        {
            if (kinds[id] == TokenKind.Normal && KnownTokens.All.Contains(tokens[id])) // converters forget to say so
                kinds[id] = TokenKind.Control;
        }
        return (tokens, kinds);
    }

    static SpecialIds Special(Metadata metadata, int count, SpecialIds defaults)
    {
        return new SpecialIds
        {
            Bos = Id("bos_token_id") ?? InRange(defaults.Bos),
            Eos = Id("eos_token_id") ?? InRange(defaults.Eos),
            EndOfTurn = Id("eot_token_id"),
            EndOfMessage = Id("eom_token_id"),
            Unknown = Id("unknown_token_id") ?? InRange(defaults.Unknown),
            Pad = Id("padding_token_id"),
            FimPrefix = Id("fim_pre_token_id") ?? Id("prefix_token_id"),
            FimSuffix = Id("fim_suf_token_id") ?? Id("suffix_token_id"),
            FimMiddle = Id("fim_mid_token_id") ?? Id("middle_token_id"),
            FimPad = Id("fim_pad_token_id"),
            FimRepo = Id("fim_rep_token_id"),
            FimFileSeparator = Id("fim_sep_token_id"),
        };

        // An id outside the vocabulary is ignored: converters write -1 or 2^32-1 for "none".
        int? Id(string name) => metadata.TryGet<long>(Key + name, out var id) && id >= 0 && id < count ? (int)id : null;
        int? InRange(int? id) => id < count ? id : null;
    }

    static int[] Around(string path, Metadata metadata, string key, bool fallback, int? id)
    {
        var said = metadata.TryGet<bool>(Key + key, out var adds);
        if (said && adds && id is null)
            throw new ModelFileException(path, $"{Key}{key} is true, but the file has no such token; it is damaged");
        return (said ? adds : fallback) && id is { } token ? [token] : [];
    }

    static string Shorten(string token) => token.Length <= 40 ? token : token[..40] + "…";
}
