using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Banyan.Evaluation.Data;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Tasks.Exercism;

/// <summary>
/// Exercism's practice exercises in C#: a file described in words, judged by Exercism's own tests. Exercises that need packages beyond .NET
/// are left out; the others are those whose own solutions pass here.
/// </summary>
sealed class ExercismTask : EvaluationTask
{
    /// <summary>Exercises to improve an already correct program: returning it unchanged would pass.</summary>
    static readonly string[] s_refactoring = ["ledger", "markdown", "tree-building"];

    public override string Name => "exercism-cs";

    public override IReadOnlyList<string> Aliases => ["exercism", "exercism-csharp"];

    public override string Description => "write a C# file from a page of instructions (135)";

    public override string Licence => "MIT (Exercism)";

    public override IReadOnlyList<string> DataFiles => [DataSources.ExercismFolder];

    public override ItemSet Load(TaskSource source) =>
        new Items([.. Folders(source).Where(f => !s_refactoring.Contains(Path.GetFileName(f))).Select(Exercise.Read).OfType<Exercise>()]);

    /// <summary>Of what is used: the same of a clone as of what was fetched.</summary>
    public override string DataHash(TaskSource source) => FolderHash.Of(Repository(source), Exercise.Uses).Sha256;

    List<string> Folders(TaskSource source) =>
        [.. Directory.GetDirectories(Path.Combine(Repository(source), "exercises", "practice")).Order(StringComparer.Ordinal)];

    /// <summary>The repository's own layout, in the data folder or in a folder of it.</summary>
    string Repository(TaskSource source) =>
        ((string[])[DataSources.ExercismFolder, "csharp", "."]).Select(f => Path.Combine(source.Folder, f))
        .FirstOrDefault(f => Directory.Exists(Path.Combine(f, "exercises", "practice")))
            ?? throw new EvaluationException(
                $"no data of {Name} in {Path.GetFullPath(source.Folder)}: the repository exercism/csharp is expected there, with its folder exercises/practice (banyan eval data {Name} fetches it; or git clone https://github.com/exercism/csharp {DataSources.ExercismFolder})");

    sealed class Items(IReadOnlyList<Exercise> exercises) : ItemSet
    {
        readonly Dictionary<string, Exercise> _exercises = exercises.ToDictionary(e => e.Name);

        public override IReadOnlyList<string> Ids { get; } = [.. exercises.Select(e => e.Name)];

        public override ItemSet Only(IReadOnlySet<string> ids) => new Items([.. exercises.Where(e => ids.Contains(e.Name))]);

        public override ItemText Text(string id) => new(_exercises[id].Instructions + "\n" + _exercises[id].Stub, _exercises[id].Example);

        public override ItemPrompt Prompt(string id) =>
            new(Asked.File, "csharp", _exercises[id].Stub) { Instruction = _exercises[id].Instructions };

        /// <summary>Every example passes, and every file as it was given, with nothing written, fails.</summary>
        public override Task PrepareAsync(Judge judge, CancellationToken cancellationToken) => GroundTruth.ProveAsync("exercism-cs", this,
            [.. exercises.SelectMany(e => ((RecordedAnswer, bool)[])[(new(e.Name, e.Example, Whole: true), true),
                (new(e.Name, e.Stub, Whole: true), false)])], judge, cancellationToken);

        /// <summary>The blocks that declare what the file must declare; all of them, if it is written in pieces.</summary>
        public override RecordedAnswer Read(string id, string form, string answer)
        {
            var text = AnswerText.WithoutThought(answer);
            var blocks = MarkdownFences.Read(form == PromptLadder.Fenced ? "```csharp\n" + text : text).Select(b => b.Text).ToList();
            if (blocks.Count == 0)
                blocks = [.. MarkdownFences.Read(text, nested: true).Select(b => b.Text)];
            if (form == PromptLadder.Fenced)
                blocks = [.. blocks.Take(1)]; // what a base model writes after its file is no part of it
            var types = _exercises[id].Types;
            var whole =
                blocks.LastOrDefault(b =>
                    types.All(t => Regex.IsMatch(b, $@"\b(class|struct|record|enum|interface)\s+{Regex.Escape(t)}\b")));
            return new(id, whole ?? (blocks.Count > 0 ? string.Join('\n', blocks) : text), Whole: true);
        }

        public override Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken)
        {
            var exercise = _exercises[answer.Id];
            return new ExerciseLanguage(exercise).JudgeAsync(judge, answer.Text.Replace('\0', ' '), exercise.Tests, cancellationToken);
        }
    }
}
