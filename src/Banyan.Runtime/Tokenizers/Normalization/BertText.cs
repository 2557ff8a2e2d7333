using System.Globalization;
using System.Text;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.Normalization;

/// <summary>
/// BERT's uncased text as llama.cpp prepares it: accents off, lower case, control characters out; and a space before every word, of which
/// each punctuation mark, each ASCII symbol and each Chinese character is one.
/// </summary>
sealed class BertText : TextStep
{
    public override byte[]? Apply(ReadOnlySpan<byte> text, bool first)
    {
        var (result, inWord) = (new List<byte>(text.Length + text.Length / 4), false);
        Span<byte> bytes = stackalloc byte[4];
        foreach (var character in Nfc.Decomposed(text))
        {
            var classes = Characters.Classify(character);
            if ((classes & CharClass.Space) != 0)
            {
                inWord = false;
                continue;
            }
            if (character is 0 or 0xFFFD || (classes & CharClass.Mark) != 0 && Accents.Contains(character) || IsControl(character))
                continue;
            var isWord = (classes & CharClass.Punctuation) != 0
                || character < 0x7F && (classes & CharClass.Symbol) != 0 || IsChinese(character);
            if (isWord || !inWord)
                result.Add((byte)' ');
            result.AddRange(bytes[..Rune.ToLowerInvariant(new Rune(character)).EncodeToUtf8(bytes)]);
            inWord = !isWord;
        }
        return [.. result];
    }

    /// <summary>Marks that only ever stand on another character.</summary>
    static readonly CharSet Accents = new(CharClass.None, "\u0300-\u036F");

    static bool IsControl(int character) => Rune.GetUnicodeCategory(new Rune(character))
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate;

    static bool IsChinese(int c) => c is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF
        or >= 0x2A700 and <= 0x2B73F
        or >= 0x2B740 and <= 0x2B81F or >= 0x2B920 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;
}
