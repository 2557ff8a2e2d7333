using System.Diagnostics;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Prompts;

namespace Banyan.Bench;

/// <summary>
/// A file is rewritten with one name changed, with guesses and without in turn: tokens a second of both, and whether the texts are the
/// same. A model with a chat template is told the names in the system message and the file in the user's; another continues the file.
/// </summary>
static class SpeculationBench
{
    public static async Task<int> Run(string path, string file, string names, int threads, int runs, int most)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = threads });
        var text = await File.ReadAllTextAsync(file);
        int[] prompt = model.Template is null
            ? model.Tokenizer.Encode(text)
            : Conversation.With(model).Prepare(new() { Messages = [Message("system", names), Message("user", text)] }).Prompt;
        var options = new GenerationOptions { Temperature = 0, MaxTokens = most };
        var (with, without) = (new List<Answer>(), new List<Answer>());
        for (var run = -WarmUps; run < runs; run++) // until everything is compiled that will be
        {
            var on = await Measure(model, prompt, options, speculation: true);
            var off = await Measure(model, prompt, options, speculation: false);
            if (run < 0)
                continue;
            with.Add(on);
            without.Add(off);
        }
        var isSame = with.All(a => a.Text == without[0].Text) && without.All(a => a.Text == without[0].Text);
        var (fast, plain) = (Median(with.Select(a => a.PerSecond)), Median(without.Select(a => a.PerSecond)));
        var statistics = with[0].Statistics;
        Console.WriteLine(new JsonObject
        {
            ["system"] = $"banyan {Model.Kernels}",
            ["model"] = Path.GetFileName(path),
            ["threads"] = threads,
            ["promptTokens"] = prompt.Length,
            ["tokens"] = statistics.GeneratedTokens,
            ["on"] = Math.Round(fast, 1),
            ["off"] = Math.Round(plain, 1),
            ["ratio"] = Math.Round(Median(with.Zip(without, (a, b) => a.PerSecond / b.PerSecond)), 2),
            ["sameText"] = isSame,
            ["copies"] = Difference(text, with[0].Text),
            ["drafted"] = statistics.DraftedTokens,
            ["accepted"] = statistics.AcceptedTokens,
        }.ToJsonString());
        return isSame ? 0 : 1;
    }

    /// <summary>
    /// Answers of each kind before those that count. The runtime compiles what runs often a second time, beside it, which with a model
    /// whose pass takes a tenth of a millisecond goes on for seconds: four answers at half of the speed.
    /// </summary>
    const int WarmUps = 6;

    static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    sealed record Answer(string Text, GenerationStatistics Statistics)
    {
        public double PerSecond => (Statistics.GeneratedTokens - 1) / Statistics.GenerateSeconds;
    }

    static async Task<Answer> Measure(Model model, int[] prompt, GenerationOptions options, bool speculation)
    {
        // Its own engine: what passes cost is learnt again each time, as a user's first answer has to.
        await using var engine = new Engine(model, new EngineOptions { MaxRequests = 1, CacheTokens = 1, Speculation = speculation });
        var text = new System.Text.StringBuilder();
        GenerationStatistics? statistics = null;
        await foreach (var generated in engine.GenerateAsync(prompt, options))
        {
            text.Append(generated.Text);
            statistics = generated.Statistics;
        }
        return new Answer(text.ToString(), statistics!);
    }

    static string Difference(string file, string answer)
    {
        var (lines, written) = (file.TrimEnd().Split('\n'), answer.TrimEnd().Split('\n'));
        return $"{written.Length} of {lines.Length} lines, {lines.Zip(written).Count(p => p.First != p.Second)} of them changed";
    }

    static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
    }
}
