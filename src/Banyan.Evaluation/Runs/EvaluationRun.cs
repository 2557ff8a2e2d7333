using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;
using Banyan.Evaluation.Twins;

namespace Banyan.Evaluation.Runs;

/// <summary>
/// One model on one task.
/// <code>
/// 1 items and prompts → 2 the judge proves itself → 3 what the transcript lacks is asked, and appended → 4 answers are read and judged → result
/// </code>
/// The result is computed only from the transcript: interrupted anywhere and resumed, a run requests only what is missing and ends with
/// the same result.
/// </summary>
public sealed class EvaluationRun
{
    readonly RunPlan _plan;
    readonly EvaluatedModel _model;
    readonly ItemSet _items;
    readonly string _form;
    readonly IReadOnlyList<Question> _questions;
    readonly int _taskItems;
    readonly Judge _judge;
    readonly string? _origin;

    sealed record Question(string Item, int Sample, ItemPrompt Shown, ModelPrompt Prompt, TranscriptKey Key);

    EvaluationRun(RunPlan plan, EvaluatedModel model, Judge judge, ItemSet items, int taskItems, string form, string? origin,
        IReadOnlyList<Question> questions) =>
        (_plan, _model, _judge, _items, _taskItems, _form, _origin, _questions) =
        (plan, model, judge, items, taskItems, form, origin, questions);

    /// <summary>
    /// Reads the task's items and renders their prompts; sends no request. The judge creates twins if they are the items, and judges the
    /// run.
    /// </summary>
    public static async Task<EvaluationRun> PrepareAsync(RunPlan plan, EvaluatedModel model, Judge judge,
        CancellationToken cancellationToken = default)
    {
        plan.Validate();
        var all = await plan.Task.LoadAsync(plan.Source, judge, cancellationToken);
        var items = plan.Items is { } named ? all.Only(named) : plan.Limit is { } limit && limit < all.Ids.Count
            ? all.Only(Spread(Spreadable(plan, all), limit)) : all;
        if (items.Ids.Count == 0)
            throw new EvaluationException($"{plan.Task.Name} has no items");
        var prompts = items.Ids.ToDictionary(id => id, items.Prompt);
        var asked = prompts[items.Ids[0]].Asked;
        var kinds = await model.KindsAsync(cancellationToken);
        var form = plan.Form ?? (model as RecordedModel)?.FormOf(plan.Task.Name) ?? PromptLadder.Choose(asked, kinds, model.IsBase);
        if (!PromptLadder.Forms.Contains(form))
            throw new EvaluationException($"there is no form '{form}' of prompts; there are {string.Join(", ", PromptLadder.Forms)}");
        if (!PromptLadder.Takes(form, asked, kinds))
            throw new EvaluationException(
                $"'{model.Name}' cannot be shown {plan.Task.Name} in the form '{form}'; it can in {string.Join(", ", PromptLadder.Forms.Where(f => PromptLadder.Takes(f, asked, kinds)))}");
        var origin = await model.OriginAsync(cancellationToken);
        var questions = items.Ids.SelectMany(id =>
        {
            var prompt = form == PromptLadder.Vendor ? VendorPrompts.Write(prompts[id], model.Name) : PromptLadder.Write(prompts[id], form);
            if (prompt.Prefill is not null && !model.TakesPrefill)
                throw new EvaluationException(
                    $"the vendor's prompt begins the answer of '{model.Name}', which this service does not allow: run the model locally");
            var hash = prompt.Hash;
            return Enumerable.Range(0, plan.Samples)
                .Select(sample => new Question(id, sample, prompts[id], prompt,
                    new(model.Name, hash, plan.Sampling, sample) { Origin = origin }));
        }).ToList();
        return new(plan, model, judge, items, all.Ids.Count, form, origin, questions);
    }

    /// <summary>The estimated tokens and cost, given what the transcript already has.</summary>
    public RunEstimate Estimate(Transcript transcript)
    {
        var missing = _questions.Where(q => transcript.Find(q.Key) is null).ToList();
        var tokens = (long)missing.Sum(q => q.Prompt.Characters / CostMeter.CharactersPerToken);
        var meter = new CostMeter(_plan.Price, null, 0);
        return new(missing.Count, tokens,
            _plan.Price?.Of(tokens, (long)(missing.Count * Math.Min(CostMeter.UsualAnswerTokens, _plan.Sampling.MaxTokens))),
            _plan.Price is null ? null : missing.Sum(q => meter.Greatest(q.Prompt, _plan.Sampling.MaxTokens)), _form);
    }

    /// <summary>
    /// Runs it. Throws <see cref="EvaluationException"/> if the judge cannot be trusted or another model answers,
    /// <see cref="CostException"/> at the cost limit, <see cref="ModelException"/> if the model does not answer; earlier answers are in the
    /// transcript.
    /// </summary>
    public async Task<RunResult> RunAsync(Transcript transcript, IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        progress?.Report(new(RunStage.Proving, 0, _items.Ids.Count, null, null, null));
        await _items.PrepareAsync(_judge, cancellationToken);
        await AskAsync(transcript, progress, cancellationToken);
        var entries = _questions.Select(q => transcript.Find(q.Key)!).ToList();
        return await JudgeAsync(entries, progress, cancellationToken);
    }

    async Task AskAsync(Transcript transcript, IProgress<RunProgress>? progress, CancellationToken cancellationToken)
    {
        var all = transcript.Entries;
        var before = all.Where(e => e.RequestedModel == _model.Name && e.Origin == _origin && e.ReturnedModel.Length > 0).ToList();
        var returned = before.FirstOrDefault()?.ReturnedModel;
        foreach (var entry in before)
            ModelIdentity.Check(_model.Name, entry.ReturnedModel, returned);
        var missing = _questions.Where(q => transcript.Find(q.Key) is null).ToList();
        var meter = new CostMeter(_plan.Price, _plan.MaxCost, all.Sum(e => e.Cost ?? 0));
        var (gate, clock, done, began) = (new Lock(), Stopwatch.StartNew(), 0, meter.Spent);
        var options = new ParallelOptions
        {
            MaxDegreeOfParallelism = _plan.Requests ?? _model.Parallel,
            CancellationToken = cancellationToken
        };
        await Parallel.ForEachAsync(missing, options, async (question, _) =>
        {
            var reserved = meter.Reserve(question.Prompt, _plan.Sampling.MaxTokens);
            // Where one question fails, those under way are answered still: they are paid for.
            var answer = await AskAsync(question, cancellationToken);
            lock (gate)
            {
                if (answer.Model.Length > 0)
                {
                    ModelIdentity.Check(_model.Name, answer.Model, returned);
                    returned ??= answer.Model;
                }
                var cost = answer.Cost ?? meter.Of(question.Prompt, _plan.Sampling.MaxTokens, answer);
                meter.Settle(reserved, cost ?? 0);
                transcript.Append(Entry(question, answer, cost));
                done++;
                var left = missing.Count - done;
                progress?.Report(new(RunStage.Answering, _questions.Count - left, _questions.Count, meter.Spent,
                    meter.Spent is { } spent ? (spent - began) / done * left : null, clock.Elapsed / done * left));
            }
        });
    }

    /// <summary>A request blocked by the service's filter has no answer; the run continues and reports it.</summary>
    async Task<ModelAnswer> AskAsync(Question question, CancellationToken cancellationToken)
    {
        try
        {
            return await _model.AnswerAsync(question.Prompt, _plan.Sampling, question.Sample, cancellationToken);
        }
        catch (ModelException e) when (e.Error is { IsFiltered: true })
        {
            return new("", "") { Finish = "content_filter", PromptTokens = 0, AnswerTokens = 0 };
        }
    }

    TranscriptEntry Entry(Question question, ModelAnswer answer, decimal? cost) => new()
    {
        Task = _plan.Task.Name,
        Item = question.Item,
        Sample = question.Sample,
        Prompt = _form,
        PromptHash = question.Key.PromptHash,
        Sampling = _plan.Sampling,
        RequestedModel = _model.Name,
        Origin = _origin,
        NotAccepted = answer.NotAccepted.Count > 0 ? answer.NotAccepted : null,
        ReturnedModel = answer.Model,
        Fingerprint = answer.Fingerprint,
        Answer = answer.Text,
        Finish = answer.Finish,
        PromptTokens = answer.PromptTokens,
        AnswerTokens = answer.AnswerTokens,
        Seconds = answer.Seconds,
        Cost = cost,
        Joules = answer.Joules,
        EnergyOf = answer.EnergyOf,
        PeakMemoryBytes = answer.PeakMemoryBytes,
        At = answer.At ?? DateTimeOffset.UtcNow,
    };

    async Task<RunResult> JudgeAsync(IReadOnlyList<TranscriptEntry> entries, IProgress<RunProgress>? progress,
        CancellationToken cancellationToken)
    {
        var verdicts = new Verdict[_questions.Count];
        // Where the prompts of this model begin a thought, one that was cut off has no tag at all to be known by.
        var thinks = entries.Any(e => AnswerText.EndsThoughtOfPrompt(e.Answer));
        var (gate, clock, done) = (new Lock(), Stopwatch.StartNew(), 0);
        await _judge.ForEachAsync(Enumerable.Range(0, _questions.Count), async (i, token) =>
        {
            var answer = _items.Read(_questions[i].Item, _form, thinks && Ending(entries[i]) == AnswerEnding.CutOff
                ? AnswerText.WithoutThought(entries[i].Answer, isBegun: true) : entries[i].Answer);
            verdicts[i] = await _items.JudgeAsync(_judge, answer, token);
            lock (gate)
            {
                done++;
                progress?.Report(new(RunStage.Judging, done, _questions.Count, null, null,
                    clock.Elapsed / done * (_questions.Count - done)));
            }
        }, cancellationToken);

        var outcomes =
            _questions.Select((q, i) => new ItemOutcome(q.Item, _plan.Task.SourceProblem(q.Item), q.Sample, verdicts[i].Passed,
                verdicts[i].Reason, q.Key.PromptHash, Sha256(entries[i].Answer))
            {
                Ending = Ending(entries[i]),
                PromptTokens = entries[i].PromptTokens,
                AnswerTokens = entries[i].AnswerTokens,
                AnswerCharacters = entries[i].Answer.Length,
                Seconds = entries[i].Seconds,
                Cost = entries[i].Cost,
                Joules = entries[i].Joules,
                EnergyOf = entries[i].EnergyOf,
                PeakMemoryBytes = entries[i].PeakMemoryBytes,
            }).ToList();
        return new()
        {
            Task = _plan.Task.Name,
            Model = entries.Select(e => e.ReturnedModel).FirstOrDefault(m => m.Length > 0) ?? entries[0].RequestedModel,
            Origin = _origin,
            NotAccepted = [.. entries.SelectMany(e => e.NotAccepted ?? []).Distinct().Order(StringComparer.Ordinal)],
            RequestedModel = entries[0].RequestedModel,
            Fingerprints = [.. entries.Select(e => e.Fingerprint).OfType<string>().Distinct().Order(StringComparer.Ordinal)],
            Prompt = _form,
            Sampling = _plan.Sampling,
            SamplesPerItem = _plan.Samples,
            TaskItems = _taskItems,
            Hashes = new(_plan.Task.DataHash(_plan.Source),
                Sha256(string.Join('\n', _questions.Select(q => q.Key.PromptHash))), Harness.Version),
            Items = outcomes,
            Began = entries.Min(e => e.At),
            Ended = entries.Max(e => e.At),
        };
    }

    /// <summary>Why an answer is missing or incomplete.</summary>
    static AnswerEnding? Ending(TranscriptEntry entry) => entry.Finish?.ToUpperInvariant() switch
    {
        "CONTENT_FILTER" or "REFUSAL" or "SAFETY" or "PROHIBITED_CONTENT" or "BLOCKLIST" or "SPII" or "RECITATION" or "OTHER"
            or "LANGUAGE" => AnswerEnding.Refused,
        "LENGTH" or "CONTEXT" or "MAX_TOKENS" or "MODEL_LENGTH" or "MODEL_CONTEXT_WINDOW_EXCEEDED" => AnswerEnding.CutOff,
        _ => string.IsNullOrWhiteSpace(AnswerText.WithoutThought(entry.Answer)) ? AnswerEnding.Empty : null,
    };

    static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The items to sample from: for twins, the same problems as for the originals.</summary>
    static IReadOnlyList<string> Spreadable(RunPlan plan, ItemSet all) =>
        plan.Task is TwinTask twins ? [.. twins.Original.Load(plan.Source).Ids.Select(id => id + TwinTask.Suffix)] : all.Ids;

    /// <summary>A sample of the items, evenly spread; the same for every model.</summary>
    static HashSet<string> Spread(IReadOnlyList<string> ids, int count) =>
        [.. Enumerable.Range(0, count).Select(i => ids[(int)((long)i * ids.Count / count)])];
}
