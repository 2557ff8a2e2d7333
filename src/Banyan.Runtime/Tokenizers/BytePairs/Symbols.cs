using System.Text;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.BytePairs;

/// <summary>The initial symbols for merging: one per byte (byte-level models) or one per character (SentencePiece models).</summary>
abstract class Symbols
{
    /// <summary>A symbol from this number on is a byte or character that has no token; the remainder says which.</summary>
    public const int NoToken = 1 << 30;

    /// <summary>Writes a word's symbols, at most one per byte.</summary>
    /// <returns>The number of symbols.</returns>
    public abstract int Split(ReadOnlySpan<byte> word, Span<int> symbols);

    /// <summary>Adds the ids for a byte or character that has no token.</summary>
    public abstract void Spell(int symbol, List<int> ids);
}

/// <summary>One symbol per byte. A byte that the vocabulary lacks becomes the unknown token, or is dropped if there is none.</summary>
sealed class ByteSymbols : Symbols
{
    readonly int[] _ofByte = new int[256];
    readonly int? _unknown;

    public ByteSymbols(Vocabulary vocabulary, int? unknown)
    {
        _unknown = unknown;
        for (var value = 0; value < 256; value++)
        {
            var id = vocabulary.Find([(byte)value]);
            _ofByte[value] = id >= 0 ? id : NoToken | value;
        }
    }

    public override int Split(ReadOnlySpan<byte> word, Span<int> symbols)
    {
        for (var i = 0; i < word.Length; i++)
            symbols[i] = _ofByte[word[i]];
        return word.Length;
    }

    public override void Spell(int symbol, List<int> ids)
    {
        if (_unknown is { } unknown)
            ids.Add(unknown);
    }
}

/// <summary>
/// One symbol per character. A character that the vocabulary lacks is spelled with byte tokens or, failing that, becomes the unknown
/// token.
/// </summary>
/// <param name="vocabulary">The vocabulary.</param>
/// <param name="byteTokens">The token of each byte, -1 if there is none; null if characters are not spelled with byte tokens.</param>
/// <param name="unknown">The unknown token.</param>
/// <param name="fuseUnknown">Whether adjacent unknown characters become one unknown token.</param>
sealed class CharacterSymbols(Vocabulary vocabulary, int[]? byteTokens, int? unknown, bool fuseUnknown) : Symbols
{
    readonly int[] _ascii =
        [.. Enumerable.Range(0, 128).Select(value => vocabulary.Find([(byte)value]) is var id and >= 0 ? id : NoToken | value)];

    /// <summary>The symbol of one character.</summary>
    public int Symbol(ReadOnlySpan<byte> text, int at, out int next)
    {
        var codePoint = Characters.CodePoint(text, at, out next);
        if (codePoint < 128)
            return _ascii[codePoint];
        return vocabulary.Find(text[at..next]) is var id and >= 0 ? id : NoToken | codePoint;
    }

    public override int Split(ReadOnlySpan<byte> word, Span<int> symbols)
    {
        var count = 0;
        for (var at = 0; at < word.Length;)
            symbols[count++] = Symbol(word, at, out at);
        return count;
    }

    public override void Spell(int symbol, List<int> ids)
    {
        Span<byte> bytes = stackalloc byte[4];
        bytes = bytes[..new Rune(symbol & ~NoToken).EncodeToUtf8(bytes)];
        if (byteTokens is not null && HasAll(bytes))
        {
            foreach (var value in bytes)
                ids.Add(byteTokens[value]);
        }
        else if (unknown is { } id && !(fuseUnknown && ids.Count > 0 && ids[^1] == id))
        {
            ids.Add(id);
        }
    }

    bool HasAll(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (byteTokens![value] < 0)
                return false;
        }
        return true;
    }
}
