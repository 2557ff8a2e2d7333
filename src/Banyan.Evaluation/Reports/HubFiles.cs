using System.Globalization;
using System.Text;
using System.Text.Json;
using Banyan.Evaluation.Runs;

namespace Banyan.Evaluation.Reports;

/// <summary>
/// A model's results as Hugging Face's hub reads them: <c>.eval_results/*.yaml</c>, and the older <c>model-index</c> of a model card.
/// </summary>
static class HubFiles
{
    /// <summary>The data set on the hub that a task's items come from; null if there is none.</summary>
    static (string Id, string Task, string Split)? Dataset(string task) => task switch
    {
        "humaneval" => ("openai/openai_humaneval", "openai_humaneval", "test"),
        "humaneval+" => ("evalplus/humanevalplus", "default", "test"),
        "mbpp" => ("google-research-datasets/mbpp", "full", "test"),
        "mbpp+" => ("evalplus/mbppplus", "default", "test"),
        "cruxeval-input" or "cruxeval-output" => ("cruxeval-org/cruxeval", task["cruxeval-".Length..], "test"),
        _ when task.StartsWith("multipl-e-", StringComparison.Ordinal) =>
            ("nuprl/MultiPL-E", $"humaneval-{task["multipl-e-".Length..]}", "test"),
        _ => null,
    };

    /// <summary>A file for each task that has a data set on the hub. The source is an address; without one it is omitted.</summary>
    public static IEnumerable<(string File, string Text)> EvalResults(IEnumerable<ReportedRun> runs, string? url)
    {
        var source = url is null ? "" : $"""
              source:
                url: {Text(url)}
                name: "Banyan, signed report"

            """;
        foreach (var task in runs.GroupBy(r => r.Run.Task))
            if (Dataset(task.Key) is var (id, name, _))
                yield return ($"{task.Key.Replace("+", "-plus", StringComparison.Ordinal)}.yaml", string.Concat(task.Select(r => $"""
                    - dataset:
                        id: {id}
                        task_id: {name}
                      value: {Percent(r.PassAt1)}
                      date: {Text($"{(r.Run.Ended ?? DateTimeOffset.UnixEpoch).UtcDateTime:yyyy-MM-dd}")}
                    {source}  notes: {Text(Notes(r))}

                    """)));
    }

    /// <summary>The front matter of a model card.</summary>
    public static string ModelIndex(string model, IEnumerable<ReportedRun> runs, string? url)
    {
        var text = new StringBuilder($"model-index:\n- name: {Text(model)}\n  results:\n");
        foreach (var run in runs)
            if (Dataset(run.Run.Task) is var (id, name, split))
            {
                text.Append(CultureInfo.InvariantCulture, $"""
                      - task:
                          type: text-generation
                        dataset:
                          name: {Text(run.Run.Task)}
                          type: {id}
                          config: {name}
                          split: {split}
                        metrics:
                        - name: pass@1
                          type: pass@1
                          value: {Percent(run.PassAt1)}
                          verified: false

                    """);
                if (url is not null)
                    text.Append(CultureInfo.InvariantCulture, $"    source:\n      name: {Text(Notes(run))}\n      url: {Text(url)}\n");
            }
        return text.ToString();
    }

    static string Notes(ReportedRun run) => string.Create(CultureInfo.InvariantCulture,
        $"pass@1 in percent, {run.ItemCount} of {run.Run.TaskItems} items, 95 % interval {100 * run.Interval.Low:F1} to {100 * run.Interval.High:F1}, prompt '{run.Run.Prompt}', temperature {run.Run.Sampling.Temperature}, {run.Run.Hashes.Harness}");

    static string Percent(double share) => Math.Round(100 * share, 2).ToString(CultureInfo.InvariantCulture);

    /// <summary>A JSON string is a YAML string.</summary>
    static string Text(string text) => JsonSerializer.Serialize(text, s_plain);

    static readonly JsonSerializerOptions s_plain =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
