using System.Text.Json;
using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Training;

/// <summary>Prints what the model makes of prompts.json: each has a prefix, and a suffix where the middle is asked for.</summary>
internal static class SampleReport
{
    public static void Print(Sampler sampler, BpeTokenizer tokenizer, string promptsPath, int newTokens, double temperature, int seed)
    {
        foreach (var prompt in JsonSerializer.Deserialize<Prompt[]>(File.ReadAllText(promptsPath), JsonSerializerOptions.Web)!)
        {
            string text = prompt.Suffix is null
                ? sampler.Continue(tokenizer.Encode(prompt.Prefix), newTokens, temperature, seed)
                : sampler.Fill(prompt.Prefix, prompt.Suffix, newTokens, temperature, seed);
            Console.WriteLine($"---\n{prompt.Prefix}⟦{text}⟧{prompt.Suffix}");
        }
    }

    private sealed record Prompt(string Prefix, string? Suffix);
}
