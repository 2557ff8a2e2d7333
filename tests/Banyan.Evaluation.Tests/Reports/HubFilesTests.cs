using System.Globalization;
using Banyan.Evaluation.Reports;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Transcripts;
using YamlDotNet.RepresentationModel;

namespace Banyan.Evaluation.Tests.Reports;

/// <summary>
/// What Hugging Face's hub reads of a report, read as YAML: <c>.eval_results</c> has a list of results, a model card's front matter a
/// <c>model-index</c>.
/// </summary>
public class HubFilesTests
{
    const string Url = "https://example.org/report?a=1#b: \"c\"";

    static ReportedRun Run(string task, int right = 2, int items = 3) => new(new()
    {
        Task = task,
        Model = "m: \"q\"",
        RequestedModel = "m: \"q\"",
        Prompt = "chat",
        Sampling = new SamplingSettings(),
        SamplesPerItem = 1,
        TaskItems = 164,
        Hashes = new("d", "p", "Banyan.Evaluation 1.0"),
        Items = [.. Enumerable.Range(0, items).Select(i => new ItemOutcome($"HumanEval/{i}", $"HumanEval/{i}", 0, i < right, "", "", ""))],
        Ended = new(2026, 3, 4, 23, 59, 59, TimeSpan.Zero),
    });

    static YamlNode Read(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return Assert.Single(stream.Documents).RootNode;
    }

    static string[] Keys(YamlNode node) => [.. ((YamlMappingNode)node).Children.Keys.Select(k => ((YamlScalarNode)k).Value!)];

    static string Text(YamlNode node, params string[] path) => ((YamlScalarNode)path.Aggregate(node, (n, key) => n[key])).Value!;

    [Fact]
    public void Results_are_a_list_in_the_hubs_form()
    {
        var files = HubFiles.EvalResults([Run("humaneval"), Run("humaneval+"), Run("banyan-mini"), Run("humaneval~twin")], Url).ToList();
        // of our own problems, and of twins, the hub has no data set
        Assert.Equal(["humaneval.yaml", "humaneval-plus.yaml"], files.Select(f => f.File));
        var result = Assert.Single((YamlSequenceNode)Read(files[0].Text));
        Assert.Equal(["dataset", "value", "date", "source", "notes"], Keys(result));
        Assert.Equal(["id", "task_id"], Keys(result["dataset"]));
        Assert.Equal(("openai/openai_humaneval", "openai_humaneval"), (Text(result, "dataset", "id"), Text(result, "dataset", "task_id")));
        Assert.Equal(66.67, double.Parse(Text(result, "value"), CultureInfo.InvariantCulture));
        Assert.Equal("2026-03-04", Text(result, "date"));
        Assert.Equal(Url, Text(result, "source", "url"));
        Assert.Contains("3 of 164 items", Text(result, "notes"));

        // A source is an address.
        var without = Assert.Single((YamlSequenceNode)Read(HubFiles.EvalResults([Run("mbpp+")], null).Single().Text));
        Assert.Equal(["dataset", "value", "date", "notes"], Keys(without));
    }

    [Fact]
    public void A_model_card_gets_an_index()
    {
        var index = Read(HubFiles.ModelIndex("m: \"q\"", [Run("humaneval"), Run("banyan-mini"), Run("cruxeval-output")], Url));
        Assert.Equal(["model-index"], Keys(index));
        var model = Assert.Single((YamlSequenceNode)index["model-index"]);
        Assert.Equal("m: \"q\"", Text(model, "name"));
        var results = ((YamlSequenceNode)model["results"]).ToList();
        Assert.Equal(["openai/openai_humaneval", "cruxeval-org/cruxeval"], results.Select(r => Text(r, "dataset", "type")));
        Assert.Equal(["task", "dataset", "metrics", "source"], Keys(results[0]));
        Assert.Equal(["name", "type", "config", "split"], Keys(results[0]["dataset"]));
        Assert.Equal("text-generation", Text(results[0], "task", "type"));
        var metric = Assert.Single((YamlSequenceNode)results[0]["metrics"]);
        Assert.Equal(("pass@1", "66.67", "false"), (Text(metric, "type"), Text(metric, "value"), Text(metric, "verified")));
        Assert.Equal(Url, Text(results[0], "source", "url"));
        Assert.Equal(["task", "dataset", "metrics"],
            Keys(((YamlSequenceNode)Read(HubFiles.ModelIndex("m", [Run("humaneval")], null))["model-index"][0]["results"])[0]));
    }
}
