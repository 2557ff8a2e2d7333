using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Hubs;
using Banyan.Evaluation;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Cli.Commands.Tune;

/// <summary><c>banyan tune evaluate BASE TUNED</c>: what was gained on what is held out, and what was forgotten.</summary>
static class EvaluateCommand
{
    public static Command Create()
    {
        var command = new Command("evaluate", """
            Compare a base with what was trained on it: on what was held out, and on tasks

            Text by text and item by item, with what that supports: better, worse, non-inferior or undecided. banyan-mini shows what was forgotten.

            Examples:
              banyan tune evaluate coder.gguf mine
              banyan tune evaluate coder.gguf mine --task humaneval,mbpp --json
              banyan tune evaluate coder.gguf mine --held-out other.jsonl --task none
            """);
        var model = new Argument<string>("BASE") { Description = "A .gguf, a folder of safetensors, or a repo on the hub" };
        var tuned = new Argument<string>("TUNED") { Description = "An adapter of it or a whole model: a folder that 'banyan tune' or PEFT wrote, or a .gguf" };
        var heldOut = new Option<string?>("--held-out") { Description = "Records that are measured (default: what the run of TUNED held out)", HelpName = "FILE" };
        var task = new Option<string>("--task") { Description = "Tasks by name, separated by commas (banyan eval tasks); none: only what is held out", DefaultValueFactory = _ => "banyan-mini" };
        var texts = new Option<int>("--texts") { Description = "At most so many held-out texts", DefaultValueFactory = _ => 100 };
        var limit = new Option<int?>("--limit") { Description = "At most so many items of each task, spread evenly" };
        var maxTokens = new Option<int>("--max-tokens", "-n") { Description = "The most tokens of an answer", DefaultValueFactory = _ => 1024 };
        var outFolder = new Option<string>("--out") { Description = "Where transcripts and results are kept: answers that are there are not asked for again", DefaultValueFactory = _ => RunCommand.DefaultFolder, HelpName = "DIR" };
        var threads = new Option<int?>("--threads", "-t") { Description = "Threads that compute (default: physical cores)" };
        var json = new Option<bool>("--json") { Description = "Print one JSON object" };
        texts.Between(1, int.MaxValue);
        limit.Between(1, int.MaxValue);
        maxTokens.Between(1, int.MaxValue);
        threads.Between(1, 1024);
        foreach (var argument in new[] { model, tuned })
            command.Arguments.Add(argument);
        foreach (var option in new Option[] { heldOut, task, texts, limit, maxTokens, outFolder, threads, json })
            command.Options.Add(option);
        var data = new DataChoices(command);
        var choices = new JudgeChoices();
        choices.AddTo(command);
        command.SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(async () =>
        {
            var names = arguments.GetRequiredValue(task).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            List<EvaluationTask> tasks = names is ["none"] ? [] : [.. names.Select(TaskTable.Find).Distinct()];
            var from = await ModelPull.PathAsync(arguments.GetRequiredValue(model), cancellationToken);
            var result = await TunedModel.FindAsync(arguments.GetRequiredValue(tuned), cancellationToken);
            var measured = await HeldOutMeasurement.RunAsync(from, result, arguments.GetValue(heldOut), arguments.GetValue(texts), arguments.GetValue(threads), cancellationToken);
            if (measured is null && tasks.Count == 0)
                throw new CommandException($"{result.Path} does not say what was held out, and there is no task: give --held-out FILE, or a --task");
            var compared = tasks.Count == 0 ? [] : await CompareAsync();
            if (arguments.GetValue(json))
                Console.Out.WriteLine(new JsonObject { ["held_out"] = measured?.ToJson(), ["tasks"] = new JsonArray([.. compared.Select(Json)]) }.ToJsonString());
            else
                Print(measured, compared);
            return 0;

            async Task<IReadOnlyList<(string Task, PairedComparison Result)>> CompareAsync()
            {
                using var judge = await choices.OpenAsync(arguments, asPublished: false, cancellationToken);
                var scores = new List<IReadOnlyList<Score>>();
                foreach (var (path, adapter) in new[] { result.IsAdapter ? (from, result.Path) : (result.Path, (string?)null), (from, null) })
                {
                    await using var opened = new LocalModel(path, arguments.GetValue(threads), requests: 1, adapter);
                    var folder = Path.Combine(arguments.GetRequiredValue(outFolder), RunCommand.Folder(path, opened.Name));
                    using var transcript = Transcript.Open(Path.Combine(folder, "transcript.jsonl"));
                    var own = new List<Score>();
                    foreach (var one in tasks)
                    {
                        var plan = new RunPlan(one, await data.SourceAsync(arguments, one, cancellationToken))
                        {
                            Sampling = new(0, 1, arguments.GetValue(maxTokens), null),
                            Limit = arguments.GetValue(limit),
                        };
                        using var shown = new RunProgressLine(opened.Name, one.Name, null, isCharged: false);
                        var run = await EvaluationRun.PrepareAsync(plan, opened, judge, cancellationToken);
                        shown.Estimate(run.Estimate(transcript));
                        var outcome = await run.RunAsync(transcript, shown, cancellationToken);
                        RunFile.Write(outcome, Path.Combine(folder, RunCommand.FileName(outcome)));
                        own.Add(outcome.Score);
                    }
                    scores.Add(own);
                }
                return Comparison.Of(scores[0], scores[1]);
            }
        }));
        return command;
    }

    static int? MoreItems(PairedComparison result) =>
        result.Verdict == ComparisonVerdict.Undecided && result.ItemsNeeded is { } needed ? Math.Max(1, needed - result.Items) : null;

    static JsonObject Json((string Task, PairedComparison Result) one) => new()
    {
        ["task"] = one.Task,
        ["items"] = one.Result.Items,
        ["base"] = one.Result.B,
        ["tuned"] = one.Result.A,
        ["only_base"] = one.Result.OnlyB,
        ["only_tuned"] = one.Result.OnlyA,
        ["interval"] = new JsonArray(one.Result.Interval.Low, one.Result.Interval.High),
        ["p"] = one.Result.AdjustedPValue,
        ["verdict"] = VerdictNames.Of(one.Result.Verdict),
        ["more_items_needed"] = MoreItems(one.Result),
    };

    static void Print(HeldOutMeasurement? measured, IReadOnlyList<(string Task, PairedComparison Result)> compared)
    {
        Console.Out.WriteLine(measured?.ToString() ?? "held out  nothing is known of it: --held-out FILE names it");
        foreach (var (task, r) in compared)
        {
            var verdict = VerdictNames.Of(r.Verdict) + (r.Verdict != ComparisonVerdict.Undecided ? "" : MoreItems(r) is { } more ? $", {more:N0} more items needed" : ", no difference seen");
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{task}  {100 * r.B:f1} % base, {100 * r.A:f1} % tuned of {r.Items} items (only base {r.OnlyB}, only tuned {r.OnlyA}): {verdict} (95 % interval {100 * r.Interval.Low:f1} … {100 * r.Interval.High:f1} points)"));
        }
    }
}
