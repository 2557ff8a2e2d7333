using Banyan.Runtime.Models;
using Banyan.Tests;

namespace Banyan.Training.Tests.Passes;

/// <summary>One tiny model a family that can be trained, and samples of its tokens.</summary>
static class TinyModels
{
    public static TheoryData<string> All => ["qwen2-tiny-f32", "qwen3-tiny-F16", "llama-tiny-F16", "stories260K", "qwen3moe-tiny-F16",
        "families/smollm3", "families/olmo2", "families/olmo3", "families/gemma3", "families/granite", "families/llama3", "families/phi3"];

    public static Model Load(string name, int threads = 2) => Model.Load(
        SharedData.Path(["models", .. $"{name}.gguf".Split('/')]),
        new ModelOptions { Threads = threads, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });

    /// <summary>Random tokens; about two of three are targets.</summary>
    public static Sample Sample(Model model, int length, int seed)
    {
        var random = new Random(seed);
        return new Sample(
            [.. Enumerable.Range(0, length).Select(_ => random.Next(3, model.Config.VocabularySize))],
            [.. Enumerable.Range(0, length).Select(_ => random.Next(3) > 0)]);
    }
}
