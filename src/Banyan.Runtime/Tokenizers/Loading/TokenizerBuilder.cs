using System.Globalization;
using System.Text;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.BytePairs;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>The steps that all sources of a tokenizer share: checks tokens and merges and builds their tables.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="tokens">Each token as written in its file; empty for an unused id.</param>
/// <param name="kinds">The kind of each.</param>
/// <param name="byteLevel">Whether tokens are written in GPT-2's alphabet of bytes; otherwise ▁ stands for a space.</param>
sealed class TokenizerBuilder(string path, string[] tokens, TokenKind[] kinds, bool byteLevel)
{
    /// <summary>Maximum bytes of a token that is matched in text as a whole, which bounds the search. Real ones have about 30.</summary>
    public const int LongestAddedToken = 256;

    const char Space = '▁'; // U+2581

    public Vocabulary Vocabulary { get; } = new([.. tokens.Select((token, id) => Bytes(token, kinds[id], byteLevel))], kinds);

    /// <summary>The ids of tokens that are not plain text, by their text.</summary>
    public Dictionary<string, int> Named()
    {
        var named = new Dictionary<string, int>();
        for (var id = 0; id < tokens.Length; id++)
        {
            if (kinds[id] is not (TokenKind.Normal or TokenKind.Byte) && tokens[id].Length > 0)
                named.TryAdd(tokens[id], id);
        }
        return named;
    }

    /// <summary>The tokens that are matched in text before anything else: by kind, as GGUF declares it.</summary>
    public List<AddedToken> AddedByKind()
    {
        var added = new List<AddedToken>();
        for (var id = 0; id < tokens.Length; id++)
        {
            if (kinds[id] is TokenKind.Control or TokenKind.UserDefined or TokenKind.Unknown)
                added.Add(Added(id, tokens[id]));
        }
        return added;
    }

    /// <summary>An added token, if it is not too long.</summary>
    public AddedToken Added(int id, string content, bool takesSpaceBefore = false, bool takesSpaceAfter = false)
    {
        var bytes = Encoding.UTF8.GetBytes(content);
        return bytes.Length <= LongestAddedToken
            ? new AddedToken(id, bytes, takesSpaceBefore, takesSpaceAfter)
            : throw Bad(
                $"token {id} is a control or added token of {bytes.Length} bytes, where {LongestAddedToken} is the most; the file is damaged");
    }

    /// <summary>An encoder for merges in the order of the file.</summary>
    public PieceEncoder FromMerges(IEnumerable<(string Left, string Right)> listed, Symbols symbols, bool ignoresMerges)
    {
        var ids = new Dictionary<string, int>(tokens.Length);
        for (var id = 0; id < tokens.Length; id++)
        {
            if (tokens[id].Length > 0)
                ids.TryAdd(tokens[id], id);
        }

        var merges = new List<Merge>(tokens.Length);
        foreach (var (left, right) in listed)
        {
            merges.Add(new Merge(Id(left), Id(right), merges.Count, Id(left + right)));

            int Id(string token) => ids.TryGetValue(token, out var id)
                ? id
                : throw Bad(
                    $"merge {merges.Count + 1}, '{left} {right}', names '{token}', which the vocabulary lacks; vocabulary and merges are not of one model, or damaged");
        }
        return new PieceEncoder(Vocabulary, symbols, new MergeTable(merges), ignoresMerges);
    }

    /// <summary>An encoder for SentencePiece's scores.</summary>
    public PieceEncoder FromScores(float[] scores, CharacterSymbols symbols)
    {
        if (scores.Length < tokens.Length)
            throw Bad($"there are {tokens.Length} tokens but only {scores.Length} scores; the file is damaged");
        if (Array.FindIndex(scores, float.IsNaN) is var bad and >= 0)
            throw Bad($"the score of token {bad} is NaN; the file is damaged");
        return new PieceEncoder(Vocabulary, symbols, ScoredMerges.Make(Vocabulary, symbols, scores), ignoresMerges: false);
    }

    /// <summary>The token of each byte, <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>; -1 if there is none.</summary>
    public int[] ByteTokens()
    {
        var ids = new int[256];
        Array.Fill(ids, -1);
        for (var id = 0; id < tokens.Length; id++)
        {
            if (kinds[id] == TokenKind.Byte && ids[ByteOf(tokens[id])!.Value] < 0)
                ids[ByteOf(tokens[id])!.Value] = id;
        }
        return ids;
    }

    /// <summary>
    /// How to split SentencePiece text, which has no pattern: before each run of spaces, provided that no token has a space after another
    /// character, because then nothing ever merges across that boundary. Otherwise the text is not split.
    /// </summary>
    public PreTokenizer[] SpaceBoundaries()
    {
        for (var id = 0; id < Vocabulary.Count; id++)
        {
            var token = Vocabulary.Bytes(id);
            if (Vocabulary.IsText(id) && token.TrimStart((byte)' ').Contains((byte)' '))
                return [];
        }
        return [new SpaceBoundaries()];
    }

    public ModelFileException Bad(string problem) => new(path, problem);

    /// <summary>The byte of a token <c>&lt;0xXX&gt;</c>, or null for any other.</summary>
    public static byte? ByteOf(string token) =>
        token is ['<', '0', 'x', _, _, '>'] && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var value) ? value : null;

    static byte[] Bytes(string token, TokenKind kind, bool byteLevel) => kind switch
    {
        TokenKind.Byte => [ByteOf(token) ?? 0],
        TokenKind.Control or TokenKind.Unknown => Encoding.UTF8.GetBytes(token),
        TokenKind.UserDefined when byteLevel => Encoding.UTF8.GetBytes(token),
        _ when byteLevel => ByteAlphabet.Decode(token),
        _ => Encoding.UTF8.GetBytes(token.Replace(Space, ' ')),
    };
}
