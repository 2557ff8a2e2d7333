using System.Text;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.BytePairs;

/// <summary>What merging begins with: a symbol a byte (byte-level models) or a symbol a character (SentencePiece models).</summary>
abstract class Symbols
{
    /// <summary>A symbol from here on is a byte or character that has no token; the rest of the number says which.</summary>
    public const int NoToken = 1 << 30;

    /// <summary>Writes a word's symbols, at most one a byte.</summary>
    /// <returns>How many there are.</returns>
    public abstract int Split(ReadOnlySpan<byte> word, Span<int> symbols);

    /// <summary>Adds the ids for a byte or character that has no token.</summary>
    public abstract void Spell(int symbol, List<int> ids);
}

/// <summary>A symbol a byte. A byte that the vocabulary lacks becomes the unknown token, or is left out where there is none.</summary>
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

/// <summary>A symbol a character. A character that the vocabulary lacks is spelled with byte tokens, or failing that becomes the unknown token.</summary>
/// <param name="vocabulary">The vocabulary.</param>
/// <param name="byteTokens">The token of each byte, -1 where there is none; null where characters are not spelled.</param>
/// <param name="unknown">The unknown token.</param>
/// <param name="fuseUnknown">Whether neighbouring unknown characters become one unknown token.</param>
sealed class CharacterSymbols(Vocabulary vocabulary, int[]? byteTokens, int? unknown, bool fuseUnknown) : Symbols
{
    readonly int[] _ascii = [.. Enumerable.Range(0, 128).Select(value => vocabulary.Find([(byte)value]) is var id and >= 0 ? id : NoToken | value)];

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
