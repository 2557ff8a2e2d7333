using System.Globalization;
using System.Text;

namespace Banyan.Server.Search;

/// <summary>
/// Cuts text into the words that searches compare: lower case, Latin letters without their accents, no plural s. Scripts that put no space
/// between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) become pairs of neighbouring characters, so that a word is found wherever
/// it stands.
/// </summary>
static class Words
{
    /// <summary>Characters of a word; what is longer is cut.</summary>
    public const int MaxLength = 40;

    const string English =
        " a an and are as at by can for from i in is it me my of on or that the this to with which data dataset model set ";

    static readonly Dictionary<char, char> s_plain = Alike(
        "aàáâãäåāăąǎạảấầẩẫậắằẳẵặ", "cçćĉċč", "dďđ", "eèéêëēĕėęěẹẻẽếềểễệ", "gĝğġģǧ", "hĥħ", "iìíîïĩīĭįıǐỉị", "jĵ", "kķǩ", "lĺļľŀł", "nñńņňŋ",
        "oòóôõöøōŏőǒọỏốồổỗộớờởỡợơ",
        "rŕŗř", "sśŝşšș", "tţťŧț", "uùúûüũūŭůűųǔụủứừửữựư", "wŵ", "yýÿŷỳỵỷỹ", "zźżž", "еёѐ", "иѝ");

    /// <summary>
    /// The words that a text is found by: whole, and the parts that letters, digits and inner capitals make of one (<c>TinyLlama2</c>:
    /// tinyllama2, tiny, llama, 2).
    /// </summary>
    public static IEnumerable<string> Of(string text) => Cut(text, parts: true);

    static readonly string[] s_endings = ["ations", "ation", "ating", "ates", "ated", "ate", "izing", "ized", "ize", "ions", "ion", "ings",
        "ing", "ers", "er", "ed"];

    /// <summary>
    /// What a longer English word begins with, whatever its ending: translate, translation and translating are one. Other words as they
    /// are.
    /// </summary>
    public static string Stem(string word)
    {
        const int Shortest = 5;
        if (word.Length > Shortest + 1 && word.All(char.IsAsciiLetterLower))
            foreach (var ending in s_endings)
                if (word.Length - ending.Length >= Shortest && word.EndsWith(ending, StringComparison.Ordinal))
                    return word[..^ending.Length];
        return word;
    }

    /// <summary>The words that a query asks for, each once: without those that say nothing, unless there are no others.</summary>
    public static IReadOnlyList<string> Asked(string query)
    {
        string[] all = [.. Cut(query, parts: false).Distinct()];
        string[] meant = [.. all.Where(w => !English.Contains($" {w} ", StringComparison.Ordinal))];
        return meant.Length > 0 ? meant : all;
    }

    static IEnumerable<string> Cut(string text, bool parts)
    {
        var run = new StringBuilder();
        var unspaced = false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (!Belongs(rune))
            {
                foreach (var word in End(run, unspaced, parts))
                    yield return word;
                continue;
            }
            if (run.Length > 0 && IsUnspaced(rune) != unspaced && !IsMark(rune))
                foreach (var word in End(run, unspaced, parts))
                    yield return word;
            if (run.Length == 0)
                unspaced = IsUnspaced(rune);
            run.Append(rune.ToString());
        }
        foreach (var word in End(run, unspaced, parts))
            yield return word;
    }

    static List<string> End(StringBuilder run, bool unspaced, bool parts)
    {
        if (run.Length == 0)
            return [];
        var text = run.ToString();
        run.Clear();
        if (unspaced)
            return Pairs(text, parts);
        var words = new List<string> { Fold(text) };
        if (parts)
            for (var (from, at) = (0, 1); at <= text.Length; at++)
                if (at == text.Length ? from > 0 : char.IsAsciiDigit(text[at]) != char.IsAsciiDigit(text[at - 1])
                    || (char.IsUpper(text[at]) && char.IsLower(text[at - 1])))
                {
                    words.Add(Fold(text[from..at]));
                    from = at;
                }
        words.RemoveAll(w => w.Length == 0);
        return words;
    }

    /// <summary>Two characters each; in a text the last also alone, so that a query of one character finds it there too.</summary>
    static List<string> Pairs(string run, bool parts)
    {
        string[] characters = [.. StringInfo.GetTextElementEnumerator(run).Elements()];
        var pairs = new List<string>();
        for (var i = 0; i + 1 < characters.Length; i++)
            pairs.Add(Short(characters[i] + characters[i + 1]));
        if (parts || characters.Length == 1)
            pairs.Add(Short(characters[^1]));
        return pairs;
    }

    static IEnumerable<string> Elements(this TextElementEnumerator characters)
    {
        while (characters.MoveNext())
            yield return characters.GetTextElement();
    }

    static string Fold(string word)
    {
        var folded = new StringBuilder(word.Length);
        foreach (var letter in word.ToLowerInvariant())
        {
            // Marks on Latin, Greek, Cyrillic, Arabic and Hebrew letters are not asked for; those of Indic scripts are vowels.
            if (letter < '\u0900' && CharUnicodeInfo.GetUnicodeCategory(letter) == UnicodeCategory.NonSpacingMark)
                continue;
            folded.Append(Plain(letter));
        }
        var text = folded.ToString();
        if (text.Length > 3 && text[^1] == 's' && text[^2] is >= 'a' and <= 'z' and not ('s' or 'u' or 'i'))
            text = text[..^1];
        return Short(text);
    }

    /// <summary>A letter in lower case without its diacritics: é is e, ß is ss.</summary>
    public static string Plain(char letter)
    {
        var half = letter is > '\uff00' and < '\uff5f' ? char.ToLowerInvariant((char)(letter - 0xfee0)) : letter;
        return half switch { 'ß' => "ss", 'æ' => "ae", 'œ' => "oe", 'þ' => "th", _ => s_plain.GetValueOrDefault(half, half).ToString() };
    }

    static string Short(string word) => word.Length <= MaxLength ? word
        : word[..(char.IsHighSurrogate(word[MaxLength - 1]) ? MaxLength - 1 : MaxLength)];

    static bool Belongs(Rune rune) => Rune.IsLetterOrDigit(rune) || IsMark(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.LetterNumber;

    static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark
        or UnicodeCategory.SpacingCombiningMark;

    // Thai, Lao, Burmese, Khmer
    static bool IsUnspaced(Rune rune) => rune.Value is (>= 0x0e00 and < 0x0f00) or (>= 0x1000 and < 0x10a0) or (>= 0x1780 and < 0x1800)
        or (>= 0x3040 and < 0x3100) or (>= 0x31f0 and < 0x3200) or (>= 0x3400 and < 0x4dc0) or (>= 0x4e00 and < 0xa000)
        or (>= 0xf900 and < 0xfb00) or (>= 0x20000 and < 0x32000);

    static Dictionary<char, char> Alike(params string[] alike) =>
        alike.SelectMany(a => a[1..].Select(letter => (letter, a[0]))).ToDictionary(p => p.letter, p => p.Item2);
}
