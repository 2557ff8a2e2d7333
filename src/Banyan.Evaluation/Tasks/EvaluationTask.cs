using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;

namespace Banyan.Evaluation.Tasks;

/// <summary>A benchmark: its items and how an answer to one is judged. A new one is a class and a row in <see cref="TaskTable"/>.</summary>
public abstract class EvaluationTask
{
    /// <summary>The name users type, e.g. <c>humaneval+</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Other names it is known by.</summary>
    public virtual IReadOnlyList<string> Aliases => [];

    /// <summary>What it measures, in one line.</summary>
    public abstract string Description { get; }

    /// <summary>Its data's licence, and who made it.</summary>
    public abstract string Licence { get; }

    /// <summary>Possible names of its data file in the data folder, the usual one first.</summary>
    public abstract IReadOnlyList<string> DataFiles { get; }

    /// <summary>The files that a run needs, downloaded if missing; none if the task ships.</summary>
    public virtual IReadOnlyList<string> Needs => DataFiles.Count > 0 ? [DataFiles[0]] : [];

    /// <summary>Reads the items. Throws <see cref="EvaluationException"/> if the data is missing or malformed.</summary>
    public abstract ItemSet Load(TaskSource source);

    /// <summary>Reads the items; some tasks' items are created with a judge (<see cref="Twins.TwinTask"/>).</summary>
    public virtual Task<ItemSet> LoadAsync(TaskSource source, Judge judge, CancellationToken cancellationToken = default) =>
        Task.FromResult(Load(source));

    /// <summary>The source problem of an item, or the item itself if it shares none; standard errors are clustered by it.</summary>
    public virtual string SourceProblem(string id) => id;

    /// <summary>Whether its items have twins, <c>NAME~twin</c>.</summary>
    public virtual bool HasTwins => false;

    /// <summary>SHA-256 of the data on disk, in hexadecimal.</summary>
    public virtual string DataHash(TaskSource source) => Hash([source.Need(this)]);

    /// <summary>SHA-256 of one file; of several, of their hashes.</summary>
    protected static string Hash(IReadOnlyList<string> files)
    {
        var hashes = files.Select(file =>
        {
            using var stream = File.OpenRead(file);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }).ToList();
        return hashes.Count == 1 ? hashes[0] : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(hashes))));
    }
}

/// <summary>Where a task finds its data.</summary>
/// <param name="Folder">The data folder.</param>
/// <param name="RecordedFile">The file of recorded answers being scored: some tasks' data is beside or within it.</param>
public sealed record TaskSource(string Folder, string? RecordedFile = null)
{
    /// <summary>The first of a task's data files, or folders, that exists.</summary>
    public string? Find(IEnumerable<string> names) => names.Select(name => Path.Combine(Folder, name)).FirstOrDefault(Path.Exists);

    /// <summary>The same, or an <see cref="EvaluationException"/> that names what is missing.</summary>
    public string Need(EvaluationTask task) => Find(task.DataFiles)
        ?? throw new EvaluationException(
            $"no data of {task.Name} in {Path.GetFullPath(Folder)}: {string.Join(" or ", task.DataFiles)} is expected there (--data DIR names the folder)");
}

/// <summary>The items of a task, in the order of its data.</summary>
public abstract class ItemSet
{
    /// <summary>All items' ids.</summary>
    public abstract IReadOnlyList<string> Ids { get; }

    /// <summary>The same judge for a subset of the items.</summary>
    public abstract ItemSet Only(IReadOnlySet<string> ids);

    /// <summary>
    /// CPU-seconds that judging an answer to an item is likely to take, known once prepared: the longest start first, so that none delays
    /// the end.
    /// </summary>
    internal virtual double LikelyCpuSeconds(string id) => 0;

    /// <summary>An item's text and its canonical solution; null if unknown.</summary>
    public virtual ItemText? Text(string id) => null;

    /// <summary>
    /// Prepares for judging: computes expected results and proves that the judge can tell right from wrong on this machine. Throws
    /// <see cref="EvaluationException"/> when a canonical solution fails or a wrong one passes.
    /// </summary>
    public abstract Task PrepareAsync(Judge judge, CancellationToken cancellationToken);

    /// <summary>What differs in an item that is a twin; empty if it is not one.</summary>
    public virtual IReadOnlyList<string> Changes(string id) => [];

    /// <summary>Twins of the items, proven by the judge.</summary>
    internal virtual Task<ItemSet> TwinAsync(Judge judge, CancellationToken cancellationToken) =>
        throw new NotSupportedException("these items have no twins");

    /// <summary>An item as the task states it.</summary>
    public abstract ItemPrompt Prompt(string id);

    /// <summary>The part of a model's answer to judge, given the form of its prompt.</summary>
    public virtual RecordedAnswer Read(string id, string form, string answer) => AnswerReader.Read(Prompt(id), form, id, answer);

    /// <summary>Judges one answer.</summary>
    public abstract Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken);
}

/// <summary>Whether an answer is right, and the observed outcome.</summary>
/// <param name="Passed">Whether it is right.</param>
/// <param name="Reason">In a few words: "passed", "wrong answer at input 3", "SyntaxError", "CPU limit" …</param>
public readonly record struct Verdict(bool Passed, string Reason)
{
    /// <summary>Right.</summary>
    public static Verdict Right { get; } = new(true, "passed");

    /// <summary>Wrong, and why.</summary>
    public static Verdict Wrong(string reason) => new(false, reason);
}
