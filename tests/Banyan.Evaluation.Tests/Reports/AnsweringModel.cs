using Banyan.Evaluation.Models;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Transcripts;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Reports;

/// <summary>A model that gives the answers of a table, by what stands in its prompt.</summary>
sealed class AnsweringModel(string name, Func<string, string> answer) : EvaluatedModel
{
    public override string Name => name;

    public override Task<IReadOnlySet<PromptKind>> KindsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<PromptKind>>(new HashSet<PromptKind> { PromptKind.Chat });

    public override Task<ModelAnswer> AnswerAsync(ModelPrompt prompt, SamplingSettings sampling, int sample,
        CancellationToken cancellationToken) =>
        Task.FromResult(new ModelAnswer(answer(prompt.Text), name)
        {
            AnswerTokens = 10,
            PromptTokens = 20,
            Seconds = 0.5,
            Joules = 1.5,
            EnergyOf = "processor and graphics cards",
            Fingerprint = "fp_1",
            At = DateTimeOffset.UnixEpoch.AddDays(20000)
        });

    /// <summary>
    /// Qwen2.5-Coder-1.5B's recorded solutions of HumanEval, and one that solves every third item as the data does, the rest not at all.
    /// </summary>
    public static (AnsweringModel Recorded, AnsweringModel Canonical) OfHumanEval()
    {
        var data = JsonLines.Parse(DataFiles.ReadText(SharedData.Path("evaluation", "HumanEvalPlus-v0.1.10.jsonl.gz")), "data")
            .Select(i => (Id: i.GetProperty("task_id").GetString()!, Prompt: i.GetProperty("prompt").GetString()!,
                Solution: i.GetProperty("canonical_solution").GetString()!)).ToList();
        var recorded = RecordedAnswers.Read(SharedData.Path("evaluation", "recorded-1.5b", "humaneval-generated.jsonl"))
            .ToDictionary(a => a.Id, a => a.Text);
        string Answer(string prompt, Func<int, string> program) =>
            $"```python\n{program(data.FindIndex(i => prompt.Contains(i.Prompt.Trim('\n'), StringComparison.Ordinal)))}\n```";
        return (new("qwen2.5-coder-1.5b", p => Answer(p, i => recorded[data[i].Id])),
            new("every-third", p => Answer(p, i => data[i].Prompt + (i % 3 == 0 ? data[i].Solution : "    return None  # <b>&\n"))));
    }
}
