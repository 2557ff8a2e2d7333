using Banyan.Runtime.Tokenizers;

namespace Banyan.Tests.Tokenizers;

/// <summary>WordPiece and SentencePiece unigram: the ids that llama.cpp 0.5.0 gives, with those around a text.</summary>
public class EncoderTokenizerTests
{
    [Theory]
    [InlineData("bert", "Hello world", "2 103 28 28 34 49 132 28 12 3")]
    [InlineData("bert", "the the  of and, in!", "2 85 85 87 89 79 93 83 3")]
    [InlineData("bert", "  leading and trailing  ", "2 27 438 404 32 18 89 43 40 258 28 94 18 3")]
    [InlineData("bert", "Caf\u00e9 na\u00efve \u00c0\u00c9\u00ce", "2 335 498 31 258 48 14 249 22 3")]
    [InlineData("bert", "\u65e5\u672c\u8a9e\u306e text", "2 1 1 1 1 43 484 44 3")]
    [InlineData("bert", "don't stop; it's 3.14$ + x=2", "2 173 32 1 43 41 92 36 1 101 1 41 63 77 59 66 1 1 51 1 61 3")]
    [InlineData("bert", "\u03a9mega \u00df stra\u00dfe", "2 1 1 1 3")]
    [InlineData("bert", "a\tb\nc", "2 5 7 9 3")]
    [InlineData("bert", "", "2 3")]
    [InlineData("bert", "\u2026\u2014\u201cquotes\u201d", "2 1 1 1 37 46 34 44 474 1 3")]
    [InlineData("bert", "emoji \ud83d\ude00 done", "2 461 34 24 22 1 173 32 14 3")]
    [InlineData("bert", "\u0130stanbul \u0131\u00df", "2 95 44 166 326 28 1 3")]
    [InlineData("bert", "\u00fcber-gr\u00f6\u00dfe", "2 45 124 40 1 1 3")]
    [InlineData("bert", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5", "2 1 1 3")]
    [InlineData("bert", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "2 51 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 52 3")]
    [InlineData("bert", "\u200bzero width", "2 55 472 34 49 22 424 20 3")]
    [InlineData("bert", "\ufb01 ligature \u00bd \u2460", "2 1 27 22 18 122 46 40 14 1 1 3")]
    [InlineData("bert-reranker", "Hello world", "0 3 13 27 27 33 48 131 27 11 2")]
    [InlineData("bert-reranker", "the the  of and, in!", "0 84 84 86 88 79 92 83 2")]
    [InlineData("bert-reranker", "  leading and trailing  ", "0 26 13 5 11 93 17 88 42 39 5 21 27 93 17 2")]
    [InlineData("bert-reranker", "Caf\u00e9 na\u00efve \u00c0\u00c9\u00ce", "0 3 5 15 3 30 5 3 47 13 3 2")]
    [InlineData("bert-reranker", "\u65e5\u672c\u8a9e\u306e text", "0 3 42 13 51 43 2")]
    [InlineData("bert-reranker", "don't stop; it's 3.14$ + x=2", "0 10 109 3 43 40 91 35 3 100 3 41 62 77 59 65 3 50 3 61 2")]
    [InlineData("bert-reranker", "\u03a9mega \u00df stra\u00dfe", "0 3 29 13 17 5 3 40 43 39 5 3 13 2")]
    [InlineData("bert-reranker", "a\tb\nc", "0 4 3 7 3 9 2")]
    [InlineData("bert-reranker", "", "0 2")]
    [InlineData("bert-reranker", "\u2026\u2014\u201cquotes\u201d", "0 3 37 45 33 43 13 41 3 2")]
    [InlineData("bert-reranker", "emoji \ud83d\ude00 done", "0 12 29 33 23 21 3 10 133 2")]
    [InlineData("bert-reranker", "\u0130stanbul \u0131\u00df", "0 3 41 43 5 31 7 45 27 3 2")]
    [InlineData("bert-reranker", "\u00fcber-gr\u00f6\u00dfe", "0 3 7 13 39 3 17 39 3 13 2")]
    [InlineData("bert-reranker", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5", "0 3 2")]
    [InlineData("bert-reranker", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "0 50 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 2")]
    [InlineData("bert-reranker", "\u200bzero width", "0 3 55 13 39 33 48 21 11 43 19 2")]
    [InlineData("bert-reranker", "\ufb01 ligature \u00bd \u2460", "0 3 26 21 17 121 45 39 13 3 2")]
    public void Texts_become_llama_cpps_tokens(string model, string text, string ids)
    {
        var tokenizer = Tokenizer.Open(SharedData.Path("models", $"families/{model}.gguf"));
        Assert.Equal(ids, string.Join(' ', tokenizer.Encode(text, addSpecial: true, parseSpecial: false)));
    }
}
