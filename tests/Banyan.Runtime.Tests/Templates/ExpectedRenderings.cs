using System.Text.Json.Nodes;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Tests;

namespace Banyan.Runtime.Templates.Tests;

/// <summary>Real chat templates against what Jinja2 rendered, byte for byte, errors included.</summary>
public class ExpectedRenderings
{
    public static TheoryData<string> Templates
    {
        get
        {
            var folder = Path.Combine(SharedData.Repository, "..", "shared", "chat-templates");
            return Directory.Exists(folder)
                ? [.. Directory.GetFiles(folder, "*.jinja").Select(f => Path.GetFileName(f)!).Order()] : ["(none here)"];
        }
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void Are_those_of_Jinja2(string name)
    {
        var expected = JsonNode.Parse(File.ReadAllText(SharedData.Path("chat-templates", "expected.json")))!;
        var template = ChatTemplate.Parse(File.ReadAllText(SharedData.Path("chat-templates", name)));
        var cases = expected["cases"]!.AsObject();
        Assert.Equal(5, cases.Count);
        foreach (var (title, variables) in cases)
        {
            var wanted = expected["expected"]![name]![title]!.AsObject();
            Assert.Equal((title, wanted["text"]?.GetValue<string>(), wanted["error"]?.GetValue<string>()),
                Render(title, template, variables!.DeepClone().AsObject()));
        }
    }

    static (string, string?, string?) Render(string title, ChatTemplate template, JsonObject variables)
    {
        variables["bos_token"] = "<s>";
        variables["eos_token"] = "</s>";
        try
        {
            return (title, template.Render(variables, new DateTimeOffset(2026, 11, 23, 12, 0, 0, default)), null);
        }
        catch (TemplateException e)
        {
            return (title, null, e.Message);
        }
    }
}
