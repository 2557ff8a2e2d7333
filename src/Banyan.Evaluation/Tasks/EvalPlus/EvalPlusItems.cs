using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Python;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Twins;

namespace Banyan.Evaluation.Tasks.EvalPlus;

/// <summary>Judges solutions by comparing what they return with what the canonical solution returns, outside their reach.</summary>
sealed class EvalPlusItems(string task, bool plus, IReadOnlyList<EvalPlusItem> items) : ItemSet
{
    /// <summary>
    /// A call may take this many times what the canonical solution took on this machine, and at least these CPU-seconds. Twice what
    /// EvalPlus allows, because a CPU-second does less on a busy machine with shared caches and cores.
    /// </summary>
    const double TimeFactor = 8, LeastSeconds = 2;

    /// <summary>All calls together may take ten times the canonical solution's time, plus this.</summary>
    const double LeastTotalSeconds = 15;

    readonly Dictionary<string, EvalPlusItem> _items = items.ToDictionary(i => i.Id);
    IReadOnlyDictionary<string, ExpectedResult> _expected = new Dictionary<string, ExpectedResult>();

    public override IReadOnlyList<string> Ids { get; } = [.. items.Select(i => i.Id)];

    public override ItemSet Only(IReadOnlySet<string> ids) => new EvalPlusItems(task, plus, [.. items.Where(i => ids.Contains(i.Id))]);

    public override ItemText Text(string id) => new(_items[id].Prompt, _items[id].Canonical);

    /// <summary>A twin must return what its original returns.</summary>
    public override async Task PrepareAsync(Judge judge, CancellationToken cancellationToken)
    {
        var expected = await ExpectedResults.ComputeAsync(task.TrimEnd('+'), [.. items.Select(i => i.Original ?? i)],
            judge, cancellationToken);
        _expected = items.ToDictionary(i => i.Id, i => expected[(i.Original ?? i).Id]);
    }

    internal override async Task<ItemSet> TwinAsync(Judge judge, CancellationToken cancellationToken)
    {
        var wanted =
            items.Select(i => new TwinOf(i.Id, i.Entry, i.Prompt, i.Canonical, [.. i.Inputs.Select(v => v.ToLiteral())],
                plus ? int.MaxValue : i.BaseInputs.Count, [])).ToList();
        var made = await TwinMaker.FunctionsAsync(task, wanted, judge, cancellationToken);
        var twins = items.Where(i => made.ContainsKey(i.Id)).Select(i => i with
        {
            Id = i.Id + TwinTask.Suffix,
            Entry = made[i.Id].Entry,
            Prompt = made[i.Id].Prompt,
            Canonical = made[i.Id].Code,
            Original = i,
        }).ToList();
        // Right is its own solution; wrong are one with one thing changed, one that returns nothing, and the original's own, remembered.
        var known =
            twins.SelectMany(t =>
                ((IEnumerable<(RecordedAnswer, bool)>)[(new(t.Id, t.CanonicalProgram, Whole: true), true),
                    (new(t.Id, t.Original!.CanonicalProgram, Whole: true), false),
            (new(t.Id, $"def {t.Entry}(*arguments):\n    return None\n", Whole: true), false)]).Concat(
                made[t.Original!.Id].Programs.Select(p => (new RecordedAnswer(t.Id, p, Whole: true), false)))).ToList();
        return await TwinItems.ProvenAsync(task + TwinTask.Suffix, new EvalPlusItems(task, plus, twins), this, known,
            twins.ToDictionary(t => t.Id, t => made[t.Original!.Id].Changes), judge, cancellationToken);
    }

    internal override double LikelyCpuSeconds(string id) => _expected[id].CpuSeconds.Sum();

    public override ItemPrompt Prompt(string id)
    {
        var item = _items[id];
        return new(Asked.Program, "python", item.Prompt)
        {
            Entry = item.Entry,
            // MBPP's prompt is a comment, not the beginning of a function.
            Instruction = item.IsMbpp ? $"{item.Prompt.Trim().Trim('"').Trim()}\n\nThe function is called {item.Entry}." : null,
        };
    }

    public override async Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken)
    {
        var item = _items[answer.Id];
        var expected = _expected[item.Id];
        var inputs = plus ? [.. item.Inputs] : item.BaseInputs;
        var limits = expected.CpuSeconds.Select(s => Math.Max(LeastSeconds, TimeFactor * s)).ToArray();
        PythonGroup Group(IReadOnlyList<PythonValue> values, int offset) =>
            new([.. values.Select(v => v.ToLiteral())], limits[offset..(offset + values.Count)]);
        PythonGroup[] groups = plus
            ? [Group(item.BaseInputs, 0), Group(item.PlusInputs, item.BaseInputs.Count)] : [Group(item.BaseInputs, 0)];

        var right = 0;
        var reason = "";
        var job = new PythonJob(item.Program(answer), item.Entry, groups)
        {
            TotalSeconds = LeastTotalSeconds + 10 * expected.CpuSeconds.Sum(),
            AsSet = EvalPlusOracle.IsSet(item, judge.Options.AsPublished),
        };
        var end = await judge.Python.RunAsync(job, outcome =>
        {
            var index = outcome.Group * item.BaseInputs.Count + outcome.Index;
            if (outcome.Value is null)
                reason = outcome.Index < 0 ? $"{outcome.Raised} on loading" : $"{outcome.Raised} at input {index}";
            else if (index != right)
                reason = "results out of order";
            else if (!EvalPlusOracle.IsRight(item, inputs[index], outcome.Value, expected.Values[index]))
                reason = $"wrong answer at input {index}";
            else
            {
                right++;
                return true;
            }
            return false;
        }, cancellationToken);
        if (right == inputs.Count && reason.Length == 0)
            return Verdict.Right;
        return Verdict.Wrong(reason.Length > 0 ? reason : end == SandboxEnd.Exited ? $"ended at input {right}" : $"{end} at input {right}");
    }
}
