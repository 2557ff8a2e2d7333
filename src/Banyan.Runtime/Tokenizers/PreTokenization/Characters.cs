using System.Globalization;
using System.Text;

namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>Reads the characters of valid UTF-8 with their classes. ASCII is one table look-up.</summary>
static class Characters
{
    static readonly CharClass[] s_byCategory = ByCategory();
    static readonly CharClass[] s_ascii = [.. Enumerable.Range(0, 128).Select(Classify)];

    /// <summary>The class of the character at <paramref name="at"/>; <paramref name="next"/> is where the next one begins.</summary>
    public static CharClass At(ReadOnlySpan<byte> text, int at, out int next)
    {
        var first = text[at];
        if (first < 0x80)
        {
            next = at + 1;
            return s_ascii[first];
        }
        return Classify(Wide(text, at, out next));
    }

    /// <summary>The class of the character at <paramref name="at"/>, none at the end.</summary>
    public static CharClass AtOrNone(ReadOnlySpan<byte> text, int at) => at < text.Length ? At(text, at, out _) : CharClass.None;

    /// <summary>The code point at <paramref name="at"/>.</summary>
    public static int CodePoint(ReadOnlySpan<byte> text, int at, out int next)
    {
        next = at + 1;
        return text[at] < 0x80 ? text[at] : Wide(text, at, out next);
    }

    /// <summary>The end of the run, from <paramref name="at"/>, of characters that have any of the classes.</summary>
    public static int EndOfRun(ReadOnlySpan<byte> text, int at, CharClass classes)
    {
        var ascii = s_ascii;
        while (at < text.Length)
        {
            var first = text[at];
            if (first < 0x80)
            {
                if ((ascii[first] & classes) == 0)
                    break;
                at++;
            }
            else if ((Classify(Wide(text, at, out var next)) & classes) != 0)
            {
                at = next;
            }
            else
            {
                break;
            }
        }
        return at;
    }

    /// <summary>The end of the run, from <paramref name="at"/>, of characters that have none of the classes.</summary>
    public static int EndOfRunWithout(ReadOnlySpan<byte> text, int at, CharClass classes)
    {
        var ascii = s_ascii;
        while (at < text.Length)
        {
            var first = text[at];
            if (first < 0x80)
            {
                if ((ascii[first] & classes) != 0)
                    break;
                at++;
            }
            else if ((Classify(Wide(text, at, out var next)) & classes) == 0)
            {
                at = next;
            }
            else
            {
                break;
            }
        }
        return at;
    }

    /// <summary>The classes of a code point.</summary>
    public static CharClass Classify(int codePoint)
    {
        var classes = s_byCategory[(int)CharUnicodeInfo.GetUnicodeCategory(codePoint)];
        if (codePoint is >= '\t' and <= '\r' or 0x85)
            classes |= CharClass.Space;
        if (codePoint is '\r' or '\n')
            classes |= CharClass.Newline;
        if (codePoint < 0x80 && char.IsAsciiLetter((char)codePoint))
            classes |= CharClass.AsciiLetter;
        return classes;
    }

    static int Wide(ReadOnlySpan<byte> text, int at, out int next)
    {
        Rune.DecodeFromUtf8(text[at..], out var rune, out var length);
        next = at + length;
        return rune.Value;
    }

    static CharClass[] ByCategory()
    {
        var classes = new CharClass[30];
        void Set(CharClass value, params ReadOnlySpan<UnicodeCategory> categories)
        {
            foreach (var category in categories)
                classes[(int)category] = value;
        }

        Set(CharClass.Upper, UnicodeCategory.UppercaseLetter, UnicodeCategory.TitlecaseLetter);
        Set(CharClass.Lower, UnicodeCategory.LowercaseLetter);
        Set(CharClass.Uncased, UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter);
        Set(CharClass.Mark, UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark);
        Set(CharClass.Number, UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber);
        Set(CharClass.Punctuation, UnicodeCategory.ConnectorPunctuation, UnicodeCategory.DashPunctuation, UnicodeCategory.OpenPunctuation,
            UnicodeCategory.ClosePunctuation, UnicodeCategory.InitialQuotePunctuation, UnicodeCategory.FinalQuotePunctuation,
            UnicodeCategory.OtherPunctuation);
        Set(CharClass.Symbol, UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol,
            UnicodeCategory.OtherSymbol);
        Set(CharClass.Space, UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator);
        return classes;
    }
}
