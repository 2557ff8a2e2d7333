using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using CsCheck;

namespace Banyan.Tests.Tokenizers;

public sealed class TokenizerJsonTests
{
    public static TheoryData<string, bool> Files =>
        new() { { "qwen2.5", false }, { "qwen2.5", true }, { "gpt-2", true }, { "starcoder", false },
            { "deepseek-coder", false }, { "llama-spm", true } };

    [Theory, MemberData(nameof(Files))]
    public void Gives_the_ids_that_the_models_other_files_give(string name, bool mergesAsPairs)
    {
        var expected = SharedTokenizers.Load(name);
        var tokenizer = TokenizerJsonFile.Load(TokenizerJsonFile.Make(name, mergesAsPairs));
        foreach (var (text, ids) in SharedTokenizers.Vectors(name))
            Assert.Equal(ids, tokenizer.Encode(text, addSpecial: false));
        Gen.Frequency((3, Gen.Char[' ', '~']), (1, Gen.Char['\0', '\uFFFF'])).Array[0, 60].Select(characters => new string(characters))
            .Sample(text =>
        {
            // the one whose file names the BOS
            Assert.Equal(expected.Encode(text, addSpecial: name == "llama-spm"), tokenizer.Encode(text, addSpecial: name == "llama-spm"));
            Assert.Equal(expected.Decode(expected.Encode(text), skipSpecial: true),
                tokenizer.Decode(tokenizer.Encode(text), skipSpecial: true));
        }, iter: 300);
    }

    [Fact]
    public void Added_tokens_take_the_space_beside_them_if_they_say_so()
    {
        var file = Small();
        file["added_tokens"]!.AsArray()[0]!["rstrip"] = true;
        file["added_tokens"]!.AsArray()[0]!["lstrip"] = true;
        Assert.Equal([0, 9, 1], TokenizerJsonFile.Load(file).Encode("a \n <x>\u3000\tb"));
    }

    [Fact]
    public void Tokens_added_to_normalized_text_are_found_in_it()
    {
        var file = Small();
        file["normalizer"] = new JsonObject { ["type"] = "NFC" };
        file["added_tokens"]!.AsArray()[0]!["normalized"] = true;
        file["added_tokens"]!.AsArray()[0]!["content"] = "<e\u0301>";
        var tokenizer = TokenizerJsonFile.Load(file);
        Assert.Equal([0, 9, 1], tokenizer.Encode("a<é>b"));
        Assert.Equal([0, 9, 1], tokenizer.Encode("a<e\u0301>b"));
    }

    [Fact]
    public void What_tokenizer_config_says_of_BOS_counts()
    {
        var config = new JsonObject
        {
            ["add_bos_token"] = true,
            ["bos_token"] = new JsonObject { ["content"] = "<x>" },
            ["eos_token"] = "<x>"
        };
        var tokenizer = TokenizerJsonFile.Load(Small(), config);
        Assert.True(tokenizer.AddsBos);
        Assert.Equal([9, 0], tokenizer.Encode("a"));
        Assert.Equal([9], tokenizer.EndOfGeneration);
    }

    [Fact]
    public void Metaspace_puts_a_space_first_only_where_there_is_none()
    {
        var file = Small();
        file["model"]!["vocab"] = new JsonObject { ["▁"] = 0, ["a"] = 1, ["▁a"] = 2 };
        file["model"]!["merges"] = new JsonArray("▁ a");
        file["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Metaspace",
            ["replacement"] = "▁",
            ["prepend_scheme"] = "first",
            ["split"] = false
        };
        file["decoder"] = new JsonObject { ["type"] = "Metaspace", ["replacement"] = "▁", ["prepend_scheme"] = "first" };
        var tokenizer = TokenizerJsonFile.Load(file);
        Assert.Equal([2, 2], tokenizer.Encode("a a"));
        Assert.Equal([2], tokenizer.Encode(" a"));
        Assert.Equal([2, 9, 1], tokenizer.Encode("a<x>a"));
        Assert.Equal("a a", tokenizer.Decode([2, 2]));
    }

    [Theory]
    [InlineData("/model/type", "\"WordLevel\"", "model is 'WordLevel'")]
    [InlineData("/model/end_of_word_suffix", "\"</w>\"", "end_of_word_suffix is '</w>'")]
    [InlineData("/model/vocab", "[]", "'vocab' is []")]
    [InlineData("/model/vocab", "{}", "merge 1, 'a b', names 'a'")]
    [InlineData("/model/vocab", "{\"a\":-1}", "the id of token 'a' is -1")]
    [InlineData("/model/vocab", "{\"a\":2000000000}", "token 'a' has id 2000000000, but there are only 2 tokens")]
    [InlineData("/model/merges", "[[\"a\"]]", "'merges' is [\"a\"]")]
    [InlineData("/model/merges", "[3]", "'merges' is 3")]
    [InlineData("/model/merges", "\"a b\"", "'merges' is \"a b\"")]
    [InlineData("/normalizer", "{\"type\":\"Lowercase\"}", "normalizer is 'Lowercase'")]
    [InlineData("/normalizer", "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\".\"},\"content\":\"\"}", "normalizer is 'Replace'")]
    [InlineData("/pre_tokenizer", "{\"type\":\"BertPreTokenizer\"}", "pre_tokenizer is 'BertPreTokenizer'")]
    [InlineData("/pre_tokenizer", "{}", "pre_tokenizer is 'missing'")]
    [InlineData("/pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+$\"},\"behavior\":\"Isolated\"}",
        "the Regex of a Split is '(a+)+$'")]
    [InlineData("/pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{N}\"},\"behavior\":\"Removed\"}",
        "the behavior of a Split is 'Removed'")]
    [InlineData("/decoder", "{\"type\":\"WordPiece\"}", "decoder is 'WordPiece'")]
    [InlineData("/post_processor", "{\"type\":\"BertProcessing\"}", "post_processor has no 'cls'")]
    [InlineData("/added_tokens", "[{\"id\":9}]", "has no content")]
    [InlineData("/added_tokens", "[{\"content\":\"x\"}]", "added token 'x' has no id")]
    [InlineData("/added_tokens", "[{\"id\":9,\"content\":\"x\",\"single_word\":true}]", "single_word of added token 'x'")]
    [InlineData("/added_tokens", "[{\"id\":9,\"content\":3}]", "'content' is 3, where a string is needed")]
    public void What_it_does_not_have_or_is_damaged_is_refused_by_name(string where, string value, string message)
    {
        var file = Small();
        var parts = where.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var parent = parts.Length == 1 ? file : file[parts[0]]!.AsObject();
        parent[parts[^1]] = JsonNode.Parse(value);
        var e = Assert.Throws<ModelFileException>(() => TokenizerJsonFile.Load(file));
        Assert.Contains(message, e.Message);
        Assert.Contains("tokenizer.json", e.Message);
    }

    [Theory, InlineData(""), InlineData("{"), InlineData("[]"), InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"\\ud800\":0}}}"), InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[\"\\ud800 a\"]}}")]
    public void Files_that_are_not_JSON_objects_of_whole_characters_are_refused(string content)
    {
        var folder = Directory.CreateTempSubdirectory("banyan-test-").FullName;
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), content);
        Assert.Throws<ModelFileException>(() => Banyan.Runtime.Tokenizers.Tokenizer.LoadFolder(folder));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_folder_without_a_tokenizer_says_what_was_looked_for() =>
        Assert.Contains("tokenizer.json",
            Assert.Throws<ModelFileException>(() => Banyan.Runtime.Tokenizers.Tokenizer.LoadFolder(SharedData.Repository)).Message);

    static JsonObject Small() => new()
    {
        ["added_tokens"] = new JsonArray(TokenizerJsonFile.Added(9, "<x>")),
        ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false },
        ["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["vocab"] = new JsonObject { ["a"] = 0, ["b"] = 1, ["ab"] = 2 },
            ["merges"] = new JsonArray("a b")
        },
    };
}
