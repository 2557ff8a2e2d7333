using Banyan.Runtime.Files;
using Banyan.Runtime.Tests.Models;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Tests.Tokenizers;

/// <summary>A text of which only so many tokens are of use is not encoded beyond them.</summary>
public class BoundedEncodingTests
{
    static readonly Lazy<Tokenizer> s_tokenizer = new(() =>
    {
        using var file = ModelFile.Open(Reference.Path("qwen2-tiny-Q8_0"));
        return Tokenizer.Load(file);
    });

    [Theory]
    [InlineData("some words ")]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData(" ")]
    [InlineData("<|im_end|>")]
    [InlineData("\ud83d\ude00")]
    public void A_long_text_takes_no_more_than_its_bytes(string unit)
    {
        var text = string.Concat(Enumerable.Repeat(unit, 4_000_000 / unit.Length));
        s_tokenizer.Value.TryEncode(text, 1000, out _); // pools are filled
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(s_tokenizer.Value.TryEncode(text, 1000, out var ids));
        Assert.Empty(ids);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 16L << 20); // UTF-8, rented or not
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("Hello, world! <|im_end|> again", true)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void Within_the_bound_the_ids_are_the_same_and_one_below_there_are_none(string text, bool special)
    {
        var all = s_tokenizer.Value.Encode(text, parseSpecial: special);
        Assert.True(s_tokenizer.Value.TryEncode(text, all.Length, out var ids, parseSpecial: special));
        Assert.Equal(all, ids);
        if (all.Length > 0)
            Assert.False(s_tokenizer.Value.TryEncode(text, all.Length - 1, out _, parseSpecial: special));
    }
}
