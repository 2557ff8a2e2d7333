using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Twins;

/// <summary>
/// A task's items with other names, words and examples. A model that can solve the one can solve the other; one that only remembers it
/// cannot. Named <c>TASK~twin</c>.
/// </summary>
public sealed class TwinTask : EvaluationTask
{
    /// <summary>The suffix of a twin's task name or item id.</summary>
    public const string Suffix = "~twin";

    internal TwinTask(EvaluationTask original) => Original = original;

    /// <summary>The task whose twins these are.</summary>
    public EvaluationTask Original { get; }

    /// <inheritdoc/>
    public override string Name => Original.Name + Suffix;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Aliases => [.. Original.Aliases.Select(a => a + Suffix)];

    /// <inheritdoc/>
    public override string Description => $"{Original.Name} in other names, words and examples";

    /// <inheritdoc/>
    public override string Licence => Original.Licence;

    /// <inheritdoc/>
    public override IReadOnlyList<string> DataFiles => Original.DataFiles;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Needs => Original.Needs;

    /// <inheritdoc/>
    public override string SourceProblem(string id) => Original.SourceProblem(OriginalOf(id) ?? id);

    /// <summary>The twins' hash: of the original data and of the generator.</summary>
    public override string DataHash(TaskSource source) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{Original.DataHash(source)} {TwinMaker.Version}")));

    /// <summary>Twins are created and proven in the sandbox: see <see cref="LoadAsync"/>.</summary>
    public override ItemSet Load(TaskSource source) =>
        throw new EvaluationException($"{Name} is made in the sandbox when a run or score needs it; here, {Original.Name} is meant");

    /// <inheritdoc/>
    public override async Task<ItemSet> LoadAsync(TaskSource source, Judge judge, CancellationToken cancellationToken = default) =>
        await Original.Load(source).TwinAsync(judge, cancellationToken);

    /// <summary>The name of the original task or item; null if this is not a twin's name.</summary>
    public static string? OriginalOf(string name) => name.EndsWith(Suffix, StringComparison.Ordinal) ? name[..^Suffix.Length] : null;
}
