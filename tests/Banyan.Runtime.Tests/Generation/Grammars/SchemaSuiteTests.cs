using System.Text.Json;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Generation.Grammars;

/// <summary>
/// The whole JSON Schema test suite, draft 2020-12: nothing invalid is accepted, nothing valid rejected, the rest refused by name.
/// </summary>
public class SchemaSuiteTests
{
    const string Remote = "http://localhost:1234/";

    /// <summary>How many of the 2,225 cases pass; docs/structured-output.md has them by file.</summary>
    const int Passing = 1967;

    [Fact]
    public void No_case_is_wrong_and_most_pass()
    {
        var root = SharedData.Path("grammar", "json-schema-test-suite");
        var (passed, refused, wrong, table) = (0, 0, new List<string>(),
            new SortedDictionary<string, (int Passed, int Refused)>(StringComparer.Ordinal));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(root, "tests", "draft2020-12"), "*.json", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(Path.Combine(root, "tests", "draft2020-12"), file).Replace('\\', '/')[..^".json".Length];
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            foreach (var group in document.RootElement.EnumerateArray())
            {
                var schema = group.GetProperty("schema");
                var (grammar, refusal) = Compile(schema, name.StartsWith("optional/format/", StringComparison.Ordinal),
                    Path.Combine(root, "remotes"));
                foreach (var test in group.GetProperty("tests").EnumerateArray())
                {
                    var counts = table.GetValueOrDefault(name);
                    var accepted = grammar?.Matches(WrittenJson.Of(test.GetProperty("data"), schema)) ?? false;
                    if (refusal is not null)
                        (refused, table[name]) = (refused + 1, (counts.Passed, counts.Refused + 1));
                    else if (accepted == test.GetProperty("valid").GetBoolean())
                        (passed, table[name]) = (passed + 1, (counts.Passed + 1, counts.Refused));
                    else
                        wrong.Add(
                            $"{name}: {group.GetProperty("description")}: {test.GetProperty("description")}: wrongly {(accepted ? "accepted" : "rejected")}");
                }
            }
        }
        Assert.Empty(wrong);
        Assert.Equal(2225, passed + refused);
        Assert.True(passed >= Passing, $"{passed} pass, {Passing} did");
        if (Environment.GetEnvironmentVariable("BANYAN_SCHEMA_TABLE") is { Length: > 0 } path)
            File.WriteAllLines(path, table.Select(row => $"| {row.Key} | {row.Value.Passed} | {row.Value.Refused} |"));
    }

    // A schema that nothing satisfies is refused as well; then every case has to be invalid.
    static (Grammar?, string?) Compile(JsonElement schema, bool formats, string remotes)
    {
        try
        {
            return (Grammar.JsonSchema(schema, new JsonSchemaOptions { Formats = formats, Documents = Find }), null);
        }
        catch (GrammarException e) when (e.Reason.StartsWith("no value satisfies", StringComparison.Ordinal))
        {
            return (null, null);
        }
        catch (GrammarException e)
        {
            return (null, e.Message);
        }

        JsonElement? Find(Uri address)
        {
            var path = address.ToString().StartsWith(Remote, StringComparison.Ordinal)
                ? Path.Combine(remotes, address.ToString()[Remote.Length..]) : "";
            return File.Exists(path) ? JsonDocument.Parse(File.ReadAllText(path)).RootElement : null;
        }
    }
}
