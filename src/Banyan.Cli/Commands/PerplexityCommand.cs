using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan perplexity MODEL</c>: how well a model predicts a text, and how far it is from a base.</summary>
sealed class PerplexityCommand : Command
{
    readonly ModelChoice _model;
    readonly TextChoice _text;
    readonly Option<string?> _against = new("--base")
    {
        Description = "Compare with the distributions in a file that --save-base wrote, over its text",
        HelpName = "FILE",
    };
    readonly Option<string?> _save = new("--save-base")
    {
        Description = "Write the distributions, 2 bytes a token of the vocabulary for each that is predicted",
        HelpName = "FILE",
    };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object");

    public PerplexityCommand() : base("perplexity", """
        Measure how well a model predicts a text, and what quantizing changed

        With --base: the Kullback-Leibler divergence from the base's distributions, how often both have the same most likely token, and
        how the right token's probability changed, each with its standard error. Files of a base are llama-perplexity's.

        Examples:
          banyan perplexity model-F16.gguf --text wiki.test.raw --save-base wiki.base
          banyan perplexity model-Q4_K_M.gguf --base wiki.base
        """)
    {
        _model = new ModelChoice(this);
        _text = new TextChoice(this);
        this.AddAll(_against, _save, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var (path, target) = (arguments.GetValue(_against), arguments.GetValue(_save));
        if (path is not null && target is not null)
            throw new CommandException("--base compares and --save-base writes: give one of them");
        using var loaded = await _model.LoadAsync(arguments, cancellationToken);
        PerplexityResult result;
        try
        {
            if (path is not null)
                result = Perplexity.Compare(loaded, path, null, cancellationToken);
            else
            {
                var (tokens, chunk) = (_text.Read(arguments, loaded), _text.Chunk(arguments, loaded));
                using var bar = new ChunkBar(tokens.Count / chunk);
                result = Perplexity.Measure(loaded, tokens, chunk, target, bar, cancellationToken);
            }
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new CommandException(e.Message);
        }
        Console.Out.WriteLine(arguments.GetValue(_json) ? Json(result).ToJsonString() : Text(result));
        return 0;
    }

    static JsonObject Json(PerplexityResult result)
    {
        static JsonArray Of(Estimate estimate) => new(estimate.Value, estimate.Error);
        var json = new JsonObject
        {
            ["tokens"] = result.Count,
            ["chunks"] = result.Chunks,
            ["chunk"] = result.Context,
            ["perplexity"] = Of(result.Value)
        };
        if (!result.HasBase)
            return json;
        (json["base_perplexity"], json["ln_ratio"], json["kl_divergence"]) = (Of(result.Base), Of(result.LogRatio), Of(result.Divergence));
        json["kl_divergence_percentiles"] =
            new JsonObject(((string Name, double At)[])[("50", 0.5), ("90", 0.9), ("99", 0.99), ("99.9", 0.999), ("100", 1)] is var percents
                ? percents.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)result.DivergenceAt(p.At))) : []);
        (json["same_top"], json["probability_change"], json["probability_change_rms"]) =
            (Of(result.SameTop), Of(result.Difference), Of(result.DifferenceRms));
        return json;
    }

    static string Text(PerplexityResult result)
    {
        static string Line(string name, Estimate estimate, double times = 1, string unit = "") =>
            string.Create(CultureInfo.InvariantCulture,
                $"{name,-26} {times * estimate.Value,12:0.000000} ± {times * estimate.Error:0.000000}{unit}");
        var lines = new List<string> { Line("perplexity", result.Value) };
        if (result.HasBase)
            lines.AddRange([Line("of the base", result.Base), Line("ln of their ratio", result.LogRatio),
                Line("KL divergence", result.Divergence),
                string.Create(CultureInfo.InvariantCulture,
                    $"{"  median, 99 %, most",-26} {result.DivergenceAt(0.5),12:0.000000}, {result.DivergenceAt(0.99):0.000000}, {result.DivergenceAt(1):0.000000}"),
                Line("same most likely token", result.SameTop, 100, " %"), Line("change of probability", result.Difference, 100, " %"),
                Line("  its root mean square", result.DifferenceRms, 100, " %")]);
        lines.Add($"over {result.Count:N0} tokens, the second halves of {result.Chunks:N0} chunks of {result.Context:N0}");
        return string.Join(Environment.NewLine, lines);
    }
}
