using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Python;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Tasks.EvalPlus;

/// <summary>
/// HumanEval infilling (Bavarian et al. 2022): a line or a span of HumanEval's solutions is missing and must be written. Scored by running
/// the whole on HumanEval's inputs, which come from HumanEval+'s data: the answer need not be the original text.
/// </summary>
sealed class InfillingTask(string name, string[] aliases, string description, string file, bool oneLine) : EvaluationTask
{
    static readonly string[] s_inputs = ["HumanEvalPlus-v0.1.10.jsonl.gz", "HumanEvalPlus.jsonl.gz",
        "HumanEvalPlus-v0.1.10.jsonl", "HumanEvalPlus.jsonl"];

    public override string Name => name;

    public override IReadOnlyList<string> Aliases => aliases;

    public override string Description => description;

    public override string Licence => "MIT (HumanEval infilling, OpenAI), Apache-2.0 (EvalPlus's inputs)";

    public override IReadOnlyList<string> DataFiles => [file, file[..^".gz".Length]];

    public override IReadOnlyList<string> Needs => [file, s_inputs[0]];

    public override string DataHash(TaskSource source) => Hash([source.Need(this), Inputs(source)]);

    string Inputs(TaskSource source) => source.Find(s_inputs)
        ?? throw new EvaluationException(
            $"{Name} is scored on HumanEval's inputs: {s_inputs[0]} is expected beside {file} (banyan eval data {Name} fetches both)");

    public override ItemSet Load(TaskSource source)
    {
        var (gaps, inputs) = (source.Need(this), Inputs(source));
        var problems = JsonLines.ParsePython(Evaluation.DataFiles.ReadText(inputs), inputs).Select(EvalPlusItem.Read)
            .ToDictionary(i => i.Id);
        return new Items(name, oneLine, [.. JsonLines.ParsePython(Evaluation.DataFiles.ReadText(gaps), gaps).Select(data =>
        {
            var id = data.Text("task_id");
            var problem = SourceProblem(id);
            return problems.TryGetValue(problem, out var whole)
                ? new Gap(id, data.Text("prompt"), data.Text("suffix"), data.Text("canonical_solution"), whole)
                : throw new EvaluationException($"{gaps}: {id} is of {problem}, which {inputs} does not have");
        })]);
    }

    /// <summary>SingleLineInfilling/HumanEval/0/L0 is of HumanEval/0.</summary>
    public override string SourceProblem(string id) => id.Split('/') is { Length: >= 3 } parts ? $"{parts[1]}/{parts[2]}" : id;

    sealed record Gap(string Id, string Before, string After, string Missing, EvalPlusItem Whole)
    {
        /// <summary>
        /// The data contains HumanEval's function, which equals HumanEval+'s except for its docstring; the data's own text is run.
        /// </summary>
        public EvalPlusItem Item => Whole with { Id = Id, Prompt = "", Canonical = Before + Missing + After, PlusInputs = [] };
    }

    sealed class Items(string task, bool oneLine, IReadOnlyList<Gap> gaps) : ItemSet
    {
        readonly Dictionary<string, Gap> _gaps = gaps.ToDictionary(g => g.Id);
        readonly EvalPlusItems _programs = new(task, plus: false, [.. gaps.Select(g => g.Item)]);

        public override IReadOnlyList<string> Ids { get; } = [.. gaps.Select(g => g.Id)];

        public override ItemSet Only(IReadOnlySet<string> ids) => new Items(task, oneLine, [.. gaps.Where(g => ids.Contains(g.Id))]);

        public override ItemText Text(string id) => new(_gaps[id].Before + _gaps[id].After, _gaps[id].Missing);

        public override ItemPrompt Prompt(string id) =>
            new(Asked.Gap, "python", _gaps[id].Before) { Suffix = _gaps[id].After, OneLine = oneLine, Entry = _gaps[id].Whole.Entry };

        public override Task PrepareAsync(Judge judge, CancellationToken cancellationToken) =>
            _programs.PrepareAsync(judge, cancellationToken);

        public override Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken)
        {
            var gap = _gaps[answer.Id];
            return _programs.JudgeAsync(judge,
                answer with { Text = answer.Whole ? answer.Text : gap.Before + answer.Text + gap.After, Whole = true }, cancellationToken);
        }
    }
}
