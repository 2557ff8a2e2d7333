using System.Text.RegularExpressions;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Python;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Twins;

namespace Banyan.Evaluation.Tasks;

/// <summary>
/// CRUXEval: say what a short Python function returns for an input (output), or find an input for which it returns a value (input). The
/// answer is a Python expression; it is evaluated beside the function, and its value is compared outside.
/// </summary>
sealed partial class CruxEval(bool predictInput) : EvaluationTask
{
    public override string Name => predictInput ? "cruxeval-input" : "cruxeval-output";

    public override IReadOnlyList<string> Aliases =>
        predictInput ? ["cruxeval-i", "crux-input", "crux-i", "cruxeval/input"]
        : ["cruxeval-o", "crux-output", "crux-o", "cruxeval/output"];

    public override string Description => predictInput ? "find an input that makes a function return a value (800)"
        : "predict what a function returns (800)";

    public override string Licence => "MIT (CRUXEval, Meta)";

    public override IReadOnlyList<string> DataFiles => ["cruxeval.jsonl", "cruxeval.jsonl.gz"];

    public override ItemSet Load(TaskSource source)
    {
        var file = source.Need(this);
        var text = Evaluation.DataFiles.ReadText(file);
        return new Items(predictInput, JsonLines.ParsePython(text, file)
            .Select(d => new Item(d.Text("id"), d.Text("code"), d.Text("input"), d.Text("output"))).ToList());
    }

    public override bool HasTwins => true;

    sealed record Item(string Id, string Code, string Input, string Output)
    {
        /// <summary>The answer to the item that this is the twin of; null if it is not a twin.</summary>
        public string? Remembered { get; init; }
    }

    sealed partial class Items(bool predictInput, List<Item> items) : ItemSet
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

        /// <summary>For a model that continues text, two examples show the task.</summary>
        public override ItemPrompt Prompt(string id)
        {
            var item = _items[id];
            return predictInput
                ? new(Asked.Expression, "python", $"""
                    def f(n):
                        return n + 1
                    assert 18 == f(17)

                    def f(s, t):
                        return s + t
                    assert "x9j" == f("x9", "j")

                    {item.Code}
                    assert {item.Output} == f(
                    """.TrimEnd())
                {
                    Instruction =
                        $"Find a call of the function f below that returns {item.Output}. There may be several; one is enough. Think before you answer if that helps; the answer is a call such as f(1, 'a').",
                }
                : new(Asked.Expression, "python", $"""
                    def f(n):
                        return n + 1
                    assert f(17) == 18

                    def f(s, t):
                        return s + t
                    assert f("x9", "j") == "x9j"

                    {item.Code}
                    assert f({item.Input}) ==
                    """.TrimEnd())
                {
                    Instruction =
                        $"What does f({item.Input}) return, f being the last function below? Think before you answer if that helps; the answer is a literal, without a call or a calculation.",
                };
        }

        /// <summary>An assertion counts as its expression.</summary>
        public override RecordedAnswer Read(string id, string form, string answer)
        {
            var read = base.Read(id, form, answer).Text.Trim();
            if (predictInput)
            {
                if (form == PromptLadder.Completion)
                    read = "f(" + read;
                else if (read.IndexOf("f(", StringComparison.Ordinal) is > 0 and var at
                    && read[..at].Contains("==", StringComparison.Ordinal))
                    read = read[at..];
                return new(id, Call(read), false);
            }
            var equals = $"f({_items[id].Input})";
            if (read.StartsWith(equals, StringComparison.Ordinal)
                && read.IndexOf("==", equals.Length, StringComparison.Ordinal) is >= 0 and var sign)
                read = read[(sign + 2)..];
            return new(id, read.Trim(), false);
        }

        /// <summary>A call up to its closing bracket.</summary>
        static string Call(string text)
        {
            foreach (var (at, depth) in Depths(text))
                if (depth == 0 && text[at] is ')' or ']' or '}')
                    return text[..(at + 1)];
            return text;
        }

        static bool HasOuterComma(string text) => Depths(text).Any(c => c.Depth == 0 && text[c.At] == ',');

        /// <summary>Every character outside strings, with the brackets open after it.</summary>
        static IEnumerable<(int At, int Depth)> Depths(string text)
        {
            var depth = 0;
            char? quote = null;
            for (var i = 0; i < text.Length; i++)
            {
                if (quote is not null)
                {
                    if (text[i] == '\\')
                        i++;
                    else if (text[i] == quote)
                        quote = null;
                    continue;
                }
                if (text[i] is '"' or '\'')
                    quote = text[i];
                depth += text[i] switch { '(' or '[' or '{' => 1, ')' or ']' or '}' => -1, _ => 0 };
                yield return (i, depth);
            }
        }

        string Answer(Item item) => predictInput ? $"f({item.Input})" : item.Output;

        internal override async Task<ItemSet> TwinAsync(Judge judge, CancellationToken cancellationToken)
        {
            var task = predictInput ? "cruxeval-input" : "cruxeval-output";
            var made = await TwinMaker.ExpressionsAsync("cruxeval", [.. items.Select(i => (i.Id, i.Code, i.Input))],
                judge, cancellationToken);
            var twins = items.Where(i => made.ContainsKey(i.Id))
                .Select(i => new Item(i.Id + TwinTask.Suffix, made[i.Id].Code, made[i.Id].Input,
                    made[i.Id].Output)
                { Remembered = Answer(i) }).ToList();
            var known =
                twins.SelectMany(t => ((RecordedAnswer, bool)[])[(new(t.Id, Answer(t), Whole: false), true),
                    (new(t.Id, t.Remembered!, Whole: false), false)]).ToList();
            return await TwinItems.ProvenAsync(task + TwinTask.Suffix, new Items(predictInput, twins), this, known,
                twins.ToDictionary(t => t.Id, t => made[TwinTask.OriginalOf(t.Id)!].Changes), judge, cancellationToken);
        }

        /// <summary>A few of the data's own answers must be right, and wrong ones wrong.</summary>
        public override async Task PrepareAsync(Judge judge, CancellationToken cancellationToken)
        {
            foreach (var item in items.Take(3))
            {
                var right = await JudgeAsync(judge, new(item.Id, Answer(item), false), cancellationToken);
                var wrong = await JudgeAsync(judge, new(item.Id, predictInput ? "f" : "'wrong'", false), cancellationToken);
                if (!right.Passed || wrong.Passed)
                    throw new EvaluationException(
                        $"the judge is wrong here: {item.Id}'s own answer {(right.Passed ? "is right, but so is a wrong one" : $"fails ({right.Reason})")}");
            }
        }

        [GeneratedRegex(@"\bf\b")]
        private static partial Regex CallsF();

        public override async Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken)
        {
            var item = _items[answer.Id];
            var expression = answer.Text.Trim();
            if (predictInput && !expression.Contains("f(", StringComparison.Ordinal))
                return Verdict.Wrong("no call of f");
            // The published harness wrote "assert gold == answer": of a tuple without its brackets only the first part was compared.
            if (!predictInput && judge.Options.AsPublished && item.Remembered is null && HasOuterComma(expression))
                return Verdict.Wrong("a tuple without brackets");

            PythonOutcome? value = null, expected = null;
            // The data's own value is written as Python would, so Python reads it, in a group of its own that is done before the answer is
            // seen. Who predicts an output does not have the function, however it is spelled: only what it imports, which a value may be
            // made of.
            var code = predictInput ? item.Code
                : string.Concat(PythonSource.Read(item.Code).Where(s => s.Kind == "import").Select(s => s.Text));
            var job = new PythonJob(code, null, [new([item.Output], [LimitSeconds]), new([expression], [LimitSeconds])])
            {
                DefineSeconds = LimitSeconds,
                TotalSeconds = 3 * LimitSeconds,
                Without = judge.Options.AsPublished && item.Remembered is null ? s_laterMethods : [],
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
                throw new EvaluationException(
                    $"{item.Id}: its own output {item.Output} cannot be evaluated here ({expected?.Raised ?? end.ToString()})");
            return value switch
            {
                { Value: { } found } => PythonEquality.Instance.Equals(found, gold) ? Verdict.Right : Verdict.Wrong("wrong answer"),
                { Raised: "'NameError'" } when !predictInput && CallsF().IsMatch(expression) =>
                    Verdict.Wrong("calls f instead of predicting"),
                { Raised: { } error } => Verdict.Wrong(error.Trim('\'')),
                _ => Verdict.Wrong(end == SandboxEnd.Exited ? "ended without a value" : end.ToString()),
            };
        }
    }
}
