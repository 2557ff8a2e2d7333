using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Scoring;

/// <summary>Judges recorded answers to a task, several at once; the outcome does not depend on how many.</summary>
public static class Scorer
{
    /// <summary>
    /// Judges all answers. Ids are matched exactly; an answer to an unknown item is an <see cref="EvaluationException"/>, an item without
    /// an answer counts as failed, with that reason.
    /// </summary>
    public static async Task<Score> ScoreAsync(EvaluationTask task, ItemSet items, IReadOnlyList<RecordedAnswer> answers, Judge judge,
        IProgress<(int Done, int Of)>? progress = null, CancellationToken cancellationToken = default)
    {
        var known = items.Ids.ToHashSet();
        var unknown = answers.Where(a => !known.Contains(a.Id)).Select(a => a.Id).Distinct().ToList();
        if (unknown.Count > 0)
            throw new EvaluationException(
                $"{unknown.Count} answers are to items that {task.Name} does not have, e.g. '{unknown[0]}' (its items are like '{items.Ids[0]}'): is this the right task, and its right version?");

        await items.PrepareAsync(judge, cancellationToken);
        var byId = answers.ToLookup(a => a.Id);
        var work = items.Ids.SelectMany(id => byId[id].Select((answer, sample) => (Answer: answer, Sample: sample)))
            .OrderByDescending(w => items.LikelyCpuSeconds(w.Answer.Id)).ToList();
        var verdicts = new Dictionary<(string, int), Verdict>();
        await judge.ForEachAsync(work, async (one, token) =>
        {
            var verdict = await items.JudgeAsync(judge, one.Answer, token);
            lock (verdicts)
            {
                verdicts[(one.Answer.Id, one.Sample)] = verdict;
                progress?.Report((verdicts.Count, work.Count));
            }
        }, cancellationToken);

        return new(task.Name, [.. items.Ids.SelectMany(id => byId[id].Any()
            ? byId[id].Select((_, sample) => verdicts[(id, sample)] is var v ? new ItemScore(id, sample, v.Passed, v.Reason) : null!)
            : [new ItemScore(id, 0, false, "no answer")])]);
    }
}
