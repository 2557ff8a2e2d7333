using System.Text.Json;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests;

/// <summary>
/// What Qwen2.5-Coder-1.5B answered, judged again: the verdicts are its makers'. A sample of each task; `./check --all` judges all.
/// </summary>
public class RecordedScores
{
    [Theory]
    [InlineData("humaneval+", "humaneval-generated")]
    [InlineData("mbpp+", "mbpp-generated")]
    public async Task Of_EvalPlus_are_reproduced(string task, string recorded)
    {
        using var makers =
            JsonDocument.Parse(
                await File.ReadAllTextAsync(SharedData.Path("evaluation", "recorded-1.5b", recorded + "_eval_results.json")));
        var expected = makers.RootElement.GetProperty("eval").EnumerateObject().ToDictionary(i => i.Name,
            i => i.Value[0].GetProperty("base_status").GetString() == "pass"
                && i.Value[0].GetProperty("plus_status").GetString() == "pass");
        await AgreeAsync(task, recorded + ".jsonl", expected);
    }

    [Theory]
    [InlineData("cruxeval-input", "crux-input-completion")]
    [InlineData("cruxeval-output", "crux-output-completion")]
    public async Task Of_CRUXEval_are_reproduced(string task, string recorded)
    {
        using var makers =
            JsonDocument.Parse(await File.ReadAllTextAsync(SharedData.Path("evaluation", "recorded-1.5b", recorded + "_scored.json")));
        var expected = makers.RootElement.GetProperty("raw_scored_generations").EnumerateObject().ToDictionary(i => i.Name,
            i => i.Value.GetArrayLength() > 0 && i.Value[0].ValueKind == JsonValueKind.True);
        await AgreeAsync(task, recorded + ".json", expected);
    }

    static async Task AgreeAsync(string name, string recorded, Dictionary<string, bool> expected)
    {
        using var judge = await TestJudge.OpenAsync();
        var task = TaskTable.Find(name);
        var items = task.Load(new(SharedData.Path("evaluation")));
        var slice = Sampled.Of(items.Ids, 12).ToHashSet();
        var answers = RecordedAnswers.Read(SharedData.Path("evaluation", "recorded-1.5b", recorded))
            .Where(a => slice.Contains(a.Id)).ToList();
        var score = await Scorer.ScoreAsync(task, items.Only(slice), answers, judge);
        Assert.Equal(slice.Count, score.Items.Count);
        Assert.Empty(score.Items.Where(i => i.Passed != expected[i.Id]).Select(i => $"{i.Id}: {i.Reason}"));
    }
}
