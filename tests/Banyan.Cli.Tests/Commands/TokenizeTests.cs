using System.Text.Json;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

public sealed class TokenizeTests
{
    [Theory]
    [InlineData("ggml-vocab-llama-spm.gguf", "Hello\n world ", "15043 13 3186 29871")]
    [InlineData("ggml-vocab-gpt-2.gguf", " Hello World!", "18435 2159 0")]
    [InlineData("qwen2.5", "\n\n\n\n", "1022")]
    [InlineData("qwen2.5", "", "")]
    public async Task Prints_the_ids_of_the_text_as_it_came(string model, string text, string ids)
    {
        var (code, output, error) = await Tool.Run(["tokenize", SharedData.Path("tokenizers", model), "--json"], text);
        Assert.True(code == 0, error);
        Assert.Equal($$"""{"ids":[{{ids.Replace(' ', ',')}}]}""", output.TrimEnd('\n', '\r'));
    }

    [Fact]
    public async Task Special_tokens_are_added_parsed_and_left_out_as_asked()
    {
        var llama = SharedData.Path("tokenizers", "ggml-vocab-llama-spm.gguf");
        Assert.Contains("""{"ids":[1,15043]}""", (await Tool.Run(["tokenize", llama, "--json", "--add-special"], "Hello")).Output);
        var plain = (await Tool.Run(["tokenize", llama, "--json", "--no-parse-special"], "</s>")).Output;
        Assert.DoesNotContain(2, JsonDocument.Parse(plain).RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal("Hello", (await Tool.Run(["tokenize", llama, "--decode", "--skip-special"], """{"ids":[1,15043]}""")).Output);
        Assert.Equal("""{"text":"Hello"}""",
            (await Tool.Run(["tokenize", llama, "--decode", "--json"], "15043")).Output.TrimEnd('\n', '\r'));
    }

    [Fact]
    public async Task For_people_it_shows_every_token_with_what_cannot_be_seen()
    {
        var (code, output, _) = await Tool.Run(["tokenize", SharedData.Path("tokenizers", "qwen2.5")], "Hi there\n<|im_end|>");
        Assert.Equal(0, code);
        Assert.Contains("·there", output);
        Assert.Contains("\\n", output);
        Assert.Contains("151645  <|im_end|>", output);
    }

    [Fact]
    public async Task Says_what_is_wrong()
    {
        var (code, _, error) = await Tool.Run(["tokenize", "/nowhere/model.gguf"], "");
        Assert.Equal(1, code);
        Assert.Contains("/nowhere/model.gguf", error);
        (code, _, error) = await Tool.Run(["tokenize", SharedData.Path("tokenizers", "qwen2.5"), "--decode"], "99999999999");
        Assert.Equal(1, code);
        Assert.Contains("'99999999999' is no id", error);
    }
}
