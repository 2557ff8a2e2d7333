using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Spectre.Console;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan bench MODEL</c>: how fast it is here.</summary>
static class Bench
{
    public static Command Create()
    {
        var command = new Command("bench", """
            Measure prefill and decode speed

            Each repetition computes a new random prompt and generates after it; the medians are reported.

            Example:
              banyan bench model.gguf --prompt 256 --generate 64 --threads 2 --json
            """);
        var model = new ModelChoice(command);
        var prompt = new Option<int>("--prompt") { Description = "Tokens of the prompt", DefaultValueFactory = _ => 256 };
        var generate = new Option<int>("--generate") { Description = "Tokens to generate", DefaultValueFactory = _ => 64 };
        var repetitions = new Option<int>("--repetitions", "-r") { Description = "How often", DefaultValueFactory = _ => 3 };
        var json = new Option<bool>("--json") { Description = "Print one JSON object" };
        foreach (var option in new Option[] { prompt, generate, repetitions, json })
            command.Options.Add(option);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var (promptTokens, generateTokens, times) = (arguments.GetValue(prompt), arguments.GetValue(generate), arguments.GetValue(repetitions));
            if (promptTokens < 1 || generateTokens < 2 || times < 1)
                throw new CommandException($"--prompt {promptTokens} --generate {generateTokens} --repetitions {times}: at least 1, 2 and 1");
            var began = Stopwatch.GetTimestamp();
            using var loaded = model.Load(arguments);
            var loadSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            await using var engine = new Engine(loaded, new EngineOptions { MaxRequests = 1, CacheTokens = 1 });
            if (promptTokens + generateTokens > engine.ContextLength)
                throw new CommandException($"{promptTokens} + {generateTokens} tokens do not fit the context of {engine.ContextLength}: ask for fewer");

            // The first run only warms up: code is compiled and pages are touched.
            var runs = new List<GenerationStatistics>();
            for (var run = -1; run < times; run++)
            {
                var statistics = await Measure(engine, promptTokens, generateTokens, seed: run, cancellationToken);
                if (run >= 0)
                    runs.Add(statistics);
            }
            var result = new JsonObject
            {
                ["prefill"] = Median(runs.Select(r => r.PromptSpeed)),
                ["decode"] = Median(runs.Select(r => r.GenerateSpeed)),
                ["model"] = loaded.Name,
                ["architecture"] = loaded.Config.Architecture,
                ["weight_bytes"] = loaded.WeightBytes,
                ["prompt"] = promptTokens,
                ["generate"] = generateTokens,
                ["repetitions"] = times,
                ["threads"] = loaded.Options.Threads,
                ["kernels"] = Model.Kernels,
                ["activations"] = loaded.Options.Activations == ActivationFormat.Float ? "float" : "quantized",
                ["kv"] = loaded.Options.KvCache.ToString().ToLowerInvariant(),
                ["load_seconds"] = Math.Round(loadSeconds, 3),
                ["memory_bytes"] = Process.GetCurrentProcess().WorkingSet64,
            };
            if (arguments.GetValue(json))
                Console.Out.WriteLine(result.ToJsonString());
            else
                Show(result);
            return 0;
        });
        return command;
    }

    static async Task<GenerationStatistics> Measure(Engine engine, int prompt, int generate, int seed, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        var tokens = Enumerable.Range(0, prompt).Select(_ => random.Next(engine.Model.Config.VocabularySize)).ToArray();
        var options = new GenerationOptions { MaxTokens = generate, Temperature = 0, IgnoreEndOfText = true };
        GenerationStatistics? statistics = null;
        await foreach (var generated in engine.GenerateAsync(tokens, options, cancellationToken))
            statistics = generated.Statistics;
        return statistics!;
    }

    static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return Math.Round((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, 2);
    }

    static void Show(JsonObject result)
    {
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("");
        void Row(string name, FormattableString value) => table.AddRow(name, Markup.Escape(value.ToString(CultureInfo.InvariantCulture)));
        Row("model", $"{result["model"]} ({result["architecture"]})");
        Row("weights", $"{(long)result["weight_bytes"]! / 1e6:0.0} MB, loaded in {(double)result["load_seconds"]!:0.00} s");
        Row("kernels", $"{result["kernels"]}, {result["threads"]} threads, {result["activations"]} activations, {result["kv"]} cache");
        Row("prefill", $"{(double)result["prefill"]!:0.0} tokens/s ({result["prompt"]} tokens)");
        Row("decode", $"{(double)result["decode"]!:0.0} tokens/s ({result["generate"]} tokens)");
        Row("memory", $"{(long)result["memory_bytes"]! / 1e6:0} MB");
        AnsiConsole.Write(table);
    }
}
