using System.Security.Cryptography;
using System.Text;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Tasks.EvalPlus;
using Banyan.Evaluation.Tasks.MultiPle;
using Banyan.Evaluation.Twins;

namespace Banyan.Evaluation.Tasks.BanyanMini;

/// <summary>
/// Forty problems written for Banyan, twenty in Python and twenty in C#, absent from any older training set. They ship: nothing is
/// downloaded.
/// </summary>
sealed class BanyanMiniTask : EvaluationTask
{
    public override string Name => "banyan-mini";

    public override IReadOnlyList<string> Aliases => ["mini"];

    public override string Description => "write a function from its description, 20 in Python and 20 in C#";

    public override string Licence => "Apache-2.0 (Banyan)";

    public override IReadOnlyList<string> DataFiles => [];

    public override bool HasTwins => true;

    public override ItemSet Load(TaskSource source) => new Items(MiniItem.All);

    public override string DataHash(TaskSource source)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var item in MiniItem.All)
            foreach (var part in (string[])[item.Id, item.Prompt, item.Solution, .. item.Wrong, .. item.Checks])
                hash.AppendData(Encoding.UTF8.GetBytes(part + "\0"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    internal sealed class Items(IReadOnlyList<MiniItem> items) : ItemSet
    {
        static readonly CSharp s_csharp = new();

        readonly Dictionary<string, MiniItem> _items = items.ToDictionary(i => i.Id);
        readonly EvalPlusItems _python = new("banyan-mini", plus: false,
            [.. items.Where(i => i.IsPython)
                .Select(i => Python(i) with { Original = i.Original is { } original ? Python(original) : null })]);

        static EvalPlusItem Python(MiniItem item) =>
            new(item.Id, item.Entry, item.Prompt, item.Solution, IsMbpp: false, Tolerance: 0, item.Inputs, []);

        public override IReadOnlyList<string> Ids { get; } = [.. items.Select(i => i.Id)];

        public override ItemSet Only(IReadOnlySet<string> ids) => new Items([.. items.Where(i => ids.Contains(i.Id))]);

        /// <summary>Every item's own solution must pass, and each of its wrong ones fail. The proof for these items is cached.</summary>
        public override async Task PrepareAsync(Judge judge, CancellationToken cancellationToken)
        {
            if (_python.Ids.Count > 0)
                await _python.PrepareAsync(judge, cancellationToken);
            if (items.All(i => i.Original is null)) // twins have been proven when they were made
                await GroundTruth.ProveAsync("banyan-mini", this, Known(items), judge, cancellationToken);
        }

        static IReadOnlyList<(RecordedAnswer Answer, bool Right)> Known(IReadOnlyList<MiniItem> items) =>
            [.. items.SelectMany(i => i.Wrong.Select(w => (Answer(i, w), false)).Prepend((Answer(i, i.Solution), true)))];

        internal override async Task<ItemSet> TwinAsync(Judge judge, CancellationToken cancellationToken)
        {
            var wanted = items.Where(i => i.IsPython)
                .Select(i => new TwinOf(i.Id, i.Entry, i.Prompt, i.Solution, [.. i.Inputs.Select(v => v.ToLiteral())],
                    int.MaxValue, i.Wrong)).ToList();
            var python = await TwinMaker.FunctionsAsync("banyan-mini", wanted, judge, cancellationToken);
            var changes = new Dictionary<string, IReadOnlyList<string>>();
            var twins = new List<MiniItem>();
            foreach (var item in items)
            {
                var id = item.Id + TwinTask.Suffix;
                if (python.TryGetValue(item.Id, out var made))
                {
                    twins.Add(item with
                    {
                        Id = id,
                        Entry = made.Entry,
                        Prompt = made.Prompt,
                        Solution = made.Code,
                        Wrong = made.Bodies,
                        Original = item
                    });
                    changes[id] = made.Changes;
                }
                else if (!item.IsPython)
                {
                    var (twin, different) = CSharpTwin.Of(item);
                    twins.Add(twin with { Id = id });
                    changes[id] = different;
                }
            }
            return await TwinItems.ProvenAsync("banyan-mini" + TwinTask.Suffix, new Items(twins), this, Known(twins), changes,
                judge, cancellationToken);
        }

        static RecordedAnswer Answer(MiniItem item, string body) => item.IsPython
            ? new(item.Id, body, Whole: false)
            : new(item.Id, $"{item.Prompt}{body}    }}\n}}\n", Whole: true) { Balanced = true };

        public override ItemText Text(string id) => new(_items[id].Prompt, _items[id].Solution);

        public override ItemPrompt Prompt(string id)
        {
            var item = _items[id];
            return new(Asked.Program, item.IsPython ? "python" : "csharp", item.Prompt) { Entry = item.Entry };
        }

        public override Task<Verdict> JudgeAsync(Judge judge, RecordedAnswer answer, CancellationToken cancellationToken)
        {
            var item = _items[answer.Id];
            if (item.IsPython)
                return _python.JudgeAsync(judge, answer, cancellationToken);
            var program = answer.Whole ? answer.Text : item.Prompt + answer.Text;
            var checks = string.Concat(item.Checks.Select(c => $"    Debug.Assert({c});\n"));
            return s_csharp.JudgeAsync(judge, s_csharp.Solution(program, answer.Uncut),
                $"    }}\n    public static void Main(string[] args) {{\n{checks}    }}\n\n}}\n", cancellationToken);
        }
    }
}
