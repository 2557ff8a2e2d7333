using System.Text.Json;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Eval;

public class ContaminatedTests
{
    [Fact]
    public async Task Json_names_file_line_and_item()
    {
        var set = SharedData.Path("evaluation", "HumanEval.jsonl.gz");
        var (code, output, error) =
            await Tool.Run(["eval", "contaminated", set, "--task", "humaneval", "--data", SharedData.Path("evaluation"), "--json"]);
        Assert.True(code == 0, error);
        using var report = JsonDocument.Parse(output);
        Assert.Equal(164, report.RootElement.GetProperty("tasks")[0].GetProperty("found").GetProperty("13 words").GetInt32());
        var first = report.RootElement.GetProperty("hits")[0];
        Assert.Equal(("HumanEval/0", "HumanEval.jsonl.gz", 1),
            (first.GetProperty("id").GetString(), first.GetProperty("file").GetString(), first.GetProperty("line").GetInt32()));
    }

    [Theory]
    [InlineData("no/such/set", ".", "there is no file or folder")]
    [InlineData(".", "/no/such/data", "no data of humaneval in /no/such/data")]
    public async Task What_is_missing_is_named(string set, string data, string message)
    {
        var (code, output, error) =
            await Tool.Run(["eval", "contaminated", set, "--task", "humaneval", "--data",
                data == "." ? SharedData.Path("evaluation") : data]);
        Assert.Equal(1, code);
        Assert.Empty(output);
        Assert.Contains(message, error);
    }
}
