using System.Globalization;
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
        int number = 0;
        foreach (var prompt in JsonSerializer.Deserialize<Prompt[]>(File.ReadAllText(promptsPath), JsonSerializerOptions.Web)!)
        {
            string text = prompt.Suffix is null ? prompt.Prefix
                : $"{SpecialTokens.FimPrefix}{prompt.Prefix}{SpecialTokens.FimSuffix}{prompt.Suffix}{SpecialTokens.FimMiddle}";
            int[] tokens = model.Tokenizer.Encode(text, addSpecial: false, parseSpecial: true);
            string drawn = temperature > 0 ? string.Create(CultureInfo.InvariantCulture, $", temperature {temperature}") : "";
            Console.Write($"── {++number}{drawn}\n{prompt.Prefix}⟦");
            await foreach (var part in engine.GenerateAsync(tokens, new GenerationOptions { MaxTokens = newTokens, Temperature = temperature, Seed = (ulong)seed }))
            {
                Console.Write(part.Text);
            }

            Console.WriteLine($"⟧{prompt.Suffix}");
        }
    }

    private sealed record Prompt(string Prefix, string? Suffix);
}
