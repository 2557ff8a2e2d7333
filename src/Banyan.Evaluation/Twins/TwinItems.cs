using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Twins;

/// <summary>Proven twins: their own solution passes, wrong ones fail. They are judged like the items of their task.</summary>
/// <param name="twins">The items, with ids that end in <see cref="TwinTask.Suffix"/>.</param>
/// <param name="originals">The items they are twins of.</param>
/// <param name="changes">What differs in each, by its id.</param>
sealed class TwinItems(ItemSet twins, ItemSet originals, IReadOnlyDictionary<string, IReadOnlyList<string>> changes) : ItemSet
{
    public override IReadOnlyList<string> Ids => twins.Ids;

    public override ItemSet Only(IReadOnlySet<string> ids) => new TwinItems(twins.Only(ids), originals, changes);

    public override ItemText? Text(string id) => twins.Text(id);

    public override IReadOnlyList<string> Changes(string id) => changes[id];

    public override Task PrepareAsync(Judge judge, CancellationToken cancellationToken) => twins.PrepareAsync(judge, cancellationToken);

    public override ItemPrompt Prompt(string id) => twins.Prompt(id);

    public override RecordedAnswer Read(string id, string form, string answer) => twins.Read(id, form, answer);

    public override Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken) =>
        twins.JudgeAsync(judge, answer, cancellationToken);

    /// <summary>Keeps the twins that pass the proof on this machine, on known right and wrong answers of each.</summary>
    public static async Task<ItemSet> ProvenAsync(string task, ItemSet twins, ItemSet originals,
        IReadOnlyList<(RecordedAnswer Answer, bool Right)> known,
        IReadOnlyDictionary<string, IReadOnlyList<string>> changes, Judge judge, CancellationToken cancellationToken)
    {
        await twins.PrepareAsync(judge, cancellationToken);
        var unsound = await GroundTruth.UnsoundAsync(task, twins, known, judge, cancellationToken);
        return new TwinItems(twins.Only(twins.Ids.Where(id => !unsound.Contains(id)).ToHashSet()), originals, changes);
    }
}
