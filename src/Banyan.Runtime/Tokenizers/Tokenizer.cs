using System.Buffers;
using System.Text;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.Loading;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// Turns text into a model's tokens and back. Immutable; may be used from any number of threads.
/// </summary>
/// <remarks>
/// Encoding runs in five steps:
/// <code>
/// text ─1→ UTF-8 ─2→ added tokens taken out ─3→ normalized ─4→ cut into pieces ─5→ ids by byte-pair encoding
/// </code>
/// Lone surrogates become U+FFFD in step 1. All steps take time in proportion to the text (n·log n for a piece without an end).
/// </remarks>
public sealed class Tokenizer
{
    readonly TokenizerDefinition _definition;
    readonly AddedTokens _added, _userDefined, _addedToNormalized, _userDefinedInNormalized;

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
    }

    /// <summary>The tokenizer of a model file: from GGUF's metadata, or from the files beside safetensors.</summary>
    /// <exception cref="ModelFileException">It is missing, damaged, or of a kind that Banyan cannot use; the message says which part.</exception>
    public static Tokenizer Load(ModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Kind == ModelFileKind.Gguf ? GgufTokenizer.Read(file.Path, file.Metadata) : LoadFolder(file.Folder);
    }

    /// <summary>The tokenizer of a folder that holds tokenizer.json, or vocab.json and merges.txt; no weights are needed.</summary>
    /// <exception cref="ModelFileException">It is missing, damaged, or of a kind that Banyan cannot use; the message says which part.</exception>
    public static Tokenizer LoadFolder(string folder) => FolderTokenizer.Read(folder);

    /// <summary>The tokenizer at a path: a model file, a folder of one, with or without weights, or a tokenizer.json.</summary>
    /// <exception cref="ModelFileException">It is missing, damaged, or of a kind that Banyan cannot use; the message says which part.</exception>
    public static Tokenizer Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (FolderTokenizer.IsIn(path))
            return LoadFolder(path);
        if (File.Exists(path) && path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && !path.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase))
            return FolderTokenizer.ReadJson(path);
        using var file = ModelFile.Open(path);
        return Load(file);
    }

    /// <summary>How many ids there are, from 0 on. A model may compute logits for more; those ids stand for nothing.</summary>
    public int Count => _definition.Vocabulary.Count;

    /// <summary>The token that begins a text.</summary>
    public int? Bos { get; }

    /// <summary>The token that ends a text.</summary>
    public int? Eos { get; }

    /// <summary>The token for what the vocabulary cannot write.</summary>
    public int? Unknown { get; }

    /// <summary>The token that fills up a batch.</summary>
    public int? Pad { get; }

    /// <summary>Whether <see cref="Encode"/> with addSpecial begins with <see cref="Bos"/>.</summary>
    public bool AddsBos => Bos is { } bos && _definition.Before.Contains(bos);

    /// <summary>The tokens at which a generation ends: end of text, end of turn, and their kin.</summary>
    public IReadOnlySet<int> EndOfGeneration { get; }

    /// <summary>The tokens for filling in the middle; null for a model that cannot.</summary>
    public FimTokens? Fim { get; }

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any string; lone surrogates are read as U+FFFD.</param>
    /// <param name="addSpecial">Whether to add the tokens that the model expects around a text, such as BOS, where it expects any.</param>
    /// <param name="parseSpecial">Whether <c>&lt;|im_start|&gt;</c> and its kin in the text become those tokens. Pass false for text from strangers.</param>
    public int[] Encode(string text, bool addSpecial = true, bool parseSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 8);
        if (addSpecial)
            ids.AddRange(_definition.Before);

        var utf8 = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetByteCount(text));
        EncodeUtf8(utf8.AsSpan(0, Encoding.UTF8.GetBytes(text, utf8)), parseSpecial, ids);
        ArrayPool<byte>.Shared.Return(utf8);

        if (addSpecial)
            ids.AddRange(_definition.After);
        return [.. ids];
    }

    /// <summary>The text of ids. Bytes that form no character become U+FFFD; ids outside the vocabulary stand for nothing.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecial">Whether to leave out tokens for the model, such as BOS.</param>
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

    /// <summary>The text of one token; bytes that form no character become U+FFFD.</summary>
    public string Text(int id) => Encoding.UTF8.GetString(Bytes(id));

    /// <summary>Whether a token is a mark for the model rather than text.</summary>
    public bool IsSpecial(int id) => _definition.Vocabulary.Kind(id) is TokenKind.Control or TokenKind.Unknown;

    /// <summary>Finds a token by what it looks like, e.g. <c>&lt;|im_end|&gt;</c> or, as text and not as the file writes it, <c>" hello"</c>.</summary>
    public bool TryFind(string token, out int id)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (_definition.Named.TryGetValue(token, out id))
            return true;
        id = _definition.Vocabulary.Find(Encoding.UTF8.GetBytes(token));
        return id >= 0;
    }

    /// <summary>Whether <see cref="Decode"/> drops the space that encoding put first.</summary>
    internal bool DropsFirstSpace => _definition.DropsFirstSpace;

    // :: Step 2
    void EncodeUtf8(ReadOnlySpan<byte> text, bool parseSpecial, List<int> ids)
    {
        var added = parseSpecial ? _added : _userDefined;
        var at = 0;
        while (at < text.Length && added.TryFind(text, at, out var token, out var start, out var end))
        {
            EncodeStretch(text[at..start], at == 0, parseSpecial, ids);
            ids.Add(token.Id);
            at = end;
        }
        EncodeStretch(text[at..], at == 0, parseSpecial, ids);
    }

    // :: Step 3
    void EncodeStretch(ReadOnlySpan<byte> text, bool first, bool parseSpecial, List<int> ids)
    {
        if (text.IsEmpty)
            return;
        foreach (var normalizer in _definition.Normalizers)
            text = normalizer.Apply(text, first) ?? text;

        var added = parseSpecial ? _addedToNormalized : _userDefinedInNormalized;
        var at = 0;
        while (at < text.Length && added.TryFind(text, at, out var token, out var start, out var end))
        {
            EncodeNormalized(text[at..start], first && at == 0, ids);
            ids.Add(token.Id);
            at = end;
        }
        EncodeNormalized(text[at..], first && at == 0, ids);
    }

    void EncodeNormalized(ReadOnlySpan<byte> text, bool first, List<int> ids)
    {
        if (text.IsEmpty)
            return;
        foreach (var prefixer in _definition.Prefixers)
            text = prefixer.Apply(text, first) ?? text;
        Cut(text, 0, ids);
    }

    // :: Steps 4 and 5: each pre-tokenizer cuts up the pieces of the one before it
    void Cut(ReadOnlySpan<byte> text, int level, List<int> ids)
    {
        if (level == _definition.PreTokenizers.Count)
        {
            _definition.Encoder.Encode(text, ids);
            return;
        }
        var preTokenizer = _definition.PreTokenizers[level];
        for (var at = 0; at < text.Length;)
        {
            var end = preTokenizer.Next(text, at);
            Cut(text[at..end], level + 1, ids);
            at = end;
        }
    }
}
