using System.Text;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Training;

namespace Banyan.Cli.Commands.Tune;

/// <summary>The answers to a prompt of the data before and after training.</summary>
/// <param name="Prompt">The text before the answer.</param>
/// <param name="Expected">The answer in the data.</param>
/// <param name="Before">The base's.</param>
/// <param name="After">The tuned model's.</param>
sealed record TuneSample(string Prompt, string Expected, string Before, string After)
{
    const int Most = 3, MostTokens = 96;

    /// <summary>
    /// Generates greedily with the base and the tuned model for some held-out prompts, or training prompts if none are held out.
    /// </summary>
    /// <param name="model">The base.</param>
    /// <param name="output">The run's output folder.</param>
    /// <param name="isAdapter">Whether the output is an adapter.</param>
    /// <param name="data">The run's data.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public static async Task<IReadOnlyList<TuneSample>> AskAsync(Model model, string output, bool isAdapter, TrainingData data,
        CancellationToken cancellationToken)
    {
        Sample[] texts =
            [.. new IEnumerable<Sample>[] { data.HeldOut, data.HeldOutPairs.Select(p => p.Chosen), data.Samples,
                data.Pairs.Select(p => p.Chosen) }.SelectMany(s => s).Take(Most)];
        var prompts = texts.Select(t => (Text: t, Prompt: PromptOf(t))).ToList();
        var before = await AnswersAsync(model, null, prompts, cancellationToken);
        IReadOnlyList<string> after;
        if (isAdapter)
            after = await AnswersAsync(model, model.AddAdapter("tuned", AdapterWeights.Read(output, model.Config)),
                prompts, cancellationToken);
        else
        {
            using var tuned = Model.Load(output, model.Options);
            var own = tuned.Tokenizer.Count == model.Tokenizer.Count ? prompts
                : [.. VocabularyExtension.Encode(new() { Samples = texts }, model.Tokenizer,
                    tuned.Tokenizer).Samples.Select(t => (t, PromptOf(t)))];
            after = await AnswersAsync(tuned, null, own, cancellationToken);
        }
        return [.. prompts.Select((p, i) => new TuneSample(
            model.Tokenizer.Decode(p.Text.Tokens[..p.Prompt]),
            model.Tokenizer.Decode(p.Text.Tokens[p.Prompt..End(p.Text, p.Prompt)]), before[i], after[i]))];
    }

    // Up to the first target; of plain text, whose every token is one, some beginning.
    static int PromptOf(Sample text)
    {
        var first = Array.IndexOf(text.Targets, true, Math.Min(1, text.Targets.Length));
        return first > 1 ? first : Math.Clamp(text.Tokens.Length / 4, 1, 32);
    }

    static int End(Sample text, int prompt)
    {
        var end = Array.IndexOf(text.Targets, false, prompt);
        return Math.Min(end < 0 ? text.Tokens.Length : end, prompt + MostTokens);
    }

    static async Task<IReadOnlyList<string>> AnswersAsync(Model model, ModelAdapter? adapter,
        IReadOnlyList<(Sample Text, int Prompt)> prompts, CancellationToken cancellationToken)
    {
        await using var engine = new Engine(model);
        var answers = new List<string>();
        foreach (var (text, prompt) in prompts)
        {
            var answer = new StringBuilder();
            var most = Math.Min(MostTokens, engine.ContextLength - prompt);
            if (most > 0)
                await foreach (var part in engine.GenerateAsync(text.Tokens[..prompt],
                    new GenerationOptions { Temperature = 0, MaxTokens = most, Adapter = adapter }, cancellationToken))
                    answer.Append(part.Text);
            answers.Add(answer.ToString());
        }
        return answers;
    }
}
