using Banyan.Server.Inference.OpenAi.Chat;

namespace Banyan.Server.Tests.Inference;

public class ToolCallReaderTests
{
    [Theory]
    [InlineData("Hello.", "Hello.")]
    [InlineData("a < b <tool> c", "a < b <tool> c")]
    [InlineData("""<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>""", "", """f({"x": 1})""")]
    [InlineData("Look: <tool_call>\n{\"name\": \"f\"}\n</tool_call>\n<tool_call>{\"name\": \"g\", \"arguments\": \"{}\"}</tool_call>", "Look: ", "f({})", "g({})")]
    [InlineData("""<tool_call>{"name": "f"}""", "", "f({})")]
    [InlineData("<tool_call>no json</tool_call>!", "<tool_call>no json</tool_call>!")]
    [InlineData("<tool_call>[1]", "<tool_call>[1]")]
    [InlineData("ends with <tool_c", "ends with <tool_c")]
    public void Text_and_calls_are_told_apart_however_the_text_is_cut(string answer, string text, params string[] calls)
    {
        for (var size = 1; size <= answer.Length; size++)
        {
            var reader = new ToolCallReader();
            var shown = string.Concat(answer.Chunk(size).Select(c => reader.Append(new string(c)))) + reader.Flush();
            Assert.Equal(text, shown);
            Assert.Equal(calls, reader.Calls.Select(c => $"{c.Function.Name}({c.Function.Arguments})"));
            Assert.All(reader.Calls, c => Assert.Equal("function", c.Type));
        }
    }

    [Fact]
    public void Text_that_cannot_be_a_tag_is_shown_at_once()
    {
        var reader = new ToolCallReader();
        Assert.Equal("a", reader.Append("a<"));
        Assert.Equal("<b", reader.Append("b"));
    }
}
