using Banyan.Evaluation.Python;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks;

/// <summary>
/// CRUXEval: say what a short Python function returns for an input (output), or find an input for which it returns a value (input).
/// The answer is a Python expression; it is evaluated beside the function, and its value compared outside.
/// </summary>
sealed class CruxEval(bool predictInput) : EvaluationTask
{
    public override string Name => predictInput ? "cruxeval-input" : "cruxeval-output";

    public override IReadOnlyList<string> Aliases =>
        predictInput ? ["cruxeval-i", "crux-input", "crux-i", "cruxeval/input"] : ["cruxeval-o", "crux-output", "crux-o", "cruxeval/output"];

    public override string Description => predictInput ? "find an input that makes a function return a value (800)" : "predict what a function returns (800)";

    public override string Licence => "MIT (CRUXEval, Meta)";

    public override IReadOnlyList<string> DataFiles => ["cruxeval.jsonl", "cruxeval.jsonl.gz"];

    public override ItemSet Load(TaskSource source)
    {
        var file = source.Need(this);
        var text = Evaluation.DataFiles.ReadText(file);
        return new Items(predictInput, JsonLines.ParsePython(text, file).Select(d => new Item(d.Text("id"), d.Text("code"), d.Text("input"), d.Text("output"))).ToList());
    }

    sealed record Item(string Id, string Code, string Input, string Output);

    sealed class Items(bool predictInput, List<Item> items) : ItemSet
    {
        /// <summary>CPU-seconds: the functions take microseconds.</summary>
        const double LimitSeconds = 3;

        /// <summary>What Python 3.8 lacks and the data uses.</summary>
        static readonly string[] s_laterMethods = ["removeprefix", "removesuffix"];

        readonly Dictionary<string, Item> _items = items.ToDictionary(i => i.Id);

        public override IReadOnlyList<string> Ids { get; } = [.. items.Select(i => i.Id)];

        public override ItemSet Only(IReadOnlySet<string> ids) => new Items(predictInput, [.. items.Where(i => ids.Contains(i.Id))]);

        /// <summary>The function is the statement; the value it takes or gives is the solution's.</summary>
        public override ItemText Text(string id) => new($"assert f({_items[id].Input}) == {_items[id].Output}\n", _items[id].Code);

        /// <summary>A few of the data's own answers must be right, and wrong ones wrong.</summary>
        public override async Task PrepareAsync(Judge judge, CancellationToken cancellationToken)
        {
            foreach (var item in items.Take(3))
            {
                var right = await JudgeAsync(judge, new(item.Id, predictInput ? $"f({item.Input})" : item.Output, false), cancellationToken);
                var wrong = await JudgeAsync(judge, new(item.Id, predictInput ? "f" : "'wrong'", false), cancellationToken);
                if (!right.Passed || wrong.Passed)
                    throw new EvaluationException($"the judge is wrong here: {item.Id}'s own answer {(right.Passed ? "is right, but so is a wrong one" : $"fails ({right.Reason})")}");
            }
        }

        public override async Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken)
        {
            var item = _items[answer.Id];
            var expression = answer.Text.Trim();
            if (predictInput && !expression.Contains("f(", StringComparison.Ordinal))
                return Verdict.Wrong("no call of f");
            if (!predictInput && expression.Contains($"f({item.Input})", StringComparison.Ordinal))
                return Verdict.Wrong("calls f instead of predicting");

            PythonOutcome? value = null, expected = null;
            // The data's own value is written as Python would, so Python reads it, in a group of its own that is done before the answer is seen.
            var job = new PythonJob(item.Code, null, [new([item.Output], [LimitSeconds]), new([expression], [LimitSeconds])])
            {
                DefineSeconds = LimitSeconds,
                TotalSeconds = 3 * LimitSeconds,
                Without = judge.Options.AsPublished ? s_laterMethods : [],
            };
            var end = await judge.Python.RunAsync(job, outcome =>
            {
                if (outcome.Group == 0)
                    expected ??= outcome;
                else
                    value ??= outcome;
                return value is null;
            }, cancellationToken);
            if (expected?.Value is not { } gold)
                throw new EvaluationException($"{item.Id}: its own output {item.Output} cannot be evaluated here ({expected?.Raised ?? end.ToString()})");
            return value switch
            {
                { Value: { } found } => PythonEquality.Instance.Equals(found, gold) ? Verdict.Right : Verdict.Wrong("wrong answer"),
                { Raised: { } error } => Verdict.Wrong(error.Trim('\'')),
                _ => Verdict.Wrong(end == SandboxEnd.Exited ? "ended without a value" : end.ToString()),
            };
        }
    }
}
