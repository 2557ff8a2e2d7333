using System.Text.Json;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Eval;

public class TokenizerTests
{
    /// <summary>Tokens of English and Hindi by GPT-2's and Qwen2.5's vocabularies; the later one learnt more scripts.</summary>
    [Fact]
    public async Task Languages_cost_what_the_tokenizers_say()
    {
        var picture = Path.Combine(Path.GetTempPath(), $"banyan-{Guid.NewGuid():N}.svg");
        try
        {
            var (code, output, error) =
                await Tool.Run(["eval", "tokenizer", SharedData.Path("tokenizers", "qwen2.5"),
                    SharedData.Path("tokenizers", "ggml-vocab-gpt-2.gguf"), "--json", "--svg", picture]);
            Assert.True(code == 0, error);
            using var json = JsonDocument.Parse(output);
            var models = json.RootElement.GetProperty("models").EnumerateArray().ToList();
            double Ratio(int model, string language) => models[model].GetProperty("languages").EnumerateArray()
                .Single(l => l.GetProperty("code").GetString() == language).GetProperty("timesEnglish").GetDouble();
            Assert.Equal(["qwen2.5", "ggml-vocab-gpt-2"], models.Select(m => m.GetProperty("model").GetString()));
            Assert.Equal(1, Ratio(0, "en"));
            Assert.True(Ratio(1, "hi") > Ratio(0, "hi") && Ratio(0, "hi") > 2);
            Assert.True(Ratio(1, "zh") > 2 * Ratio(0, "zh"));
            Assert.StartsWith("<svg", await File.ReadAllTextAsync(picture));
        }
        finally
        {
            File.Delete(picture);
        }
    }

    [Fact]
    public async Task What_is_no_tokenizer_is_named()
    {
        var (code, output, error) = await Tool.Run(["eval", "tokenizer", SharedData.Path("README.md")]);
        Assert.Equal(1, code);
        Assert.Empty(output);
        Assert.Contains("README.md", error);
    }

    [Fact]
    public async Task Published_scores_say_what_they_support()
    {
        var (code, output, _) = await Tool.Run(["eval", "published", "83.4", "89.2", "800", "--json"]);
        Assert.Equal(0, code);
        Assert.Equal("worse", JsonDocument.Parse(output).RootElement.GetProperty("verdict").GetString());
        Assert.Contains("other items", (await Tool.Run(["eval", "published", "56.8", "60.2", "133"])).Error);
        Assert.Equal(1, (await Tool.Run(["eval", "published", "156", "60", "133"])).ExitCode);
    }
}
