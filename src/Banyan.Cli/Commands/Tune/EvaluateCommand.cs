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

/// <summary><c>banyan tune evaluate BASE TUNED</c>: what the model gained on held-out data, and what it forgot.</summary>
sealed class EvaluateCommand : Command
{
    readonly Argument<string> _model = new("BASE") { Description = "A .gguf, a folder of safetensors, or a repo on the hub" };
    readonly Argument<string> _tuned = new("TUNED")
    {
        Description = "An adapter of it or a whole model: a folder that 'banyan tune' or PEFT wrote, or a .gguf",
    };
    readonly Option<string?> _heldOut = new("--held-out")
    {
        Description = "Records that are measured (default: what the run of TUNED held out)",
        HelpName = "FILE",
    };
    readonly Option<string> _task = new("--task")
    {
        Description = "Tasks by name, separated by commas (banyan eval tasks); none: only what is held out",
        DefaultValueFactory = _ => "banyan-mini",
    };
    readonly Option<int> _texts = new("--texts") { Description = "At most so many held-out texts", DefaultValueFactory = _ => 100 };
    readonly Option<int?> _limit = new("--limit") { Description = "At most so many items of each task, spread evenly" };
    readonly Option<int> _maxTokens = new("--max-tokens", "-n")
    {
        Description = "The most tokens of an answer",
        DefaultValueFactory = _ => 1024,
    };
    readonly Option<string> _outFolder = new("--out")
    {
        Description = "Where transcripts and results are kept: answers that are there are not asked for again",
        DefaultValueFactory = _ => RunCommand.DefaultFolder,
        HelpName = "DIR",
    };
    readonly Option<int?> _threads = CommandParts.Threads();
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object");
    readonly DataChoices _data;
    readonly JudgeChoices _choices = new();

    public EvaluateCommand() : base("evaluate", """
        Compare a base with what was trained on it: on what was held out, and on tasks

        Text by text and item by item, with what that supports: better, worse, non-inferior or undecided. banyan-mini shows what was forgotten.

        Examples:
          banyan tune evaluate coder.gguf mine
          banyan tune evaluate coder.gguf mine --task humaneval,mbpp --json
          banyan tune evaluate coder.gguf mine --held-out other.jsonl --task none
        """)
    {
        _texts.Between(1, int.MaxValue);
        _limit.Between(1, int.MaxValue);
        _maxTokens.Between(1, int.MaxValue);
        this.AddAll(_model, _tuned, _heldOut, _task, _texts, _limit, _maxTokens, _outFolder, _threads, _json);
        _data = new DataChoices(this);
        _choices.AddTo(this);
        SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var names = arguments.GetRequiredValue(_task).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        List<EvaluationTask> tasks = names is ["none"] ? [] : [.. names.Select(TaskTable.Find).Distinct()];
        var from = await ModelPull.PathAsync(arguments.GetRequiredValue(_model), cancellationToken);
        var result = await TunedModel.FindAsync(arguments.GetRequiredValue(_tuned), cancellationToken);
        var measured = await HeldOutMeasurement.RunAsync(from, result, arguments.GetValue(_heldOut), arguments.GetValue(_texts),
            arguments.GetValue(_threads), cancellationToken);
        if (measured is null && tasks.Count == 0)
            throw new CommandException(
                $"{result.Path} does not say what was held out, and there is no task: give --held-out FILE, or a --task");
        var compared = tasks.Count == 0 ? [] : await CompareAsync();
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(new JsonObject
            {
                ["held_out"] = measured?.ToJson(),
                ["tasks"] = new JsonArray([.. compared.Select(Json)])
            }.ToJsonString());
        else
            Print(measured, compared);
        return 0;

        async Task<IReadOnlyList<(string Task, PairedComparison Result)>> CompareAsync()
        {
            using var judge = await _choices.OpenAsync(arguments, asPublished: false, cancellationToken);
            var scores = new List<IReadOnlyList<Score>>();
            foreach (var (path, adapter) in new[] { result.IsAdapter ? (from, result.Path) : (result.Path, (string?)null), (from, null) })
            {
                await using var opened = new LocalModel(path, arguments.GetValue(_threads), requests: 1, adapter);
                var folder = Path.Combine(arguments.GetRequiredValue(_outFolder), RunCommand.Folder(path, opened.Name));
                using var transcript = Transcript.Open(Path.Combine(folder, "transcript.jsonl"));
                var own = new List<Score>();
                foreach (var one in tasks)
                {
                    var plan = new RunPlan(one, await _data.SourceAsync(arguments, one, cancellationToken))
                    {
                        Sampling = new(0, 1, arguments.GetValue(_maxTokens), null),
                        Limit = arguments.GetValue(_limit),
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
            var verdict = VerdictNames.Of(r.Verdict)
                + (r.Verdict != ComparisonVerdict.Undecided ? "" : MoreItems(r) is { } more
                    ? $", {more:N0} more items needed" : ", no difference seen");
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{task}  {100 * r.B:f1} % base, {100 * r.A:f1} % tuned of {r.Items} items (only base {r.OnlyB}, only tuned {r.OnlyA}): {verdict} (95 % interval {100 * r.Interval.Low:f1} … {100 * r.Interval.High:f1} points)"));
        }
    }
}
