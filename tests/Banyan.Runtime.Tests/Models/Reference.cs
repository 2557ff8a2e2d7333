using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Models;

/// <summary>
/// A *.reference.json: prompts, the tokens that follow, and the ten highest log-probabilities of every step, from float64.
/// </summary>
sealed record Reference(string Model, IReadOnlyList<Reference.Run> Runs)
{
    public sealed record Run(int[] Prompt, Step[] Steps);

    public sealed record Step(int Token, TokenLogProb[] Top);

    /// <summary>Every model that has a reference.</summary>
    public static readonly string[] All =
    [
        "stories260K", "llama-tiny-F16", "llama-tiny-Q4_K_M", "llama-tiny-Q8_0", "qwen2-tiny-f32", "qwen2-tiny-F16",
        "qwen2-tiny-Q4_0", "qwen2-tiny-Q4_K_M",
        "qwen2-tiny-Q5_0", "qwen2-tiny-Q6_K", "qwen2-tiny-Q8_0", "qwen3-tiny-F16", "qwen3-tiny-Q8_0", "qwen3moe-tiny-F16",
        "qwen3moe-tiny-Q8_0", "families/llama3",
        "families/smollm3", "families/olmo2", "families/olmo3", "families/lfm2", "families/gemma3", "families/phi3",
        "families/granite", "families/granitemoe",
        "families/mixtral", "families/ernie4_5", "families/ernie4_5-moe", "families/qwen2moe", "families/hunyuan-dense",
        "families/hunyuan-moe", "families/glm4moe",
        "families/qwen35", "families/qwen35moe", "families/qwen3next", "families/gemma2", "families/gemma4", "families/gemma4moe",
        "families/gpt-oss", "families/granitehybrid",
        "families/nemotron_h", "families/nemotron_h_moe", "families/falcon-h1", "families/deepseek2", "families/deepseek2-lite",
        "families/cohere2", "families/muse-glimmer",
        "families/llama4", "families/minimax-m2", "families/mistral3", "families/qwen3vl", "families/qwen3vlmoe", "families/lfm2moe",
    ];

    /// <summary>One of each weight format that has kernels of its own, and of each kind of mixer and feed-forward.</summary>
    public static readonly string[] FormatsAndKinds =
    [
        "stories260K", "llama-tiny-F16", "qwen2-tiny-Q4_0", "qwen2-tiny-Q4_K_M", "qwen2-tiny-Q5_0", "qwen2-tiny-Q8_0", "qwen3moe-tiny-Q8_0",
        "families/lfm2", "families/gemma3",
        "families/olmo3",
    ];

    public static string Path(string model) => SharedData.Path("models", $"{model}.gguf");

    public static Reference Load(string model) =>
        new(model, [.. JsonNode.Parse(File.ReadAllText(SharedData.Path("models", $"{model}.reference.json")))!["runs"]!.AsArray()
        .Select(run => new Run([.. run!["prompt_tokens"]!.AsArray().Select(t => (int)t!)],
            [.. run["steps"]!.AsArray().Select(s => new Step((int)s!["token"]!,
                [.. s["top"]!.AsArray().Select(t => new TokenLogProb((int)t![0]!, (float)t[1]!))]))]))]);

    /// <summary>
    /// Walks the reference's own tokens through the model, all runs side by side, at most <paramref name="chunk"/> tokens of each in a
    /// pass, and returns how far each log-probability of each step is off.
    /// </summary>
    public static List<float> Differences(Model model, IReadOnlyList<Run> runs, int chunk)
    {
        using var cache = new KvCache(model, runs.Sum(r => r.Prompt.Length + r.Steps.Length + 64));
        var batch = new Batch(chunk * runs.Count);
        using var forward = new Forward(model, cache, batch.Capacity, runs.Count);
        var walks =
            runs.Select(r => (Run: r, Tokens: (int[])[.. r.Prompt, .. r.Steps.Select(s => s.Token)],
                Sequence: new Sequence(cache, r.Prompt.Length + r.Steps.Length))).ToList();
        var differences = new List<float>();
        while (walks.Count > 0)
        {
            batch.Clear();
            var wanted = new List<(int Index, Step Step)>();
            foreach (var (run, tokens, sequence) in walks)
            {
                // Up to the prompt's end in chunks, then a token a step.
                var count = Math.Min(chunk, Math.Max(1, run.Prompt.Length - sequence.Length));
                var step = sequence.Length + count - run.Prompt.Length;
                Assert.True(sequence.TryReserve(sequence.Length + count));
                var index = batch.Add(sequence, tokens.AsSpan(sequence.Length, count), logits: step >= 0 ? 1 : 0);
                if (index >= 0)
                    wanted.Add((index, run.Steps[step]));
            }
            forward.Run(batch);
            foreach (var (index, step) in wanted)
            {
                var logits = forward.Result(index);
                var normalizer = Distribution.LogSumExp(logits);
                foreach (var (token, expected) in step.Top)
                    differences.Add(MathF.Abs((float)(logits[token] - normalizer) - expected));
            }
            for (var i = walks.Count - 1; i >= 0; i--)
            {
                var (run, tokens, sequence) = walks[i];
                var count = Math.Min(chunk, Math.Max(1, run.Prompt.Length - sequence.Length));
                sequence.Advance(sequence.Length + count, tokens);
                if (sequence.Length == tokens.Length - 1)
                    walks.RemoveAt(i);
            }
        }
        return differences;
    }
}
