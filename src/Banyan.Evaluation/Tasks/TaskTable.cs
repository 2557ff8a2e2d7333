using Banyan.Evaluation.Tasks.BanyanMini;
using Banyan.Evaluation.Tasks.EvalPlus;
using Banyan.Evaluation.Tasks.Exercism;
using Banyan.Evaluation.Tasks.MultiPle;
using Banyan.Evaluation.Twins;

namespace Banyan.Evaluation.Tasks;

/// <summary>All tasks, by name.</summary>
public static class TaskTable
{
    const string HumanEvalLicence = "MIT (HumanEval, OpenAI), Apache-2.0 (EvalPlus)", MbppLicence =
        "CC-BY-4.0 (MBPP, Google), Apache-2.0 (EvalPlus)";

    static readonly string[] s_humanEvalFiles =
        ["HumanEvalPlus-v0.1.10.jsonl.gz", "HumanEvalPlus.jsonl.gz", "HumanEvalPlus-v0.1.10.jsonl", "HumanEvalPlus.jsonl"];
    static readonly string[] s_mbppFiles = ["MbppPlus-v0.1.0.jsonl", "MbppPlus-v0.2.0.jsonl", "MbppPlus-v0.1.0.jsonl.gz",
        "MbppPlus-v0.2.0.jsonl.gz", "MbppPlus.jsonl", "MbppPlus.jsonl.gz"];

    /// <summary>Every task.</summary>
    public static IReadOnlyList<EvaluationTask> All { get; } =
    [
        new BanyanMiniTask(),
        new EvalPlusTask("humaneval", ["human-eval", "humaneval-base"], "write a Python function from its docstring (164)",
            HumanEvalLicence, s_humanEvalFiles, plus: false),
        new EvalPlusTask("humaneval+", ["humanevalplus", "humaneval-plus", "human-eval+", "human-eval-plus"],
            "HumanEval with 80 times the tests", HumanEvalLicence, s_humanEvalFiles, plus: true),
        new EvalPlusTask("mbpp", ["mbpp-base"], "write a Python function from a sentence and one example (399)", MbppLicence,
            s_mbppFiles, plus: false),
        new EvalPlusTask("mbpp+", ["mbppplus", "mbpp-plus"], "MBPP with 35 times the tests", MbppLicence, s_mbppFiles, plus: true),
        new InfillingTask("humaneval-infilling", ["humaneval-single-line", "infilling", "single-line"],
            "write the line that is missing (1033)", "HumanEval-SingleLineInfilling.jsonl.gz", oneLine: true),
        new InfillingTask("humaneval-random-span", ["random-span"], "write the span that is missing (164)",
            "HumanEval-RandomSpanInfillingLight.jsonl.gz", oneLine: false),
        new CruxEval(predictInput: true),
        new CruxEval(predictInput: false),
        new ExercismTask(),
        new MultiPleTask(new CSharp()),
        new MultiPleTask(new JavaScript()),
        new MultiPleTask(new TypeScript()),
        new MultiPleTask(new Java()),
        new MultiPleTask(new Cpp()),
        new MultiPleTask(new Php()),
        new MultiPleTask(new Bash()),
    ];

    /// <summary>The twins of tasks that have them.</summary>
    public static IReadOnlyList<TwinTask> Twins { get; } = [.. All.Where(t => t.HasTwins).Select(t => new TwinTask(t))];

    /// <summary>
    /// The task with a name or alias, ignoring case and with '_' for '-'; throws <see cref="EvaluationException"/> that lists the names.
    /// </summary>
    public static EvaluationTask Find(string name)
    {
        if (Named(name) is { } found)
            return found;
        var wanted = Normal(name);
        if (TwinTask.OriginalOf(wanted) is { } original
            && All.FirstOrDefault(t => t.Name == original || t.Aliases.Contains(original)) is { } without)
            throw new EvaluationException($"{without.Name} has no twins; there are {string.Join(", ", Twins.Select(t => t.Name))}");
        throw new EvaluationException($"there is no task '{name}'; there are {string.Join(", ", All.Select(t => t.Name))}");
    }

    /// <summary>The source problem of an item of a score; in scores of unknown tasks, from other harnesses, each item is its own.</summary>
    internal static string SourceProblem(string task, string item) => Named(task)?.SourceProblem(item) ?? item;

    static EvaluationTask? Named(string name) =>
        Normal(name) is var wanted ? All.Concat(Twins).FirstOrDefault(t => t.Name == wanted || t.Aliases.Contains(wanted)) : null;

    static string Normal(string name) => name.Trim().ToLowerInvariant().Replace('_', '-');
}
