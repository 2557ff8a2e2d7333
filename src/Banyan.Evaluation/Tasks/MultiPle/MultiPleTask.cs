using System.Text.Json;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Tasks.MultiPle;

/// <summary>MultiPL-E: HumanEval translated to another language, with its tests.</summary>
sealed class MultiPleTask(ProgramLanguage language) : EvaluationTask
{
    public override string Name => $"multipl-e-{language.Code}";

    public override IReadOnlyList<string> Aliases =>
        [.. language.Aliases.Append(language.Code)
            .SelectMany(a => (string[])[$"multipl-e-{a}", $"multiple-{a}", $"humaneval-{a}", $"multipl-e/{a}", $"multipl-e:{a}"])
            .Where(a => a != Name)];

    public override string Description => $"HumanEval in {language.Title} ({language.Count})";

    public override string Licence => "BSD-3-Clause, not for training models (MultiPL-E)";

    public override IReadOnlyList<string> DataFiles =>
        [.. ((string[])[$"multipl-e-humaneval-{language.Code}.jsonl", $"humaneval-{language.Code}.jsonl"]).SelectMany(f =>
            (string[])[f, f + ".gz"])];

    public override ItemSet Load(TaskSource source) =>
        new Items(this, language.On(source), source.Find(DataFiles) is { } file ? FromData(file) : FromDetails(source));

    static List<Item> FromData(string file) => [.. JsonLines.Parse(Evaluation.DataFiles.ReadText(file), file).Select(line =>
    {
        string Text(string name) => line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()!
            : throw new EvaluationException($"{file}: an item has no '{name}'");
        return new Item(Text("name"), Text("prompt"), Text("tests"));
    })];

    /// <summary>HumanEval_23_strlen in any language is one problem.</summary>
    public override string SourceProblem(string id) => string.Join('/', id.Split('_').Take(2));

    /// <summary>If the task's data is missing but a harness kept the programs it ran, the tests are the part after the answer.</summary>
    List<Item> FromDetails(TaskSource source)
    {
        var recorded = source.RecordedFile;
        var folder = recorded is null ? source.Folder : Path.GetDirectoryName(Path.GetFullPath(recorded))!;
        var details = Path.Combine(folder, $"multipl-e-{language.Code}-details.json");
        var predictions = Path.Combine(folder, $"multipl-e-{language.Code}-pred.jsonl");
        if (!File.Exists(details) || !File.Exists(predictions))
            source.Need(this); // says what is missing
        var answers = RecordedAnswers.Read(predictions).ToLookup(a => a.Id);
        var items = new List<Item>();
        foreach (var ran in RecordedAnswers.Read(details).DistinctBy(a => a.Id))
        {
            var answer = answers[ran.Id].FirstOrDefault()
                ?? throw new EvaluationException($"{predictions} has no answer to {ran.Id}, so its tests cannot be told from it");
            var at = ran.Program!.IndexOf(answer.Text, StringComparison.Ordinal);
            if (at < 0)
                throw new EvaluationException($"{details}: the program of {ran.Id} does not hold the answer in {predictions}");
            var tests = ran.Program[(at + answer.Text.Length)..];
            items.Add(new(ran.Id, "", tests.EndsWith("?>", StringComparison.Ordinal) ? tests[..^2] : tests));
        }
        return items;
    }

    sealed record Item(string Id, string Prompt, string Tests);

    sealed class Items(EvaluationTask task, ProgramLanguage language, List<Item> items) : ItemSet
    {
        readonly Dictionary<string, Item> _items = items.ToDictionary(i => i.Id);

        public override IReadOnlyList<string> Ids { get; } = [.. items.Select(i => i.Id)];

        public override ItemSet Only(IReadOnlySet<string> ids) => new Items(task, language, [.. items.Where(i => ids.Contains(i.Id))]);

        public override ItemText Text(string id) => new(_items[id].Prompt, null);

        /// <summary>MultiPL-E has no solutions: the bare prompt must fail (except for PHP's strlen, which is built in).</summary>
        public override async Task PrepareAsync(Judge judge, CancellationToken cancellationToken)
        {
            await language.ProveAsync(judge, cancellationToken);
            await GroundTruth.ProveAsync(task.Name, this,
                [.. items.Where(i => i.Id != "HumanEval_23_strlen").Take(3)
                    .Select(i => (new RecordedAnswer(i.Id, i.Prompt, Whole: true), false))], judge, cancellationToken);
        }

        public override ItemPrompt Prompt(string id)
        {
            var item = _items[id];
            if (item.Prompt.Length == 0)
                throw new EvaluationException(
                    $"{task.Name}: only a harness's recorded programs are there, which score recorded answers; a model needs the prompts of {task.DataFiles[0]}");
            return new(Asked.Program, language.Fence, item.Prompt) { Entry = language.Entry(item.Prompt) };
        }

        public override async Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken)
        {
            var item = _items[answer.Id];
            var generation = answer.Whole ? answer.Text : item.Prompt + answer.Text;
            var tests = answer.Balanced ? language.AfterBalanced(item.Tests) : item.Tests;
            var verdict = await language.JudgeAsync(judge, language.Solution(generation, answer.Uncut), tests, cancellationToken);
            // What else a model went on to write may not compile; then its function is judged as it was cut.
            return !verdict.Passed && answer.Uncut is not null && verdict.Reason.StartsWith("does not compile", StringComparison.Ordinal)
                ? await language.JudgeAsync(judge, language.Solution(generation, null), tests, cancellationToken)
                : verdict;
        }
    }
}
