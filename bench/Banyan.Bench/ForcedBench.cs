using System.Diagnostics;
using System.Globalization;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Models;

namespace Banyan.Bench;

/// <summary>
/// What a schema costs a model that generates: processor time a token with one and without, in turn, of one thread, so that what else the
/// machine does matters little. Tokens that must follow are taken without the model; they are counted, and told apart.
/// </summary>
static class ForcedBench
{
    static readonly (string Name, Grammar? Grammar)[] s_shapes =
    [
        ("none", null),
        ("any JSON object", Grammar.JsonObject()),
        ("a list of records",
            Grammar.JsonSchema(
                """{"type":"array","minItems":50,"items":{"type":"object","properties":{"name":{"type":"string","maxLength":40},"age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","items":{"type":"string","maxLength":20},"maxItems":5}},"required":["name","age","tags"],"additionalProperties":false}}""")),
        ("one long string", Grammar.JsonSchema("""{"type":"string","minLength":4000}""")),
    ];

    public static async Task<int> Run(string path, int runs, int most)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = 1 });
        await using var engine = new Engine(model, new EngineOptions { Speculation = false });
        var prompt = Enumerable.Range(0, 32).Select(i => 100 + i).ToArray();
        var costs = s_shapes.ToDictionary(s => s.Name, _ => new List<(double Milliseconds, int Passes, int Tokens)>());
        for (var run = -1; run < runs; run++) // the first compiles the code and works the masks out
            foreach (var (name, grammar) in s_shapes)
            {
                var options = new GenerationOptions
                {
                    MaxTokens = most,
                    Temperature = 1,
                    Seed = (ulong)(run + 2),
                    IgnoreEndOfText = true,
                    Grammar = grammar
                };
                var (passes, tokens, first) = (0, 0, TimeSpan.Zero);
                await foreach (var generated in engine.GenerateAsync(prompt, options))
                {
                    // Those that were forced have no probability of the model's.
                    if (tokens++ == 0)
                        first = Now();
                    else if (grammar is null || generated.LogProb != 0)
                        passes++;
                }
                if (run >= 0)
                    costs[name].Add(((Now() - first).TotalMilliseconds, passes, tokens));
            }
        var plain = PerPass(costs["none"]);
        Console.WriteLine(
            "| shape | tokens | ms a pass | ms a token | of the speed without, a pass | a token |\n|---|---:|---:|---:|---:|---:|");
        foreach (var (name, cost) in costs)
        {
            var (pass, token) = (PerPass(cost), cost.Min(c => c.Milliseconds / c.Tokens));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {cost.Sum(c => c.Tokens)} | {pass:0.000} | {token:0.000} | {plain / pass:0.0%} | {plain / token:0.0%} |"));
        }
        return 0;

        // The least: whatever else runs on the machine only adds.
        static double PerPass(List<(double Milliseconds, int Passes, int Tokens)> cost) =>
            cost.Where(c => c.Passes > 0).Min(c => c.Milliseconds / c.Passes);

        static TimeSpan Now() => Process.GetCurrentProcess().TotalProcessorTime;
    }
}
