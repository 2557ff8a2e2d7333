using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan logits MODEL</c>: the most likely tokens of every step, to compare one implementation with another.</summary>
sealed class Logits : Command
{
    readonly ModelChoice _model;
    readonly Option<string?> _prompts = new("--prompts") { Description = "Prompts as token ids: [[1,2],[3]]" };
    readonly Option<int> _steps = new("--steps") { Description = "Tokens to generate after each prompt", DefaultValueFactory = _ => 12 };
    readonly Option<int> _top = new("--top") { Description = "Tokens to report at each step", DefaultValueFactory = _ => 10 };
    readonly Option<string?> _follow = new("--follow") { Description = "A file of this command's output whose tokens to follow" };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object");

    public Logits() : base("logits", """
        Print the log-probabilities of the most likely tokens at every step

        Greedy; with --follow along the tokens of a reference, so that every step can be compared.

        Examples:
          banyan logits model.gguf --prompts '[[672,912,7,64]]' --steps 12 --top 10 --json
          banyan logits model.gguf --follow model.reference.json --activations float --json
        """)
    {
        _model = new ModelChoice(this).WithAdapter(this);
        _steps.Between(1, int.MaxValue);
        _top.Between(1, GenerationOptions.MaxTopLogprobs);
        this.AddAll(_prompts, _steps, _top, _follow, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var runs = Runs(arguments.GetValue(_prompts), arguments.GetValue(_follow));
        using var loaded = await _model.LoadAsync(arguments, cancellationToken);
        var options = new GenerationOptions
        {
            Temperature = 0,
            TopLogprobs = arguments.GetValue(_top),
            IgnoreEndOfText = true,
            Adapter = _model.LoadAdapter(arguments, loaded)
        };
        await using var engine = new Engine(loaded);
        var results = new JsonArray();
        foreach (var (prompt, path) in runs)
            results.Add((JsonNode)new JsonObject
            {
                ["prompt_tokens"] = new JsonArray([.. prompt.Select(t => (JsonNode)t)]),
                ["steps"] = await Steps(engine, prompt, path, path?.Length ?? arguments.GetValue(_steps), options, cancellationToken),
            });
        var result = new JsonObject
        {
            ["architecture"] = loaded.Config.Architecture,
            ["reference"] = $"banyan, {(loaded.Options.Activations == ActivationFormat.Float ? "float" : "quantized")} activations,"
                + $" {loaded.Options.KvCache} cache, {Model.Kernels} kernels",
            ["runs"] = results,
        };
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(result.ToJsonString());
        else
            Show(result, loaded);
        return 0;
    }

    // Prompts, and for each the tokens to follow, if any.
    static List<(int[] Prompt, int[]? Path)> Runs(string? prompts, string? follow)
    {
        try
        {
            var given = prompts is null ? null : JsonSerializer.Deserialize<int[][]>(prompts);
            if (follow is null)
                return [.. (given ?? throw new CommandException("give --prompts, or --follow with a reference that has some")).Select(
                    p => (p, (int[]?)null))];
            var runs = JsonNode.Parse(File.ReadAllText(follow))!["runs"]!.AsArray().Select(run => (
                Prompt: run!["prompt_tokens"]!.AsArray().Select(t => (int)t!).ToArray(),
                Path: (int[]?)run["steps"]!.AsArray().Select(s => (int)s!["token"]!).ToArray())).ToList();
            return given is null ? runs : [.. given.Select((p, i) => i < runs.Count
                ? (p, runs[i].Path)
                : throw new CommandException($"--prompts has {given.Length} prompts, {follow} has {runs.Count} runs: give as many"))];
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new CommandException(
                $"{(follow is null ? "--prompts" : $"--prompts or {follow}")} cannot be read: [[1,2],[3]] is needed, or a file with runs, prompt_tokens and steps ({JsonProblem.Of(e)})");
        }
    }

    static async Task<JsonArray> Steps(Engine engine, int[] prompt, int[]? path, int count, GenerationOptions options,
        CancellationToken cancellationToken)
    {
        var steps = new JsonArray();
        options = options with { MaxTokens = path is null ? count : 1 };
        // Without a path one greedy answer; with one a single step after each of its beginnings, whose keys and values are cached.
        for (var at = 0; at < (path is null ? 1 : count); at++)
            await foreach (var generated in engine.GenerateAsync([.. prompt, .. path?.Take(at) ?? []], options, cancellationToken))
                steps.Add((JsonNode)new JsonObject
                {
                    ["token"] = path?[at] ?? generated.Token,
                    ["top"] =
                        new JsonArray([.. generated.TopLogProbs.Select(t => (JsonNode)new JsonArray(t.Token, Math.Round(t.LogProb, 6)))]),
                });
        return steps;
    }

    static void Show(JsonObject result, Model model)
    {
        foreach (var run in result["runs"]!.AsArray())
        {
            Console.Out.WriteLine($"after {run!["prompt_tokens"]!.AsArray().Count} tokens");
            foreach (var step in run["steps"]!.AsArray())
                Console.Out.WriteLine(string.Join("  ", step!["top"]!.AsArray().Select(t =>
                    string.Create(CultureInfo.InvariantCulture,
                        $"{JsonSerializer.Serialize(model.Tokenizer.Text((int)t![0]!))} {(double)t[1]!:0.000}"))));
        }
    }
}
