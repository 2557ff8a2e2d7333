using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Prices;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval run</c>: ask models, judge what they write.</summary>
sealed class RunCommand : Command
{
    static readonly JsonSerializerOptions s_indented =
        new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Option<string[]> _task = new("--task")
    {
        Description = "tasks by name, separated by commas (banyan eval tasks)",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };
    readonly Option<string[]> _model = new("--model") { Description = "the model; may be given several times", Required = true };
    readonly Option<int?> _limit = new("--limit") { Description = "at most this many items of each task, spread evenly" };
    readonly Option<int> _samples = new("--samples") { Description = "answers to each item", DefaultValueFactory = _ => 1 };
    readonly Option<double> _temperature = new("--temperature", "-T")
    {
        Description = "0: always the most likely token",
        DefaultValueFactory = _ => 0,
    };
    readonly Option<double> _topP = new("--top-p")
    {
        Description = "choose among the likeliest tokens that reach this probability",
        DefaultValueFactory = _ => 1,
    };
    readonly Option<int> _maxTokens = new("--max-tokens", "-n")
    {
        Description = "the most tokens of an answer",
        DefaultValueFactory = _ => 1024,
    };
    readonly Option<long?> _seed = new("--seed") { Description = "of the first sample, where the service takes one" };
    readonly Option<string?> _prompt = new("--prompt")
    {
        Description = $"the form of the prompts: {string.Join(", ", PromptLadder.Forms)} (default: what the ladder has for the model)",
    };
    readonly Option<decimal?> _maxCost = new("--max-cost") { Description = "US dollars that all answers together may cost" };
    readonly Option<string?> _prices = new("--prices") { Description = "a table of prices instead of the one that ships" };
    readonly Option<int?> _requests = new("--requests")
    {
        Description = "prompts at once (default: 1 for a local model, 4 or 8 for a service)",
    };
    readonly Option<int?> _threads = new("--threads", "-t")
    {
        Description = "threads that compute a local model (default: physical cores)",
    };
    readonly Option<string> _outFolder = new("--out")
    {
        Description = "where transcripts and results are kept, a folder for each model",
        DefaultValueFactory = _ => DefaultFolder,
    };
    readonly Option<bool> _json = CommandParts.Json("print JSON");
    readonly DataChoices _data;
    readonly JudgeChoices _choices = new();

    public RunCommand() : base("run", $"""
        Ask models for answers to tasks and judge them in the sandbox

        A model is a file or folder; http://host/v1#NAME on any server with OpenAI's API (its key in {ModelSpec.ServerKey}); openai:NAME, gemini:NAME or
        anthropic:NAME (keys in OPENAI_API_KEY, GEMINI_API_KEY, ANTHROPIC_API_KEY); or recorded:FILE, the transcript of an earlier run.
        Every answer is kept in a transcript under --out. The same command after a stop asks only what is missing, and ends with the same result.

        Examples:
          banyan eval run --task banyan-mini --model models/sprout/sprout-Q8_0.gguf
          banyan eval run --task humaneval+,mbpp+ --model coder.gguf --model openai:gpt-4o-2024-08-06 --max-cost 5
          banyan eval run --task humaneval --model http://localhost:8080/v1#coder --samples 10 --temperature 0.8
          banyan eval run --task humaneval,humaneval~twin --model coder.gguf          was it remembered? then: banyan eval compare DIR
          banyan eval run --task humaneval --model recorded:run/transcript.jsonl
        """)
    {
        this.AddAll(_task, _model, _limit, _samples, _temperature, _topP, _maxTokens, _seed, _prompt, _maxCost, _prices, _requests,
            _threads, _outFolder, _json);
        _data = new DataChoices(this);
        _choices.AddTo(this);
        SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var tasks = arguments.GetRequiredValue(_task)
            .SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            .Select(TaskTable.Find).Distinct().ToList();
        if (tasks.Count == 0)
            throw new EvaluationException("--task names no task");
        var table = arguments.GetValue(_prices) is { } file ? PriceTable.Read(file) : PriceTable.Shipped;
        var plans = new List<RunPlan>();
        foreach (var one in tasks)
            plans.Add(new(one, await _data.SourceAsync(arguments, one, cancellationToken))
            {
                Sampling = new(arguments.GetValue(_temperature), arguments.GetValue(_topP), arguments.GetValue(_maxTokens),
                    arguments.GetValue(_seed)),
                Samples = arguments.GetValue(_samples),
                Limit = arguments.GetValue(_limit),
                Form = arguments.GetValue(_prompt),
                Requests = arguments.GetValue(_requests),
            });
        using var judge = await _choices.OpenAsync(arguments, asPublished: false, cancellationToken);
        var results = new List<RunResult>();
        var left = arguments.GetValue(_maxCost);
        foreach (var spec in arguments.GetRequiredValue(_model))
        {
            await using var opened = Open(spec, arguments.GetValue(_threads), arguments.GetValue(_requests) ?? 1);
            var folder = Path.Combine(arguments.GetRequiredValue(_outFolder), Folder(spec, opened.Name));
            using var transcript = Transcript.Open(Path.Combine(folder, "transcript.jsonl"));
            var price = opened is LocalModel or RecordedModel ? null : table.Find(opened.Name, DateOnly.FromDateTime(DateTime.UtcNow));
            if (left is not null && price is null && opened is LocalModel or RecordedModel)
                await RunAsync(null, null);
            else
                await RunAsync(price, left);
            left -= transcript.Entries.Sum(e => e.Cost ?? 0);

            async Task RunAsync(Banyan.Evaluation.Prices.Price? tokens, decimal? bound)
            {
                foreach (var plan in plans)
                {
                    using var shown = new RunProgressLine(opened.Name, plan.Task.Name, tokens,
                        isCharged: opened is not (LocalModel or RecordedModel));
                    var run = await EvaluationRun.PrepareAsync(plan with { Price = tokens, MaxCost = bound }, opened,
                        judge, cancellationToken);
                    shown.Estimate(run.Estimate(transcript));
                    var result = await run.RunAsync(transcript, shown, cancellationToken);
                    RunFile.Write(result, Path.Combine(folder, FileName(result)));
                    results.Add(result);
                }
            }
        }
        if (arguments.GetValue(_json))
            Console.WriteLine(new JsonArray([.. results.Select(RunFile.ToJson)]).ToJsonString(s_indented));
        else
            RunTable.Print(results, arguments.GetRequiredValue(_outFolder));
        return 0;
    }

    internal static string DefaultFolder =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".banyan", "evaluations");

    internal static EvaluatedModel Open(string spec, int? threads, int requests) =>
        ModelSpec.Open(spec) ?? (File.Exists(spec) || Directory.Exists(spec)
            ? new LocalModel(spec, threads, requests)
            : throw new EvaluationException(
                $"there is no file or folder '{spec}'; a model is one, or http://host/v1#NAME, openai:NAME, gemini:NAME, anthropic:NAME, recorded:FILE"));

    /// <summary>A folder's name from any model's name.</summary>
    internal static string Folder(string spec, string name) =>
        FileSafe(Uri.TryCreate(spec, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address is not null
        ? $"{name}@{address.Host}-{address.Port}{(address.AbsolutePath.TrimEnd('/') is "/v1" or "" ? "" : address.AbsolutePath)}" : name);

    static string FileSafe(string name) =>
        string.Concat(name.Select(c => char.IsLetterOrDigit(c) || c is '.' or '-' or '_' or '@' ? c : '-')).Trim('.');

    /// <summary>The task, and what differs from the defaults: results with a vendor's prompts or other sampling are separate.</summary>
    internal static string FileName(RunResult result) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{result.Task}{(result.Prompt == PromptLadder.Vendor ? ".vendor" : "")}{(result.Sampling.Temperature > 0 ? $".t{result.Sampling.Temperature}" : "")}.json");
}
