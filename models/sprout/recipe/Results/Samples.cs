using System.Text.Json;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Results;

/// <summary>Prints what the model makes of prompts.json: each has a prefix, and a suffix where the middle is asked for.</summary>
internal static class Samples
{
    public static async Task PrintAsync(Model model, string promptsPath, int newTokens, float temperature, int seed)
    {
        await using var engine = new Engine(model);
        foreach (var prompt in JsonSerializer.Deserialize<Prompt[]>(File.ReadAllText(promptsPath), JsonSerializerOptions.Web)!)
        {
            string text = prompt.Suffix is null ? prompt.Prefix
                : $"{SpecialTokens.FimPrefix}{prompt.Prefix}{SpecialTokens.FimSuffix}{prompt.Suffix}{SpecialTokens.FimMiddle}";
            int[] tokens = model.Tokenizer.Encode(text, addSpecial: false, parseSpecial: true);
            Console.Write($"---\n{prompt.Prefix}⟦");
            await foreach (var part in engine.GenerateAsync(tokens, new GenerationOptions { MaxTokens = newTokens, Temperature = temperature, Seed = (ulong)seed }))
            {
                Console.Write(part.Text);
            }

            Console.WriteLine($"⟧{prompt.Suffix}");
        }
    }

    private sealed record Prompt(string Prefix, string? Suffix);
}
