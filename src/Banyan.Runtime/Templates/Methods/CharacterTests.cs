using System.Globalization;
using System.Text;
using Banyan.Runtime.Templates.Tests;
using Banyan.Runtime.Templates.Values;
using static Banyan.Runtime.Templates.Methods.MethodTable;

namespace Banyan.Runtime.Templates.Methods;

/// <summary><c>isdigit()</c> and similar: true if there is at least one character and all of them qualify.</summary>
static class CharacterTests
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        All("isdigit", r => Rune.GetUnicodeCategory(r) == UnicodeCategory.DecimalDigitNumber
            || CharUnicodeInfo.GetDigitValue(r.ToString(), 0) >= 0),
        All("isdecimal", r => Rune.GetUnicodeCategory(r) == UnicodeCategory.DecimalDigitNumber),
        All("isnumeric", r => CharUnicodeInfo.GetNumericValue(r.ToString(), 0) >= 0),
        All("isalpha", Rune.IsLetter),
        All("isalnum", r => Rune.IsLetter(r) || CharUnicodeInfo.GetNumericValue(r.ToString(), 0) >= 0),
        All("isspace", r => r.IsBmp && PythonText.IsSpace((char)r.Value)),
        All("isprintable", PythonText.IsPrintable, empty: true),
        All("isascii", r => r.IsAscii, empty: true),
        Row("islower", "", (r, a) => JinjaTests.Find("lower")!(r, new Arguments([a[0]!]))),
        Row("isupper", "", (r, a) => JinjaTests.Find("upper")!(r, new Arguments([a[0]!]))),
        Row("istitle", "", (r, a) => IsTitle(Counted(r, a))),
        Row("isidentifier", "", (r, a) => IsIdentifier(Counted(r, a))),
    ];

    static KeyValuePair<string, NativeFunction> All(string name, Func<Rune, bool> test, bool empty = false) => Row(name, "", (r, a) =>
    {
        var text = Counted(r, a);
        return text.Length == 0 ? empty : text.EnumerateRunes().All(test);
    });

    static string Counted(Render r, Value?[] a)
    {
        r.Step(StringMethods.Self(a).Length >> 3);
        return StringMethods.Self(a);
    }

    static bool IsIdentifier(string text) =>
        text.Length > 0 && text.EnumerateRunes().All(r => Rune.IsLetterOrDigit(r) || r.Value == '_' || Rune.GetUnicodeCategory(r)
            is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation
            or UnicodeCategory.LetterNumber)
        && !Rune.IsDigit(text.EnumerateRunes().First());

    static bool IsTitle(string text)
    {
        var (any, inWord) = (false, false);
        foreach (var rune in text.EnumerateRunes())
        {
            var cased = PythonText.IsCased(rune);
            if (cased && Rune.IsLower(rune) != inWord)
                return false;
            any |= cased;
            inWord = cased;
        }
        return any;
    }
}
