using System.Buffers;
using System.Text;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.Loading;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// Turns text into a model's tokens and back. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// Encoding runs in five steps:
/// <code>
/// text ─1→ UTF-8 ─2→ added tokens taken out ─3→ normalized ─4→ cut into pieces ─5→ ids by byte-pair encoding
/// </code>
/// Lone surrogates become U+FFFD in step 1. All steps take time proportional to the text (n·log n for a single long piece).
/// </remarks>
public sealed class Tokenizer
{
    readonly TokenizerDefinition _definition;
    readonly AddedTokens _added, _userDefined, _addedToNormalized, _userDefinedInNormalized, _marks, _marksButThoughts;

    internal Tokenizer(TokenizerDefinition definition)
    {
        var special = KnownTokens.Complete(definition.Special, definition.Named);
        _definition = definition;
        _added = new AddedTokens(definition.Added);
        _userDefined = new AddedTokens(definition.Added.Where(token => !IsSpecial(token.Id)));
        _addedToNormalized = new AddedTokens(definition.AddedToNormalized);
        _userDefinedInNormalized = new AddedTokens(definition.AddedToNormalized.Where(token => !IsSpecial(token.Id)));
        (Bos, Eos, Unknown, Pad) = (special.Bos, special.Eos, special.Unknown, special.Pad);
        EndOfGeneration = KnownTokens.EndOfGeneration(special, definition.Named);
        Fim = KnownTokens.Fim(special);
        var marks = definition.Added.Concat(definition.AddedToNormalized).Where(token => IsMark(token)).ToList();
        _marks = new AddedTokens(marks);
        _marksButThoughts =
            new AddedTokens(
                marks.Where(token => !Encoding.UTF8.GetString(token.Content).Contains("think", StringComparison.OrdinalIgnoreCase)));
    }

    // Badly made files declare such a token as an added one.
    bool IsMark(AddedToken token) => IsSpecial(token.Id) || EndOfGeneration.Contains(token.Id) || token.Id == Bos || token.Id == Eos
        || (Fim is { } fim
            && (token.Id == fim.Prefix || token.Id == fim.Middle || token.Id == fim.Suffix || token.Id == fim.Repo
                || token.Id == fim.FileSeparator))
        || (token.Content.AsSpan().StartsWith("<|"u8) && token.Content.AsSpan().EndsWith("|>"u8));

    /// <summary>The tokenizer of a model file: from GGUF's metadata, or from the files beside safetensors.</summary>
    /// <exception cref="ModelFileException">It is missing, damaged, or of an unsupported kind; the message names the part.</exception>
    public static Tokenizer Load(ModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Kind == ModelFileKind.Gguf ? GgufTokenizer.Read(file.Path, file.Metadata) : LoadFolder(file.Folder);
    }

    /// <summary>The tokenizer of a folder that holds tokenizer.json, or vocab.json and merges.txt; no weights are needed.</summary>
    /// <exception cref="ModelFileException">It is missing, damaged, or of an unsupported kind; the message names the part.</exception>
    public static Tokenizer LoadFolder(string folder) => FolderTokenizer.Read(folder);

    /// <summary>The tokenizer at a path: a model file, a model's folder with or without weights, or a tokenizer.json.</summary>
    /// <exception cref="ModelFileException">It is missing, damaged, or of an unsupported kind; the message names the part.</exception>
    public static Tokenizer Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (FolderTokenizer.IsIn(path))
            return LoadFolder(path);
        if (File.Exists(path) && path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            && !path.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase))
            return FolderTokenizer.ReadJson(path);
        using var file = ModelFile.Open(path);
        return Load(file);
    }

    /// <summary>The number of ids, starting from 0. A model may compute logits for more; those ids stand for nothing.</summary>
    public int Count => _definition.Vocabulary.Count;

    /// <summary>The length in bytes of the longest token.</summary>
    public int LongestToken => Math.Max(1, _definition.Vocabulary.Longest);

    /// <summary>The token that begins a text.</summary>
    public int? Bos { get; }

    /// <summary>The token that ends a text.</summary>
    public int? Eos { get; }

    /// <summary>The token for text that the vocabulary cannot express.</summary>
    public int? Unknown { get; }

    /// <summary>The token that pads a batch.</summary>
    public int? Pad { get; }

    /// <summary>Whether <see cref="Encode(string, bool, bool)"/> with addSpecial begins with <see cref="Bos"/>.</summary>
    public bool AddsBos => Bos is { } bos && _definition.Before.Contains(bos);

    /// <summary>The tokens at which a generation ends: end of text, end of turn, and similar tokens.</summary>
    public IReadOnlySet<int> EndOfGeneration { get; }

    /// <summary>The fill-in-the-middle tokens; null for a model without them.</summary>
    public FimTokens? Fim { get; }

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any string; lone surrogates are read as U+FFFD.</param>
    /// <param name="addSpecial">Whether to add the tokens that the model expects around a text, such as BOS, if any.</param>
    /// <param name="parseSpecial">
    /// Whether <c>&lt;|im_start|&gt;</c> and similar text become control tokens. Pass false for untrusted text.
    /// </param>
    public int[] Encode(string text, bool addSpecial = true, bool parseSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. Encode(text, int.MaxValue, addSpecial, parseSpecial, default)];
    }

    /// <summary>
    /// The ids of a text, unless there are more than <paramref name="maxTokens"/>. Encoding then stops, so that a text of any length
    /// takes no more time and memory than the longest acceptable one.
    /// </summary>
    /// <param name="text">As for <see cref="Encode(string, bool, bool)"/>.</param>
    /// <param name="maxTokens">The maximum number of ids.</param>
    /// <param name="ids">The ids; empty if there are more.</param>
    /// <param name="addSpecial">As for <see cref="Encode(string, bool, bool)"/>.</param>
    /// <param name="parseSpecial">As for <see cref="Encode(string, bool, bool)"/>.</param>
    /// <returns>False if there are more.</returns>
    public bool TryEncode(string text, int maxTokens, out int[] ids, bool addSpecial = true, bool parseSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryEncode(text, maxTokens, addSpecial, parseSpecial, default, out ids);
    }

    /// <summary>
    /// Two texts as encoders are shown them: <c>[CLS] first [SEP] second [SEP]</c>, or <c>&lt;s&gt; first &lt;/s&gt;&lt;/s&gt; second
    /// &lt;/s&gt;</c> where RoBERTa's tokens are used. Special tokens in the texts are text.
    /// </summary>
    internal bool TryEncodePair(string first, string second, int maxTokens, out int[] ids)
    {
        ids = [];
        if (!TryEncode(first, maxTokens, out var one, addSpecial: false, parseSpecial: false)
            || !TryEncode(second, maxTokens, out var two, addSpecial: false, parseSpecial: false))
            return false;
        var after = _definition.After;
        int[] between = after is [var end] && Text(end) == "</s>" ? [end, end] : [.. after];
        if (one.Length + two.Length + _definition.Before.Count + between.Length + after.Count > maxTokens)
            return false;
        ids = [.. _definition.Before, .. one, .. between, .. two, .. after];
        return true;
    }

    /// <summary>
    /// As <see cref="TryEncode(string, int, out int[], bool, bool)"/>, for a text in which <see cref="Marked"/> has inserted a character.
    /// </summary>
    internal bool TryEncodeMarked(string text, char mark, int maxTokens, out int[] ids) =>
        TryEncode(text, maxTokens, addSpecial: false, parseSpecial: true, mark, out ids);

    /// <summary>The ids of a piece of such a text.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="mark">The character that was inserted.</param>
    /// <param name="startsText">Whether the text begins with it: some tokenizers put a space before that.</param>
    internal int[] EncodeMarked(string piece, char mark, bool startsText) =>
        [.. Encode(piece, int.MaxValue, addSpecial: false, parseSpecial: true, mark, startsText)];

    /// <summary>The ids of what follows other text.</summary>
    internal int[] EncodeNext(string piece, bool parseSpecial) =>
        [.. Encode(piece, int.MaxValue, addSpecial: false, parseSpecial, default, startsText: false)];

    /// <summary>
    /// Inserts a character into every special token that occurs in a text, so that encoding does not recognise it;
    /// <see cref="TryEncodeMarked"/> removes the character again after that step.
    /// </summary>
    /// <param name="text">Untrusted text.</param>
    /// <param name="mark">A character that occurs in no text: one of U+FDD0 to U+FDEF.</param>
    /// <param name="keepThoughts">Leaves the tokens around a thought unchanged: templates look for them in answers.</param>
    internal string Marked(string text, char mark, bool keepThoughts)
    {
        var tokens = keepThoughts ? _marksButThoughts : _marks;
        if (!tokens.MayBeIn(text))
            return text;
        var utf8 = Encoding.UTF8.GetBytes(text).AsSpan();
        StringBuilder? marked = null;
        var copied = 0;
        for (var at = 0; at < utf8.Length && tokens.TryFind(utf8, at, out var token, out _, out var end);)
        {
            // White space that a token absorbs is not part of its text, which begins after it.
            var start = utf8[at..end].LastIndexOf(token.Content) + at;
            Rune.DecodeFromUtf8(utf8[start..], out _, out var length);
            (marked ??= new StringBuilder(text.Length + 16)).Append(Encoding.UTF8.GetString(utf8[copied..(start + length)])).Append(mark);
            at = copied = start + length;
        }
        return marked is null ? text : marked.Append(Encoding.UTF8.GetString(utf8[copied..])).ToString();
    }

    bool TryEncode(string text, int maxTokens, bool addSpecial, bool parseSpecial, char mark, out int[] ids)
    {
        var all = Encode(text, maxTokens, addSpecial, parseSpecial, mark);
        ids = all.IsFull ? [] : [.. all];
        return !all.IsFull;
    }

    TokenList Encode(string text, int maxTokens, bool addSpecial, bool parseSpecial, char mark, bool startsText = true)
    {
        var ids = new TokenList(maxTokens) { Capacity = (int)Math.Min(text.Length / 3 + 8, maxTokens + 64L) };
        if (addSpecial)
            ids.AddRange(_definition.Before);

        Span<byte> markBytes = stackalloc byte[4];
        markBytes = mark == default ? [] : markBytes[..new Rune(mark).EncodeToUtf8(markBytes)];
        var utf8 = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetByteCount(text));
        EncodeUtf8(utf8.AsSpan(0, Encoding.UTF8.GetBytes(text, utf8)), parseSpecial, markBytes, startsText, ids);
        ArrayPool<byte>.Shared.Return(utf8);

        if (addSpecial)
            ids.AddRange(_definition.After);
        return ids;
    }

    /// <summary>The text of ids. Invalid UTF-8 becomes U+FFFD; ids outside the vocabulary stand for nothing.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecial">Whether to omit control tokens, such as BOS.</param>
    public string Decode(IEnumerable<int> ids, bool skipSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var decoder = new StreamingDecoder(this, skipSpecial, startOfText: true);
        var text = new StringBuilder();
        foreach (var id in ids)
            text.Append(decoder.Append(id));
        return text.Append(decoder.Flush()).ToString();
    }

    /// <summary>The bytes that a token stands for; none for an id outside the vocabulary.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => _definition.Vocabulary.Bytes(id);

    /// <summary>The text of one token; invalid UTF-8 becomes U+FFFD.</summary>
    public string Text(int id) => Encoding.UTF8.GetString(Bytes(id));

    /// <summary>Whether a token is a control token rather than text.</summary>
    public bool IsSpecial(int id) => _definition.Vocabulary.Kind(id) is TokenKind.Control or TokenKind.Unknown;

    /// <summary>
    /// Finds a token by its text, e.g. <c>&lt;|im_end|&gt;</c> or, as plain text and not as written in the file, <c>" hello"</c>.
    /// </summary>
    public bool TryFind(string token, out int id)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (_definition.Named.TryGetValue(token, out id))
            return true;
        id = _definition.Vocabulary.Find(Encoding.UTF8.GetBytes(token));
        return id >= 0;
    }

    /// <summary>Whether pieces of text begin as bytes and are merged by rank, which is what more merges can be added to.</summary>
    internal bool IsByteLevel => _definition.Encoder is BytePairs.PieceEncoder { IsByteLevel: true };

    /// <summary>Whether some text is a token, whatever text encodes to.</summary>
    internal bool Knows(ReadOnlySpan<byte> text) =>
        _definition.Vocabulary.Find(text) >= 0 || _definition.Named.ContainsKey(Encoding.UTF8.GetString(text));

    /// <summary>The same tokenizer, whose pieces of text another encoder receives.</summary>
    internal Tokenizer With(Func<TextEncoder, TextEncoder> encoder) => new(_definition with { Encoder = encoder(_definition.Encoder) });

    /// <summary>Whether <see cref="Decode"/> drops the space that encoding prepended.</summary>
    internal bool DropsFirstSpace => _definition.DropsFirstSpace;

    // :: Step 2
    void EncodeUtf8(ReadOnlySpan<byte> text, bool parseSpecial, ReadOnlySpan<byte> mark, bool startsText, TokenList ids)
    {
        var added = parseSpecial ? _added : _userDefined;
        var at = 0;
        while (at < text.Length && !ids.IsFull && added.TryFind(text, at, out var token, out var start, out var end))
        {
            EncodeStretch(text[at..start], startsText && at == 0, parseSpecial, mark, ids);
            ids.Add(token.Id);
            at = end;
        }
        EncodeStretch(text[at..], startsText && at == 0, parseSpecial, mark, ids);
    }

    // :: Step 3
    void EncodeStretch(ReadOnlySpan<byte> text, bool first, bool parseSpecial, ReadOnlySpan<byte> mark, TokenList ids)
    {
        if (!mark.IsEmpty && text.IndexOf(mark) >= 0)
        {
            text = Without(mark, text);
            parseSpecial = false;
        }
        if (text.IsEmpty || ids.IsFull)
            return;
        foreach (var normalizer in _definition.Normalizers)
            text = normalizer.Apply(text, first) ?? text;

        var added = parseSpecial ? _addedToNormalized : _userDefinedInNormalized;
        var at = 0;
        while (at < text.Length && !ids.IsFull && added.TryFind(text, at, out var token, out var start, out var end))
        {
            EncodeNormalized(text[at..start], first && at == 0, ids);
            ids.Add(token.Id);
            at = end;
        }
        EncodeNormalized(text[at..], first && at == 0, ids);
    }

    static byte[] Without(ReadOnlySpan<byte> mark, ReadOnlySpan<byte> text)
    {
        var rest = new byte[text.Length];
        var count = 0;
        while (text.IndexOf(mark) is var at and >= 0)
        {
            text[..at].CopyTo(rest.AsSpan(count));
            count += at;
            text = text[(at + mark.Length)..];
        }
        text.CopyTo(rest.AsSpan(count));
        return rest[..(count + text.Length)];
    }

    void EncodeNormalized(ReadOnlySpan<byte> text, bool first, TokenList ids)
    {
        if (text.IsEmpty)
            return;
        foreach (var prefixer in _definition.Prefixers)
            text = prefixer.Apply(text, first) ?? text;
        Cut(text, 0, ids);
    }

    // :: Steps 4 and 5: each pre-tokenizer splits the pieces of the one before it
    void Cut(ReadOnlySpan<byte> text, int level, TokenList ids)
    {
        if (level == _definition.PreTokenizers.Count)
        {
            if (text.Length > ids.Room * LongestToken)
                ids.Overflow(); // a token stands for no more than the longest: this piece alone has too many
            else
                _definition.Encoder.Encode(text, ids);
            return;
        }
        var preTokenizer = _definition.PreTokenizers[level];
        for (var at = 0; at < text.Length && !ids.IsFull;)
        {
            var end = preTokenizer.Next(text, at);
            Cut(text[at..end], level + 1, ids);
            at = end;
        }
    }

    /// <summary>A list of ids with a maximum length.</summary>
    sealed class TokenList(int most) : List<int>
    {
        bool _overflown;

        /// <summary>Whether there are more.</summary>
        public bool IsFull => _overflown || Count > most;

        /// <summary>How many more there may be.</summary>
        public long Room => Math.Max(0L, (long)most - Count);

        public void Overflow() => _overflown = true;
    }
}
