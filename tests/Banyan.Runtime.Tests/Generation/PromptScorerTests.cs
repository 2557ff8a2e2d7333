using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Generation;

public class PromptScorerTests
{
    [Fact]
    public async Task A_text_has_the_probabilities_it_was_generated_with()
    {
        using var model = Model.Load(SharedData.Path("models", "stories260K.gguf"),
            new ModelOptions { Threads = 1, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        await using var engine = new Engine(model);
        var prompt = model.Tokenizer.Encode("Once upon a time");
        var generated = new List<Generated>();
        await foreach (var step in engine.GenerateAsync(prompt,
            new GenerationOptions { Temperature = 0, MaxTokens = 100, TopLogprobs = 2, IgnoreEndOfText = true }))
            generated.Add(step);
        // Longer than a pass.
        var scored = PromptScorer.Score(model, [.. prompt, .. generated.Select(g => g.Token!.Value)], top: 2);
        Assert.Null(scored[0].LogProb);
        Assert.Equal(prompt.Length + 100, scored.Count);
        foreach (var (was, now) in generated.Zip(scored.Skip(prompt.Length)))
        {
            Assert.Equal(was.Token, now.Token);
            Assert.Equal(was.LogProb, now.LogProb!.Value, 1e-3);
            Assert.Equal(was.TopLogProbs[0].Token, now.Top[0].Token);
        }
        Assert.Contains("between 1 and", Assert.Throws<ArgumentException>(() => PromptScorer.Score(model, [])).Message);
        Assert.Contains("99999", Assert.Throws<ArgumentException>(() => PromptScorer.Score(model, [1, 99999])).Message);
    }
}
