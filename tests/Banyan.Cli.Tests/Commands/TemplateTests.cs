using System.Text.Json.Nodes;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

public class TemplateTests
{
    const string Hello = """{"messages":[{"role":"user","content":"Olá 😀"}],"add_generation_prompt":true,"now":"2026-11-23T12:00:00"}""";

    [Fact]
    public async Task Json_is_the_text_of_the_template()
    {
        var (code, output, error) =
            await Tool.Run(["template", SharedData.Path("chat-templates", "Qwen-Qwen3-0.6B.jinja"), "--json"], Hello);
        Assert.True(code == 0, error);
        var answer = JsonNode.Parse(output)!.AsObject();
        Assert.Equal("<|im_start|>user\nOlá 😀<|im_end|>\n<|im_start|>assistant\n", answer["text"]!.GetValue<string>());
        Assert.Single(answer);
    }

    [Fact]
    public async Task A_templates_own_error_is_an_answer_too()
    {
        using var template = new TemporaryTemplate("{{ raise_exception('System role not supported') }}");
        var (code, output, _) = await Tool.Run(["template", template.Path, "--json"], "{}");
        Assert.Equal((0, """{"error":"TemplateError: System role not supported"}"""), (code, output.Trim()));
        (code, output, var error) = await Tool.Run(["template", template.Path], "{}");
        Assert.Equal((1, "", "banyan: TemplateError: System role not supported (line 1)"), (code, output, error.Trim()));
    }

    [Fact]
    public async Task Text_is_the_prompt_and_nothing_else()
    {
        using var template = new TemporaryTemplate("{{ strftime_now('%d %b %Y') }} {{ extra }}");
        var (code, output, error) = await Tool.Run(["template", template.Path], """{"now":"2026-11-23T12:00:00","extra":[1]}""");
        Assert.Equal((0, "23 Nov 2026 [1]", ""), (code, output, error));
    }

    [Theory]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("{", "no JSON object")]
    [InlineData("""{"now":"soon"}""", "now must be a time")]
    public async Task Bad_input_is_one_clear_line(string input, string message)
    {
        using var template = new TemporaryTemplate("x");
        var (code, output, error) = await Tool.Run(["template", template.Path, "--json"], input);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(message, Assert.Single(error.Trim().Split('\n')));
    }

    [Fact]
    public async Task A_model_without_a_template_says_so()
    {
        var (code, _, error) = await Tool.Run(["template", SharedData.Path("models", "stories260K.gguf")], "{}");
        Assert.Equal(1, code);
        Assert.Contains("has no chat template", error);
    }

    sealed class TemporaryTemplate : IDisposable
    {
        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"banyan-{Guid.NewGuid():n}.jinja");
        public TemporaryTemplate(string jinja) => File.WriteAllText(Path, jinja);
        public void Dispose() => File.Delete(Path);
    }
}
