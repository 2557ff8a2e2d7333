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
static class RunCommand
{
    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var command = new Command("run", $"""
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
            """);
        var task = new Option<string[]>("--task") { Description = "tasks by name, separated by commas (banyan eval tasks)", Required = true, AllowMultipleArgumentsPerToken = true };
        var model = new Option<string[]>("--model") { Description = "the model; may be given several times", Required = true };
        var limit = new Option<int?>("--limit") { Description = "at most this many items of each task, spread evenly" };
        var samples = new Option<int>("--samples") { Description = "answers to each item", DefaultValueFactory = _ => 1 };
        var temperature = new Option<double>("--temperature", "-T") { Description = "0: always the most likely token", DefaultValueFactory = _ => 0 };
        var topP = new Option<double>("--top-p") { Description = "choose among the likeliest tokens that reach this probability", DefaultValueFactory = _ => 1 };
        var maxTokens = new Option<int>("--max-tokens", "-n") { Description = "the most tokens of an answer", DefaultValueFactory = _ => 1024 };
        var seed = new Option<long?>("--seed") { Description = "of the first sample, where the service takes one" };
        var prompt = new Option<string?>("--prompt") { Description = $"the form of the prompts: {string.Join(", ", PromptLadder.Forms)} (default: what the ladder has for the model)" };
        var maxCost = new Option<decimal?>("--max-cost") { Description = "US dollars that all answers together may cost" };
        var prices = new Option<string?>("--prices") { Description = "a table of prices instead of the one that ships" };
        var requests = new Option<int?>("--requests") { Description = "prompts at once (default: 1 for a local model, 4 or 8 for a service)" };
        var threads = new Option<int?>("--threads", "-t") { Description = "threads that compute a local model (default: physical cores)" };
        var outFolder = new Option<string>("--out") { Description = "where transcripts and results are kept, a folder for each model", DefaultValueFactory = _ => DefaultFolder };
        var json = new Option<bool>("--json") { Description = "print JSON" };
        foreach (var option in new Option[] { task, model, limit, samples, temperature, topP, maxTokens, seed, prompt, maxCost, prices, requests, threads, outFolder, json })
            command.Options.Add(option);
        var data = new DataChoices(command);
        var choices = new JudgeChoices();
        choices.AddTo(command);

        command.SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(async () =>
        {
            var tasks = arguments.GetRequiredValue(task).SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(TaskTable.Find).Distinct().ToList();
            if (tasks.Count == 0)
                throw new EvaluationException("--task names no task");
            var table = arguments.GetValue(prices) is { } file ? PriceTable.Read(file) : PriceTable.Shipped;
            var plans = new List<RunPlan>();
            foreach (var one in tasks)
                plans.Add(new(one, await data.SourceAsync(arguments, one, cancellationToken))
                {
                    Sampling = new(arguments.GetValue(temperature), arguments.GetValue(topP), arguments.GetValue(maxTokens), arguments.GetValue(seed)),
                    Samples = arguments.GetValue(samples),
                    Limit = arguments.GetValue(limit),
                    Form = arguments.GetValue(prompt),
                    Requests = arguments.GetValue(requests),
                });
            using var judge = await choices.OpenAsync(arguments, asPublished: false, cancellationToken);
            var results = new List<RunResult>();
            var left = arguments.GetValue(maxCost);
            foreach (var spec in arguments.GetRequiredValue(model))
            {
                await using var opened = Open(spec, arguments.GetValue(threads), arguments.GetValue(requests) ?? 1);
                var folder = Path.Combine(arguments.GetRequiredValue(outFolder), Folder(spec, opened.Name));
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
                        using var shown = new RunProgressLine(opened.Name, plan.Task.Name, tokens, isCharged: opened is not (LocalModel or RecordedModel));
                        var run = await EvaluationRun.PrepareAsync(plan with { Price = tokens, MaxCost = bound }, opened, judge, cancellationToken);
                        shown.Estimate(run.Estimate(transcript));
                        var result = await run.RunAsync(transcript, shown, cancellationToken);
                        RunFile.Write(result, Path.Combine(folder, FileName(result)));
                        results.Add(result);
                    }
                }
            }
            if (arguments.GetValue(json))
                Console.WriteLine(new JsonArray([.. results.Select(RunFile.ToJson)]).ToJsonString(s_indented));
            else
                RunTable.Print(results, arguments.GetRequiredValue(outFolder));
            return 0;
        }));
        return command;
    }

    internal static string DefaultFolder => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".banyan", "evaluations");

    internal static EvaluatedModel Open(string spec, int? threads, int requests) =>
        ModelSpec.Open(spec) ?? (File.Exists(spec) || Directory.Exists(spec)
            ? new LocalModel(spec, threads, requests)
            : throw new EvaluationException($"there is no file or folder '{spec}'; a model is one, or http://host/v1#NAME, openai:NAME, gemini:NAME, anthropic:NAME, recorded:FILE"));

    /// <summary>A folder's name of any model's.</summary>
    internal static string Folder(string spec, string name) => FileSafe(Uri.TryCreate(spec, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address is not null
        ? $"{name}@{address.Host}-{address.Port}{(address.AbsolutePath.TrimEnd('/') is "/v1" or "" ? "" : address.AbsolutePath)}" : name);

    static string FileSafe(string name) => string.Concat(name.Select(c => char.IsLetterOrDigit(c) || c is '.' or '-' or '_' or '@' ? c : '-')).Trim('.');

    /// <summary>Task, and what differs from the usual: the vendor's prompts are another column, other sampling another question.</summary>
    internal static string FileName(RunResult result) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{result.Task}{(result.Prompt == PromptLadder.Vendor ? ".vendor" : "")}{(result.Sampling.Temperature > 0 ? $".t{result.Sampling.Temperature}" : "")}.json");
}
