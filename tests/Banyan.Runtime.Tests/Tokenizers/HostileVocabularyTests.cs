using Banyan.Runtime.Files;

namespace Banyan.Tests.Tokenizers;

/// <summary>Vocabularies that are damaged or made to harm: a clear error or a defined result, never a crash.</summary>
public sealed class HostileVocabularyTests
{
    [Fact]
    public void Of_a_token_given_twice_the_first_is_written_and_both_are_read()
    {
        var tokenizer = GgufMetadata.Read(GgufMetadata.ByteLevel(["ab", "ab"], ["a b"]));
        Assert.Equal([256], tokenizer.Encode("ab"));
        Assert.Equal("abab", tokenizer.Decode([256, 257]));
    }

    [Fact]
    public void A_merge_of_an_unknown_token_is_refused()
    {
        var e = Assert.Throws<ModelFileException>(() => GgufMetadata.Read(GgufMetadata.ByteLevel(["ab"], ["a b", "ab c"])));
        Assert.Contains("merge 2, 'ab c', names 'abc'", e.Message);
    }

    [Theory, InlineData(""), InlineData("a"), InlineData("ab"), InlineData("a "), InlineData(" ")]
    public void A_merge_that_is_no_pair_is_refused(string merge) =>
        Assert.Contains($"merge '{merge}'",
            Assert.Throws<ModelFileException>(() => GgufMetadata.Read(GgufMetadata.ByteLevel(["ab"], [merge]))).Message);

    [Fact]
    public void Ids_outside_the_vocabulary_count_as_not_given_and_stand_for_nothing()
    {
        var metadata = GgufMetadata.ByteLevel(["ab"], ["a b"]);
        metadata["tokenizer.ggml.eos_token_id"] = uint.MaxValue;
        metadata["tokenizer.ggml.bos_token_id"] = 257;
        metadata["tokenizer.ggml.padding_token_id"] = -1;
        var tokenizer = GgufMetadata.Read(metadata);
        Assert.Null(tokenizer.Eos);
        Assert.Null(tokenizer.Bos);
        Assert.Null(tokenizer.Pad);
        Assert.Equal("ab", tokenizer.Decode([int.MinValue, -1, 256, 257, int.MaxValue]));
        Assert.Equal(0, tokenizer.Bytes(257).Length);
        Assert.False(tokenizer.IsSpecial(257));
    }

    [Fact]
    public void A_bos_to_add_that_is_missing_is_refused()
    {
        var metadata = GgufMetadata.ByteLevel([], []);
        metadata["tokenizer.ggml.add_bos_token"] = true;
        Assert.Contains("add_bos_token is true", Assert.Throws<ModelFileException>(() => GgufMetadata.Read(metadata)).Message);
    }

    [Fact]
    public void Empty_tokens_are_never_written()
    {
        var tokenizer = GgufMetadata.Read(GgufMetadata.ByteLevel(["", "ab", ""], ["a b"], [1, 1, 3]));
        Assert.Equal([257, 257], tokenizer.Encode("abab"));
        Assert.Equal("", tokenizer.Decode([256, 258]));
        Assert.Empty(tokenizer.Encode(""));
    }

    [Fact]
    public void Scores_that_are_not_numbers_or_too_few_are_refused()
    {
        Assert.Contains("score of token 260 is NaN",
            Assert.Throws<ModelFileException>(() => GgufMetadata.Read(GgufMetadata.SentencePiece(["a", "b"], [0, float.NaN]))).Message);
        Assert.Contains("only 260 scores",
            Assert.Throws<ModelFileException>(() => GgufMetadata.Read(GgufMetadata.SentencePiece(["a", "b"], [0]))).Message);
    }

    [Fact]
    public void Infinite_scores_are_scores()
    {
        var tokenizer =
            GgufMetadata.Read(GgufMetadata.SentencePiece(["a", "b", "ab", "ba"], [0, 0, float.NegativeInfinity, float.PositiveInfinity]));
        Assert.Equal([259, 262], tokenizer.Encode("aba", addSpecial: false)[^2..]);
    }

    [Fact]
    public void A_byte_token_that_is_none_is_refused()
    {
        var metadata = GgufMetadata.SentencePiece(["a"], [0]);
        ((int[])metadata["tokenizer.ggml.token_type"])[259] = 6;
        Assert.Contains("token 259 is said to be a byte but reads 'a'",
            Assert.Throws<ModelFileException>(() => GgufMetadata.Read(metadata)).Message);
    }

    [Fact]
    public void A_gigantic_token_costs_its_size()
    {
        var gigantic = new string('a', 2_000_000);
        var bytes = GgufMetadata.Read(GgufMetadata.ByteLevel([gigantic], []));
        Assert.Equal([256], GgufMetadata.Read(WithIgnoredMerges(gigantic)).Encode(gigantic, addSpecial: false));
        Assert.Equal(gigantic.Length, bytes.Encode(gigantic).Length); // there is no merge that leads to it
        var pieces = GgufMetadata.Read(GgufMetadata.SentencePiece(["a", gigantic], [0, 0]));
        Assert.Equal(gigantic.Length, pieces.Encode(gigantic, addSpecial: false).Length - 1); // longer than SentencePiece ever makes them
        Assert.Equal(gigantic, pieces.Decode([260]));
    }

    [Fact]
    public void A_gigantic_control_token_is_refused() =>
        Assert.Contains("control or added token of 5000 bytes",
            Assert.Throws<ModelFileException>(() => GgufMetadata.Read(GgufMetadata.ByteLevel([new string('<', 5000)], [], [3]))).Message);

    [Fact]
    public void Kinds_that_do_not_exist_are_taken_for_text() =>
        Assert.Equal([256], GgufMetadata.Read(GgufMetadata.ByteLevel(["ab"], ["a b"], [77])).Encode("ab"));

    [Fact]
    public void Fewer_kinds_than_tokens_are_refused()
    {
        var metadata = GgufMetadata.ByteLevel(["ab"], []);
        metadata["tokenizer.ggml.token_type"] = new int[3];
        Assert.Contains("only 3 in tokenizer.ggml.token_type",
            Assert.Throws<ModelFileException>(() => GgufMetadata.Read(metadata)).Message);
    }

    [Theory, InlineData("rwkv", "kind of tokenizer that Banyan does not have"), InlineData("", "kind of tokenizer")]
    public void An_unknown_model_is_refused_by_name(string model, string message)
    {
        var metadata = GgufMetadata.ByteLevel([], []);
        metadata["tokenizer.ggml.model"] = model;
        Assert.Contains(message, Assert.Throws<ModelFileException>(() => GgufMetadata.Read(metadata)).Message);
    }

    [Fact]
    public void An_unknown_pre_tokenizer_is_refused_by_name_with_those_that_work()
    {
        var metadata = GgufMetadata.ByteLevel([], []);
        metadata["tokenizer.ggml.pre"] = "nonesuch";
        var message = Assert.Throws<ModelFileException>(() => GgufMetadata.Read(metadata)).Message;
        Assert.Contains("'nonesuch'", message);
        Assert.Contains("llama-bpe", message);
    }

    [Fact]
    public void A_vocabulary_without_all_bytes_writes_what_it_can()
    {
        var metadata = GgufMetadata.ByteLevel([], []);
        metadata["tokenizer.ggml.tokens"] = new[] { "a", "b", "?" };
        metadata["tokenizer.ggml.token_type"] = new[] { 1, 1, 2 };
        Assert.Equal([0, 1], GgufMetadata.Read(metadata).Encode("axb"));
        metadata["tokenizer.ggml.unknown_token_id"] = 2;
        Assert.Equal([0, 2, 1], GgufMetadata.Read(metadata).Encode("axb"));
    }

    [Fact]
    public void A_text_of_only_the_beginnings_of_a_control_token_takes_time_in_proportion()
    {
        var tokenizer = GgufMetadata.Read(GgufMetadata.ByteLevel([new string('<', 255) + "x", new string('<', 255) + "y"], [], [3, 3]));
        Assert.Equal(20_000, tokenizer.Encode(new string('<', 20_000)).Length);
    }

    static Dictionary<string, object> WithIgnoredMerges(string token)
    {
        var metadata = GgufMetadata.ByteLevel([token], []);
        metadata["tokenizer.ggml.pre"] = "llama-bpe";
        return metadata;
    }
}
