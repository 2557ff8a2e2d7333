using System.Text.Json.Nodes;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Tests;

namespace Banyan.Runtime.Templates.Tests;

/// <summary>
/// Expressions and statements against what real Jinja2 rendered (record.py): the same text, or an error of the same kind.
/// </summary>
public class RecordedSemantics
{
    static readonly JsonObject s_recorded = JsonNode.Parse(File.ReadAllText(
        Path.Combine(SharedData.Repository, "tests", "Banyan.Runtime.Tests", "Templates", "semantics.json")))!.AsObject();

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, s_recorded["rows"]!.AsArray().Count)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Are_those_of_Jinja2(int row)
    {
        var recorded = s_recorded["rows"]![row]!.AsArray();
        var template = recorded[0]!.GetValue<string>();
        var (expected, actual) = (recorded[1]?.GetValue<string>() ?? recorded[2]!.GetValue<string>(), Render(template));
        // The wording of syntax errors and of Python's argument errors is ours; their kind is not.
        if (expected.StartsWith("TemplateSyntaxError:", StringComparison.Ordinal) || IsArgumentError(expected))
            Assert.Equal((template, expected.Split(':')[0]), (template, actual.Split(':')[0]));
        else
            Assert.Equal((template, expected), (template, actual));
    }

    static bool IsArgumentError(string expected) =>
        expected.StartsWith("TypeError:", StringComparison.Ordinal)
        && (expected.Contains("argument") || expected.Contains("format string"));

    static string Render(string template)
    {
        try
        {
            return ChatTemplate.Parse(template)
                .Render(s_recorded["variables"]!.DeepClone().AsObject(), new DateTimeOffset(2026, 11, 3, 9, 5, 7, default));
        }
        catch (TemplateException e)
        {
            return e.Message;
        }
    }
}
