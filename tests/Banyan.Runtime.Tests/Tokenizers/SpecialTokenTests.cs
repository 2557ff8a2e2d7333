using Banyan.Runtime.Tokenizers;

namespace Banyan.Tests.Tokenizers;

public sealed class SpecialTokenTests
{
    [Fact]
    public void Qwen_has_the_tokens_that_its_models_were_trained_with()
    {
        var tokenizer = SharedTokenizers.Load("qwen2.5");
        Assert.Equal(151_665, tokenizer.Count);
        Assert.Equal([151644, 872, 198, 13048, 151645], tokenizer.Encode("<|im_start|>user\nHi<|im_end|>"));
        Assert.DoesNotContain(151644, tokenizer.Encode("<|im_start|>", parseSpecial: false));
        Assert.Equal(new FimTokens(Prefix: 151659, Middle: 151660, Suffix: 151661, Pad: 151662, Repo: 151663, FileSeparator: 151664),
            tokenizer.Fim);
        Assert.Superset(new HashSet<int> { 151643, 151645, 151662, 151664 }, tokenizer.EndOfGeneration.ToHashSet());
        Assert.Equal(151643, tokenizer.Eos);
        Assert.False(tokenizer.AddsBos);
        Assert.Equal("Hi", tokenizer.Decode([151644, 13048, 151645], skipSpecial: true));
        Assert.Equal("<|im_start|>Hi<|im_end|>", tokenizer.Decode([151644, 13048, 151645]));
    }

    [Fact]
    public void Llama_adds_a_BOS_and_drops_the_space_it_put_first()
    {
        var tokenizer = SharedTokenizers.Load("llama-spm");
        Assert.True(tokenizer.AddsBos);
        Assert.Equal((1, 2, 0), (tokenizer.Bos, tokenizer.Eos, tokenizer.Unknown));
        Assert.Equal([1, 15043], tokenizer.Encode("Hello"));
        Assert.Equal([1], tokenizer.Encode(""));
        Assert.Equal("Hello", tokenizer.Decode([1, 15043], skipSpecial: true));
        Assert.Equal(" Hello", new StreamingDecoder(tokenizer).Append(15043)); // goes on with a text: the space is text
        Assert.Contains(2, tokenizer.EndOfGeneration);
        Assert.Equal([1, 15043, 2], tokenizer.Encode("Hello</s>"));
    }

    [Fact]
    public void Text_that_looks_like_a_mark_does_not_become_one_by_merging()
    {
        // "<s>" is a token whose score is the highest; a merge could build it from "<s" and ">".
        var metadata = GgufMetadata.SentencePiece(["<", "s", ">", "<s", "s>"], [-1, -2, -3, -4, -5]);
        var tokenizer = GgufMetadata.Read(metadata);
        Assert.DoesNotContain(1, tokenizer.Encode("<s>", addSpecial: false, parseSpecial: false));
    }

    [Fact]
    public void DeepSeek_and_StarCoder_can_fill_in_the_middle()
    {
        var deepSeek = SharedTokenizers.Load("deepseek-coder");
        Assert.Equal(("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
            (deepSeek.Text(deepSeek.Fim!.Prefix), deepSeek.Text(deepSeek.Fim.Suffix), deepSeek.Text(deepSeek.Fim.Middle)));
        var starCoder = SharedTokenizers.Load("starcoder");
        Assert.Equal("<fim_prefix>", starCoder.Text(starCoder.Fim!.Prefix));
        Assert.Null(SharedTokenizers.Load("llama-spm").Fim);
    }

    [Fact]
    public void Of_tokens_that_begin_alike_the_longest_is_taken_and_of_others_the_leftmost()
    {
        var tokenizer = GgufMetadata.Read(GgufMetadata.ByteLevel(["<a", "<a>", "<a><b>", "b>c"], [], [3, 3, 3, 4]));
        Assert.Equal([258], tokenizer.Encode("<a><b>"));
        Assert.Equal([257, '<', 259], Ids("<a><b>c", "<a>"));
        Assert.Equal([256, 256], tokenizer.Encode("<a<a"));

        // The longest at the leftmost place is <a><b>, which leaves a c.
        int[] Ids(string text, string first) =>
            [.. tokenizer.Encode(first), .. tokenizer.Encode(text[first.Length..]).Select(id => id < 256 ? tokenizer.Text(id)[0] : id)];
    }

    [Fact]
    public void User_defined_tokens_are_found_even_in_text_from_strangers() =>
        Assert.Equal([257], GgufMetadata.Read(GgufMetadata.ByteLevel(["<c>", "<u>"], [], [3, 4])).Encode("<u>", parseSpecial: false));

    [Fact]
    public void The_ids_that_a_file_gives_count_over_names()
    {
        var metadata =
            GgufMetadata.ByteLevel(["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<mine>", "<|eot_id|>"], [], [3, 3, 3, 3, 1]);
        metadata["tokenizer.ggml.prefix_token_id"] = 259;
        metadata["tokenizer.ggml.eos_token_id"] = 259;
        var tokenizer = GgufMetadata.Read(metadata);
        Assert.Equal(new FimTokens(259, 257, 258), tokenizer.Fim);
        Assert.Equal([259, 260], tokenizer.EndOfGeneration.Order());
        Assert.True(tokenizer.IsSpecial(260)); // <|eot_id|>, though the file calls it text
    }

    [Fact]
    public void Tokens_are_found_by_what_they_look_like()
    {
        var tokenizer = SharedTokenizers.Load("qwen2.5");
        Assert.True(tokenizer.TryFind("<|im_end|>", out var id));
        Assert.Equal(151645, id);
        Assert.True(tokenizer.TryFind(" world", out id));
        Assert.Equal(1879, id);
        Assert.False(tokenizer.TryFind("<|nonesuch|>", out _));
    }
}
