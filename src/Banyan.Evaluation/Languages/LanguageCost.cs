using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Languages;

/// <summary>What a language costs with a tokenizer.</summary>
/// <param name="Language">The language and its sentences.</param>
/// <param name="Tokens">Tokens of all sentences together.</param>
/// <param name="Ratio">As a multiple of English: applies to context used, time to read and write, and price.</param>
/// <param name="Interval">95 % interval of the ratio, for other sentences of this kind (bootstrap over sentences).</param>
/// <param name="CharactersPerToken">Characters (code points) per token.</param>
public sealed record LanguageCost(LanguageSample Language, int Tokens, double Ratio, Interval Interval, double CharactersPerToken)
{
    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>Measures every language with a function that counts a text's tokens.</summary>
    public static IReadOnlyList<LanguageCost> Measure(Func<string, int> countTokens)
    {
        var english = ParallelSentences.All[0].Sentences.Select(countTokens).ToArray();
        return [.. ParallelSentences.All.Select(language =>
        {
            var tokens = language.Sentences.Select(countTokens).ToArray();
            var characters = language.Sentences.Sum(s => s.EnumerateRunes().Count());
            return new LanguageCost(language, tokens.Sum(), tokens.Sum() / (double)english.Sum(), RatioInterval(tokens, english),
                characters / (double)tokens.Sum());
        })];
    }

    /// <summary>The JSON of several tokenizers' costs.</summary>
    public static string ToJson(IReadOnlyList<(string Model, IReadOnlyList<LanguageCost> Costs)> models) => new JsonObject
    {
        ["sentences"] = ParallelSentences.All[0].Sentences.Count,
        ["models"] = new JsonArray([.. models.Select(m => new JsonObject
        {
            ["model"] = m.Model,
            ["languages"] = new JsonArray([.. m.Costs.Select(c => new JsonObject
            {
                ["code"] = c.Language.Code,
                ["language"] = c.Language.Name,
                ["tokens"] = c.Tokens,
                ["timesEnglish"] = Math.Round(c.Ratio, 4),
                ["interval"] = new JsonArray(Math.Round(c.Interval.Low, 4), Math.Round(c.Interval.High, 4)),
                ["shareOfContext"] = Math.Round(1 / c.Ratio, 4),
                ["charactersPerToken"] = Math.Round(c.CharactersPerToken, 4),
                ["bytesPerToken"] = Math.Round(c.Language.Sentences.Sum(Encoding.UTF8.GetByteCount) / (double)c.Tokens, 4),
            })]),
        })]),
    }.ToJsonString(s_indented);

    static Interval RatioInterval(int[] tokens, int[] english, int draws = 2000)
    {
        var random = new Random(1);
        var ratios = new double[draws];
        for (var d = 0; d < draws; d++)
        {
            int sum = 0, sumEnglish = 0;
            for (var i = 0; i < tokens.Length; i++)
            {
                var drawn = random.Next(tokens.Length);
                sum += tokens[drawn];
                sumEnglish += english[drawn];
            }
            ratios[d] = sum / (double)sumEnglish;
        }
        Array.Sort(ratios);
        return new(ratios[(int)(0.025 * (draws - 1))], ratios[(int)Math.Ceiling(0.975 * (draws - 1))]);
    }
}
