using System.Text;
using Banyan.Runtime.Generation;
using CsCheck;

namespace Banyan.Runtime.Tests.Generation;

public class StopMatcherTests
{
    // Few letters, so that strings overlap themselves and each other.
    static readonly Gen<string> s_text = Gen.Char["ab"].Array[0, 40].Select(c => new string(c));
    static readonly Gen<string[]> s_stops = Gen.Char["ab"].Array[1, 5].Select(c => new string(c)).Array[1, 3];

    [Fact]
    public void Finds_what_a_search_of_the_whole_text_finds() => Gen.Select(s_text, s_stops).Sample((text, stops) =>
    {
        var matcher = new StopMatcher(stops);
        for (var end = 1; end <= text.Length; end++)
        {
            var ending = stops.Where(s => text[..end].EndsWith(s, StringComparison.Ordinal)).ToArray();
            if (matcher.Append((byte)text[end - 1]))
            {
                Assert.Equal(ending.Max(s => s.Length), matcher.Held);
                return;
            }
            Assert.Empty(ending);
            // Held: the longest end of the text that begins a stop string.
            Assert.Equal(Enumerable.Range(0, 6)
                .Last(n => n <= end && stops.Any(s => s.Length > n && s.StartsWith(text[(end - n)..end], StringComparison.Ordinal))),
                matcher.Held);
        }
    });

    [Fact]
    public void Text_comes_out_in_whole_characters_and_never_what_is_held()
    {
        var text = new AnswerText();
        text.Append("ab"u8);
        Assert.Equal("a", text.Take(held: 1, last: false));
        text.Append([0xE2, 0x82]); // the first two bytes of €
        Assert.Equal("b", text.Take(0, false));
        text.Append([0xAC]);
        Assert.Equal("€", text.Take(0, false));
        text.Append("stop"u8);
        text.Cut(4);
        text.Append([0xF0, 0x9F]); // a character that never ends
        Assert.Equal("\uFFFD", text.Take(0, last: true));
    }

    [Fact]
    public void Any_cutting_of_bytes_gives_the_same_text() => Gen.Select(Gen.String, Gen.Int[1, 7]).Sample((original, size) =>
    {
        var bytes = Encoding.UTF8.GetBytes(original);
        var text = new AnswerText();
        var result = new StringBuilder();
        foreach (var piece in bytes.Chunk(size))
        {
            text.Append(piece);
            result.Append(text.Take(piece.Length % 3, false));
        }
        result.Append(text.Take(0, true));
        Assert.Equal(Encoding.UTF8.GetString(bytes), result.ToString());
    });
}
