using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Banyan.Runtime.Tokenizers.PreTokenization;
using CsCheck;

namespace Banyan.Tests.Tokenizers;

/// <summary>
/// Each scanner against .NET's regex engine running the pattern that it stands for. .NET matches UTF-16 units where the patterns
/// mean characters, so each character outside the BMP is given to it as one from the BMP with the same properties.
/// </summary>
public sealed class PreTokenizerTests
{
    /// <summary>(category, white space) → a character of the BMP that has them and that no pattern mentions by itself.</summary>
    static readonly Dictionary<UnicodeCategory, char> s_standIns = Enumerable.Range(0x1000, 0xF000).Where(c => c is < 0xD800 or > 0xDFFF)
        .GroupBy(c => CharUnicodeInfo.GetUnicodeCategory(c)).ToDictionary(group => group.Key, group => (char)group.First());

    public static TheoryData<string> Patterns => [.. PublishedPatterns.All.Keys];

    /// <summary>Characters of every sort, those that patterns treat apart more often than others.</summary>
    static readonly Gen<int> s_character = Gen.Frequency(
        (6, Gen.OneOf(" \t\r\n'sStTmMdDrRvVlLeE0159azAZ.,!?/-_=+<>^~|`$()[]{}#".Select(c => (int)c).ToArray())),
        (2, Gen.OneOf(0x17F, 0x212A, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x3000, 0x200B, 0x180E, 0x301, 0xE9, 0xAA, 0x1C5, 0x2B0, 0x5D0,
            0x4E00, 0x3042, 0x30A2, 0xAC00, 0x660, 0x2163, 0xBD, 0x20AC, 0x1F600, 0x10400, 0x1D7D8, 0xE0100, 0x378, 0xE000)),
        (2, Gen.Int[0, 0x2FFF]),
        (1, Gen.Int[0, 0x10FFFF].Where(c => c is < 0xD800 or > 0xDFFF)));

    static readonly Gen<string> s_text = Gen.Frequency((4, s_character.Array[0, 30]),
        (1, s_character.Array[0, 4].Select(part => Enumerable.Repeat(part, 5).SelectMany(c => c).ToArray())))
        .Select(characters => string.Concat(characters.Where(c => c is < 0xD800 or > 0xDFFF).Select(char.ConvertFromUtf32)));

    [Theory, MemberData(nameof(Patterns))]
    public void Scanner_cuts_as_its_pattern_does(string pattern)
    {
        var scanner = PublishedPatterns.All[pattern];
        var bmpOnly = pattern is PublishedPatterns.DeepSeekCasedLetters or PublishedPatterns.DeepSeekSigns
            or PublishedPatterns.DeepSeekAsian
            or PublishedPatterns.DeepSeekHanAndKana; // they name ranges, which stand-ins may be in or not
        var regex = new Regex(ForDotNet(pattern), RegexOptions.CultureInvariant);
        var text = bmpOnly ? s_text.Select(t => string.Concat(t.Where(c => !char.IsSurrogate(c)))) : s_text;
        text.Sample(t => Assert.Equal(Expected(regex, t), Cut(scanner, t)), iter: 5_000);
    }

    [Fact]
    public void Cased_letters_outside_the_bmp_are_letters_for_DeepSeek()
    {
        Assert.Equal(["1", " 𐐀𐐁a", "𝟘"], Cut(PublishedPatterns.All[PublishedPatterns.DeepSeekCasedLetters], "1 𐐀𐐁a𝟘"));
    }

    [Theory]
    [InlineData("it's I'LL y'all'ſ", new[] { "it", "'s", " I", "'LL", " y", "'all", "'ſ" })]
    [InlineData("a  b\n\n  c 123\t\t", new[] { "a", " ", " b", "\n\n", " ", " c", " ", "1", "2", "3", "\t\t" })]
    [InlineData("x = {'a': 1};\r\n", new[] { "x", " =", " {'", "a", "':", " ", "1", "};\r\n" })]
    public void Qwen2_cuts(string text, string[] pieces) => Assert.Equal(pieces, Cut(PublishedPatterns.All[PublishedPatterns.Qwen2], text));

    [Fact]
    public void Pieces_laid_end_to_end_are_the_text_and_none_is_empty() =>
        Gen.Select(s_text, Gen.OneOf(PublishedPatterns.All.Values.ToArray())).Sample((text, scanner) =>
    {
        var pieces = Cut(scanner, text);
        Assert.DoesNotContain("", pieces);
        Assert.Equal(text, string.Concat(pieces));
    }, iter: 5_000);

    [Fact]
    public void Every_family_names_patterns_that_have_a_scanner() =>
        Assert.All(PreTokenizerFamily.All,
            family => Assert.All(family.Patterns, pattern => Assert.True(PublishedPatterns.All.ContainsKey(pattern))));

    [Theory, InlineData("\n"), InlineData(" "), InlineData("a"), InlineData("A"), InlineData("ª"), InlineData("1"), InlineData("."), InlineData("'"), InlineData("\u0001"), InlineData(" a"), InlineData("\n "), InlineData("\u0301")]
    public void Hostile_runs_take_time_in_proportion(string unit)
    {
        // 2 MB each: a scanner that looked at a run once a character would need hours.
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(unit, 2_000_000 / unit.Length)) + "x");
        foreach (var scanner in PublishedPatterns.All.Values)
        {
            for (var at = 0; at < text.Length;)
                at = scanner.Next(text, at);
        }
    }

    static List<string> Cut(PreTokenizer scanner, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var pieces = new List<string>();
        for (var at = 0; at < bytes.Length;)
        {
            var end = scanner.Next(bytes, at);
            Assert.InRange(end, at + 1, bytes.Length);
            pieces.Add(Encoding.UTF8.GetString(bytes, at, end - at));
            at = end;
        }
        return pieces;
    }

    static List<string> Expected(Regex regex, string text)
    {
        var runes = text.EnumerateRunes().ToArray();
        var units = string.Concat(runes.Select(rune => rune.IsBmp ? (char)rune.Value : s_standIns[Rune.GetUnicodeCategory(rune)]));
        var pieces = new List<string>();
        var at = 0;
        foreach (Match match in regex.Matches(units))
        {
            Add(at, match.Index);
            Add(match.Index, match.Index + match.Length);
            at = match.Index + match.Length;
        }
        Add(at, units.Length);
        return pieces;

        void Add(int from, int to)
        {
            if (to > from)
                pieces.Add(string.Concat(runes[from..to]));
        }
    }

    /// <summary>
    /// The pattern without what .NET reads otherwise: (?i:s) must match the long s, $ only the very end, ranges only the BMP.
    /// </summary>
    static string ForDotNet(string pattern) => pattern switch
    {
        PublishedPatterns.TrailingSpace => @"\s+\z",
        PublishedPatterns.DeepSeekCasedLetters =>
            Regex.Replace(pattern, "[\uD800-\uDBFF][\uDC00-\uDFFF]-[\uD800-\uDBFF][\uDC00-\uDFFF]", ""),
        _ => pattern.Replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"),
    };
}
