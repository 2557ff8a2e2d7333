using System.Text.Json;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Tokenizers;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Generation.Grammars;

/// <summary>Grammars in Lark's language: what they allow, and what is refused by its line.</summary>
public class LarkTests
{
    // A patch: files that are added, deleted or changed, as agents' editing tools ask for it.
    const string Patch = """
        // a comment
        start: begin file+ end
        begin: "*** Begin" LF
        end.2: "*** End" LF?
        file: added
            | deleted | changed -> other
        added: "*** Add: " name LF ("+" /(.*)/ LF)+
        deleted: "*** Delete: " name LF
        ?changed: "*** Change: " name LF change~1..3
        !change: ("@@" | "@@ " name) LF (("+" | "-" | " ") /.*/ LF)+
        name: /[^\n]+/
        %import common.LF
        """;

    [Theory]
    [InlineData(Patch, "*** Begin\n*** Add: a\n+x\n+\n*** End", true)]
    [InlineData(Patch, "*** Begin\n*** Delete: a/b.c\n*** Change: d\n@@ f\n-x\n+ y\n z\n@@\n+1\n*** End\n", true)]
    [InlineData(Patch, "*** Begin\n*** End", false)]
    [InlineData(Patch, "*** Begin\n*** Add: \n+x\n*** End", false)]
    [InlineData("start: \"a\"..\"c\" DIGIT~2 [\"!\"]\n%import common (DIGIT, INT)", "b12!", true)]
    [InlineData("start: \"a\"..\"c\" DIGIT~2 [\"!\"]\n%import common (DIGIT, INT)", "d12", false)]
    [InlineData("start: \"Yes\"i \" \" NUM\n%import common.SIGNED_NUMBER -> NUM", "yES -1.5e3", true)]
    [InlineData("start: list\nlist: \"[\" (item (\",\" item)*)? \"]\"\nitem: list | WORD\n%import common.WORD", "[a,[b,[]]]", true)]
    [InlineData("start: list\nlist: \"[\" (item (\",\" item)*)? \"]\"\nitem: list | WORD\n%import common.WORD", "[a,[b]", false)]
    [InlineData("start: ESCAPED_STRING \"\\u00e9\\n\"\n%import common.ESCAPED_STRING", "\"a\\\"b\"é\n", true)]
    [InlineData("A: \"x\" | /y+/\nstart: (A\n  | \"z\")+ // both\n", "xyyz", true)]
    [InlineData("start: a?\na: \"b\"", "", true)]
    [InlineData("start: noted | SOURCE\nnoted: NOTE NEWLINE SOURCE\nNOTE: /[ \\t]*\\/\\/ @run:[^\\r\\n]*/\nNEWLINE: /\\r?\\n/\nSOURCE: /[\\s\\S]+/", "// @run: a\nx()\n", true)]
    public void Texts_match(string grammar, string text, bool matches)
    {
        Assert.Equal(matches, Grammar.Lark(grammar).Matches(text));
        // Within a JSON string, too.
        var rule = new Grammar(parts => Grammar.LarkRule(parts.Table, parts.Json, grammar));
        Assert.Equal(matches, rule.Matches(Written(text)));
    }

    static string Written(string text) =>
        JsonSerializer.Serialize(text,
            new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })[1..^1];

    [Theory]
    [InlineData("", "start")]
    [InlineData("start: WORD", "WORD")]
    [InlineData("start: \"a\n", "line 1")]
    [InlineData("start: \"a\"\n%ignore WS", "%ignore")]
    [InlineData("start: \"a\"\n%import python.NAME", "common")]
    [InlineData("start: \"a\"\n%import common.NOTHING", "NOTHING")]
    [InlineData("start: pair{\"a\"}\npair{x}: x", "line 1")]
    [InlineData("pair{x}: x\nstart: \"a\"", "templates")]
    [InlineData("start: /a/i", "flags")]
    [InlineData("start: /a", "line 1")]
    [InlineData("start: start \"a\" | \"b\"", "start")]
    [InlineData("start: \"a\"\nstart: \"b\"", "twice")]
    [InlineData("start: (\"a\"", "not closed")]
    [InlineData("start: \"a\"~99999999999", "number")]
    [InlineData("start: \"a\"~3..2", "~3..2")]
    [InlineData("start: \"ab\"..\"c\"", "range")]
    [InlineData("start \"a\"", "':'")]
    [InlineData("start: \"\\q\"", "\\q")]
    [InlineData(": \"a\"", "name")]
    public void What_cannot_be_followed_is_refused(string grammar, string expected) =>
        Assert.Contains(expected, Assert.Throws<GrammarException>(() => Grammar.Lark(grammar)).Message);

    [Fact]
    public void Nesting_is_bounded() =>
        Assert.Contains("deep",
            Assert.Throws<GrammarException>(() =>
                Grammar.Lark("start: " + new string('(', 1000) + "\"a\"" + new string(')', 1000))).Message);

    /// <summary>As the one argument of a tool, in formats with JSON and without.</summary>
    [Theory]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"patch\", \"arguments\": {\"input\": \"TEXT\"}}\n</tool_call>", true)]
    [InlineData("<tool_call> <function=",
        "<tool_call>\n<function=patch>\n<parameter=input>\nTEXT\n</parameter>\n</function>\n</tool_call>", false)]
    public void A_tools_text_follows_its_grammar(string marks, string call, bool isJson)
    {
        var parameters = JsonSerializer.SerializeToElement(new Dictionary<string, object>
        {
            ["type"] = "object",
            ["properties"] =
                new Dictionary<string, object>
                {
                    ["input"] =
                    new Dictionary<string, object> { ["type"] = "string", [Grammar.LarkKey] = Patch }
                },
            ["required"] = (string[])["input"],
        });
        var conversation = new Conversation(Tokenizer.Open(SharedData.Path("models", "stories260K.gguf")),
            ChatTemplate.Parse("{% raw %}" + marks + " tools{% endraw %}"));
        var shape = conversation.Shape([new("patch", parameters)], ToolUse.Required, several: false, null, ReasoningState.Over)!;
        string Call(string text) => call.Replace("TEXT", isJson ? Written(text) : text, StringComparison.Ordinal);
        Assert.True(shape.Matches(Call("*** Begin\n*** Delete: a \"b\"\n*** End")));
        Assert.False(shape.Matches(Call("*** Begin\n*** Remove: a\n*** End")));
    }
}
