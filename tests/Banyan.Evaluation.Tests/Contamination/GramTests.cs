using System.Text.RegularExpressions;
using Banyan.Evaluation.Contamination;
using CsCheck;

namespace Banyan.Evaluation.Tests.Contamination;

/// <summary>The fast readers beside plain ones.</summary>
public partial class GramTests
{
    static readonly string[] s_pieces = ["a", "b", "if", "(", ")", " ", "\n", ".", "12", "x_1", "len", "É", "ß", "字", "𝒳", "-", "7"];
    static readonly Gen<string> s_text = Gen.Int[0, 16].Select(i => s_pieces[i]).Array[0, 80].Select(string.Concat);

    /// <summary>Hashes are equal exactly where the words are.</summary>
    [Fact]
    public void Word_grams_are_those_of_a_plain_reader() => s_text.Sample(text =>
    {
        var words = Word().Matches(text.ToLowerInvariant()).Select(m => m.Value).ToList();
        var plain = Enumerable.Range(0, Math.Max(0, words.Count - 9)).Select(i => words.GetRange(i, 10))
            .Where(g => g.Count(w => !w.All(char.IsAsciiDigit)) >= 3).Select(g => string.Join(' ', g)).ToList();
        var (grams, tokens) = DocumentScanner.Of(text, ContaminationMethod.Words10);
        Assert.Equal(words.Count, tokens);
        SamePattern(plain, grams);
    }, iter: 5000, seed: "0000KOIPQbS4");

    /// <summary>Two sequences of code have equal grams exactly where one is the other with its names changed.</summary>
    [Fact]
    public void Code_grams_are_those_of_a_plain_reader() => s_text.Sample(text =>
    {
        var tokens = Token().Matches(text).Select(m => m.Value).ToList();
        var kept = new HashSet<string> { "if", "len" };
        bool IsName(int i) => (tokens[i][0] is var c && (char.IsLetter(c) || c == '_' || char.IsSurrogate(c))) && !kept.Contains(tokens[i])
            && (i == 0 || tokens[i - 1] != ".");
        var plain = Enumerable.Range(0, Math.Max(0, tokens.Count - 7)).Select(start =>
        {
            // A name is the distance to where it stood last, in this gram; also where it stood there as a member or the like.
            return string.Join(' ', Enumerable.Range(start, 8).Select(i => !IsName(i) ? tokens[i]
                : "#" + Enumerable.Range(1, i - start).FirstOrDefault(back => tokens[i - back] == tokens[i])));
        }).ToList();
        SamePattern(plain, DocumentScanner.Of(text, ContaminationMethod.NearDuplicate).Grams);
    }, iter: 5000, seed: "0000KOIPQbS4");

    [Fact]
    public void The_greatest_share_within_a_window_is_that_of_a_plain_count() =>
        Gen.Int[0, 9].Array[0, 60].Select(Gen.Int[1, 6]).Sample((stream, tokens) =>
    {
        ulong[] item = [0, 1, 2, 3];
        var index = new GramIndex([(item, tokens)], [("t", "p")], 1);
        var matcher = new GramMatcher(index);
        foreach (var (at, gram) in stream.Index())
            matcher.Add((ulong)gram, at + 1);
        var found = new Found(0, 0);
        matcher.EndDocument((_, f) => found = f);
        var most = Enumerable.Range(0, stream.Length)
            .Select(end => stream[Math.Max(0, end + 1 - 2 * tokens)..(end + 1)].Distinct().Count(g => g < 4)).DefaultIfEmpty(0).Max();
        Assert.Equal(most / 4.0, found.Share);
        // The next document begins with nothing.
        matcher.Add(0, 1);
        matcher.EndDocument((_, f) => Assert.Equal(0.25, f.Share));
    }, iter: 2000, seed: "0000KOIPQbS4");

    static void SamePattern(IReadOnlyList<string> plain, IReadOnlyList<ulong> hashes)
    {
        Assert.Equal(plain.Count, hashes.Count);
        for (var i = 0; i < plain.Count; i++)
            for (var j = 0; j < i; j++)
                Assert.True(plain[i] == plain[j] == (hashes[i] == hashes[j]), $"'{plain[i]}' and '{plain[j]}'");
    }

    [GeneratedRegex(@"(?:[\p{L}\p{Nd}_]|\p{Cs})+")]
    private static partial Regex Word();

    [GeneratedRegex(@"(?:[\p{L}\p{Nd}_]|\p{Cs})+|\S")]
    private static partial Regex Token();
}
