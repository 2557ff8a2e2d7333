using System.Text;
using Banyan.Runtime.Tokenizers.Normalization;
using CsCheck;

namespace Banyan.Tests.Tokenizers;

public sealed class NfcTests
{
    [Theory]
    [InlineData("e\u0301", "é")]
    [InlineData("é", "é")]
    [InlineData("\u212B", "Å")]                              // Angstrom sign: decomposes only
    [InlineData("a\u0323\u0307", "\u1EA1\u0307")]
    [InlineData("a\u0307\u0323", "\u1EA1\u0307")]            // marks out of order
    [InlineData("\u0958", "\u0915\u093C")]                   // excluded from composition
    [InlineData("\u1112\u1161\u11AB", "한")]
    [InlineData("하\u11AB", "한")]
    [InlineData("\u1100\u1100\u1161", "\u1100가")]
    [InlineData("\u0301e", "\u0301e")]
    [InlineData("a\u0315\u0300\u05AE\u0301b", "à\u05AE\u0301\u0315b")] // of UAX #15's own tests
    [InlineData("\u1E0A\u0323", "\u1E0C\u0307")]
    [InlineData("\uFB2A", "\u05E9\u05C1")]
    [InlineData("\U0002F800", "\u4E3D")]
    [InlineData("\U00011099\U000110BA", "\U0001109A")]
    [InlineData("Cửa Việt", "Cửa Việt")]
    public void Known_cases(string text, string normalized) => Assert.Equal(normalized, Normalize(text));

    [Fact]
    public void Normalizing_twice_changes_nothing_more() =>
        Gen.OneOf(Gen.Int[0x41, 0x7A], Gen.Int[0xC0, 0x17F], Gen.Int[0x300, 0x345], Gen.Int[0x900, 0xDFF], Gen.Int[0x1100, 0x11FF],
            Gen.Int[0x1E00, 0x1FFF], Gen.Int[0xF900, 0xFAFF])
            .Array[1, 12].Select(characters => string.Concat(characters.Select(char.ConvertFromUtf32))).Sample(text =>
            {
                var once = Normalize(text);
                Assert.Equal(once, Normalize(once));
            }, iter: 20_000);

    [Fact]
    public void A_long_run_of_marks_out_of_order_is_sorted_in_time()
    {
        var text = "a" + string.Concat(Enumerable.Range(0, 500_000).Select(i => i % 2 == 0 ? '\u0301' : '\u0323'));
        var normalized = Normalize(text);
        Assert.Equal('\u1EA1', normalized[0]);
        Assert.True(normalized.LastIndexOf('\u0323') < normalized.IndexOf('\u0301'));
    }

    static string Normalize(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Encoding.UTF8.GetString(new Nfc().Apply(bytes, first: true) ?? bytes);
    }
}
