using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Runtime.Models;
using Spectre.Console;

namespace Banyan.Cli.Commands.Benchmark;

/// <summary><c>banyan bench MODEL</c>: how fast it is here, and how far from what the machine can do.</summary>
sealed class Bench : Command
{
    readonly ModelChoice _model;
    readonly Option<int> _prompt = new("--prompt") { Description = "Tokens of the prompt", DefaultValueFactory = _ => 256 };
    readonly Option<int> _generate = new("--generate") { Description = "Tokens to generate", DefaultValueFactory = _ => 64 };
    readonly Option<string> _depth = new("--depth")
    {
        Description = "Tokens before the prompt: one number or several",
        DefaultValueFactory = _ => "0",
    };
    readonly Option<string> _streams = new("--streams")
    {
        Description = "Answers generated together: one number or several",
        DefaultValueFactory = _ => "1",
    };
    readonly Option<int> _repetitions = new("--repetitions", "-r") { Description = "How often", DefaultValueFactory = _ => 3 };
    readonly Option<string?> _plot = new("--plot") { Description = "Write a picture: an .svg file", HelpName = "FILE" };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object");

    public Bench() : base("bench", """
        Measure prefill and decode speed, and hold them against the machine's limits

        Each repetition computes a new random prompt and generates after it; medians are reported. A depth is how
        many tokens stand in the cache before. Streams are answers generated together, in tokens a second of all.
        Speed is held against the read bandwidth and the integer products a second that are measured first: a
        token alone has to read all weights and the cache, a prompt has to multiply them, and to multiply by
        their scales, which takes the place of products: that ceiling is told beside the bare products.

        Examples:
          banyan bench model.gguf --prompt 256 --generate 64 --threads 2 --json
          banyan bench coder-7b.gguf --draft coder-0.5b.gguf
          banyan bench model.gguf --depth 0,2048,8192 --streams 1,4,8 --plot speed.svg
        """)
    {
        _model = new ModelChoice(this).WithDraft(this);
        this.AddAll(_prompt, _generate, _depth, _streams, _repetitions, _plot, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var plan = new Plan(arguments.GetValue(_prompt), arguments.GetValue(_generate), arguments.GetValue(_repetitions),
            Numbers("--depth", arguments.GetValue(_depth)!, least: 0), Numbers("--streams", arguments.GetValue(_streams)!, least: 1));
        if (plan.Prompt < 1 || plan.Generate < 2 || plan.Repetitions < 1)
            throw new CommandException(
                $"--prompt {plan.Prompt} --generate {plan.Generate} --repetitions {plan.Repetitions}: at least 1, 2 and 1");
        if (arguments.GetValue(_plot) is { } picture && !picture.EndsWith(".svg", StringComparison.OrdinalIgnoreCase))
            throw new CommandException($"--plot {picture}: give a name that ends in .svg");
        var began = Stopwatch.GetTimestamp();
        using var loaded = await _model.LoadAsync(arguments, cancellationToken);
        var loadSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var needed = Math.Max(plan.Depths.Max() + plan.Prompt + plan.Generate, Measurement.StreamTokens(plan));
        if (needed > loaded.ContextLength)
            throw new CommandException($"{needed} tokens do not fit the context of {loaded.ContextLength}: ask for fewer");
        using var draft = await _model.LoadDraftAsync(arguments, loaded, cancellationToken);
        using var doing = new StatusLine();
        doing.Show("the machine's limits");
        var limits = MachineLimits.Measure(loaded);
        var result = await Measurement.Run(loaded, draft, limits, plan, doing.Show, cancellationToken);
        doing.Dispose();
        var report = Report(loaded, limits, plan, result, loadSeconds);
        if (arguments.GetValue(_plot) is { } file)
            await File.WriteAllTextAsync(file, Plot.Svg(loaded.Name, plan, result), cancellationToken);
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(report.ToJsonString());
        else
            Show(report, arguments.GetValue(_plot));
        return 0;
    }

    static int[] Numbers(string option, string text, int least)
    {
        var numbers = text.Split(',', StringSplitOptions.TrimEntries)
            .Select(t => int.TryParse(t, CultureInfo.InvariantCulture, out var n) && n >= least ? n : -1).ToArray();
        return numbers.Contains(-1) || numbers.Length > 32
            ? throw new CommandException($"{option} {text}: up to 32 numbers from {least} on, with commas between, such as 0,2048,8192")
            : numbers;
    }

    static JsonObject Report(Model model, MachineLimits limits, Plan plan, Result result, double loadSeconds) => new()
    {
        ["prefill"] = Round(result.Depths[0].Prefill),
        ["decode"] = Round(result.Depths[0].Decode),
        ["model"] = model.Name,
        ["architecture"] = model.Config.Architecture,
        ["weight_bytes"] = model.WeightBytes,
        ["prompt"] = plan.Prompt,
        ["generate"] = plan.Generate,
        ["repetitions"] = plan.Repetitions,
        ["threads"] = model.Options.Threads,
        ["kernels"] = Model.Kernels,
        ["activations"] = model.Options.Activations == ActivationFormat.Float ? "float" : "quantized",
        ["kv"] = model.Options.KvCache.ToString().ToLowerInvariant(),
        ["load_seconds"] = Math.Round(loadSeconds, 3),
        ["memory_bytes"] = Process.GetCurrentProcess().WorkingSet64,
        ["read_bandwidth"] = Math.Round(limits.ReadBandwidth),
        ["integer_peak"] = Math.Round(limits.IntegerPeak),
        ["depths"] = new JsonArray([.. result.Depths.Select(d => (JsonNode)new JsonObject
        {
            ["depth"] = d.Depth,
            ["prefill"] = Round(d.Prefill),
            ["prefill_of_peak"] = Math.Round(d.PrefillOfPeak, 3),
            ["prefill_of_ceiling"] = d.PrefillOfCeiling == 0 ? null : Math.Round(d.PrefillOfCeiling, 3),
            ["decode"] = Round(d.Decode),
            ["decode_of_bandwidth"] = Math.Round(d.DecodeOfBandwidth, 3),
        })]),
        ["draft"] = result.Drafted is { } drafted
            ? new JsonObject
            {
                ["decode"] = Round(drafted.Decode),
                ["of_alone"] = Math.Round(drafted.OfAlone, 2),
                ["guessed"] = drafted.Guessed,
                ["right"] = drafted.Right
            }
            : null,
        ["streams"] = new JsonArray([.. result.Streams.Select(s => (JsonNode)new JsonObject
        {
            ["streams"] = s.Streams,
            ["decode"] = Round(s.Decode),
            ["of_one"] = Math.Round(s.OfOne, 2),
            ["slowest_of_fastest"] = Math.Round(s.Steadiness, 2),
        })]),
    };

    static double Round(double value) => Math.Round(value, 2);

    static void Show(JsonObject report, string? plot)
    {
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("");
        void Row(string name, FormattableString value) => table.AddRow(name, Markup.Escape(value.ToString(CultureInfo.InvariantCulture)));
        double Number(JsonNode? node) => (double)node!;
        Row("model", $"{report["model"]} ({report["architecture"]})");
        Row("weights", $"{(long)report["weight_bytes"]! / 1e6:0.0} MB, loaded in {Number(report["load_seconds"]):0.00} s");
        Row("kernels", $"{report["kernels"]}, {report["threads"]} threads, {report["activations"]} activations, {report["kv"]} cache");
        Row("machine",
            $"reads {Number(report["read_bandwidth"]) / 1e9:0.0} GB/s, multiplies {Number(report["integer_peak"]) / 1e9:0} GMAC/s");
        if (report["draft"] is { } drafted)
            Row("guessing ahead",
                $"{Number(drafted["decode"]):0.0} tokens/s, {Number(drafted["of_alone"]):0.00} × without; {drafted["right"]} of {drafted["guessed"]} guesses right");
        foreach (var depth in report["depths"]!.AsArray())
        {
            var at = (int)depth!["depth"]! is > 0 and var d ? string.Create(CultureInfo.InvariantCulture, $" at {d}") : "";
            var ofCeiling = depth["prefill_of_ceiling"] is { } part
                ? string.Create(CultureInfo.InvariantCulture, $", {Number(part):0 %} of those with scales") : "";
            Row($"prefill{at}",
                $"{Number(depth["prefill"]):0.0} tokens/s ({report["prompt"]} tokens), {Number(depth["prefill_of_peak"]):0 %} of the products{ofCeiling}");
            Row($"decode{at}",
                $"{Number(depth["decode"]):0.0} tokens/s ({report["generate"]} tokens), {Number(depth["decode_of_bandwidth"]):0 %} of the bandwidth");
        }
        foreach (var streams in report["streams"]!.AsArray())
            Row((int)streams!["streams"]! == 1 ? "1 stream" : $"{streams["streams"]} streams",
                $"{Number(streams["decode"]):0.0} tokens/s in all, {Number(streams["of_one"]):0.00} of one alone; slowest ÷ fastest {Number(streams["slowest_of_fastest"]):0.00}");
        Row("memory", $"{(long)report["memory_bytes"]! / 1e6:0} MB");
        AnsiConsole.Write(table);
        if (plot is not null)
            AnsiConsole.MarkupLineInterpolated($"picture: {plot}");
    }
}
