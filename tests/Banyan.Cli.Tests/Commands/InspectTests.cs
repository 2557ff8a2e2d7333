using System.Text.Json;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

public class InspectTests
{
    [Fact]
    public async Task Json_has_what_the_file_says_and_needs()
    {
        var (code, output, error) =
            await Tool.Run(["inspect", SharedData.Path("models", "qwen2-tiny-Q4_K_M.gguf"), "--context", "1024", "--json"]);
        Assert.True(code == 0, error);
        var root = JsonDocument.Parse(output).RootElement;
        Assert.Equal("qwen2", root.GetProperty("architecture").GetString());
        Assert.Equal(3, root.GetProperty("hyperparameters").GetProperty("block_count").GetInt32());
        Assert.Equal(2080, root.GetProperty("tokenizer").GetProperty("tokens").GetInt32());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("template").ValueKind);
        var query = root.GetProperty("tensors").EnumerateArray().Single(t => t.GetProperty("name").GetString() == "blk.*.attn_q.weight");
        Assert.Equal((3, "Q4_K", 3 * 36864),
            (query.GetProperty("count").GetInt32(), query.GetProperty("format").GetString(), query.GetProperty("bytes").GetInt32()));
        var memory = root.GetProperty("memory");
        // keys and values, F16, layers, heads, size, tokens
        Assert.Equal(2 * 2 * 3 * 2 * 64 * 1024, memory.GetProperty("kvCache").GetInt64());
        Assert.Equal("fits", memory.GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task Text_is_plain_lines_when_piped()
    {
        var (code, output, error) = await Tool.Run(["inspect", SharedData.Path("models", "stories260K.gguf")]);
        Assert.True(code == 0, error);
        Assert.Contains("architecture: llama\n", output.ReplaceLineEndings("\n"));
        Assert.Contains("chat template: no\n", output.ReplaceLineEndings("\n"));
        Assert.Contains("blk.*.attn_q.weight", output);
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public async Task Every_tensor_is_listed_when_asked()
    {
        var (_, output, _) = await Tool.Run(["inspect", SharedData.Path("models", "qwen3-tiny-Q8_0.gguf"), "--tensors"]);
        Assert.Contains("blk.2.attn_k_norm.weight\t128\tF32\t512", output);
    }

    [Fact]
    public async Task What_cannot_be_read_is_one_clear_line()
    {
        var (code, output, error) = await Tool.Run(["inspect", "/nowhere/at/all.gguf"]);
        Assert.Equal((1, ""), (code, output));
        Assert.Equal("banyan: /nowhere/at/all.gguf: there is no such file or folder; check the path", error.Trim());
        (code, _, error) = await Tool.Run(["inspect", SharedData.Path("models", "stories260K.gguf"), "--template"]);
        Assert.Equal(1, code);
        Assert.Contains("no chat template", error);
    }
}
