using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Tests;
using Banyan.Training.Data;

namespace Banyan.Training.Tests.Learning;

/// <summary>
/// That training teaches what it is meant to: whole runs of the smallest model there is, minutes each. Their last results are in
/// docs/tune.md.
/// </summary>
public sealed class LearningTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-learning-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static void NeedTime() => Assert.SkipUnless(Sampled.All, "whole runs of training, minutes of the processor: ./check --all");

    static string Sprout => Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf");

    static Model Load() =>
        Model.Load(Sprout, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });

    static void Say(FormattableString line) => TestContext.Current.SendDiagnosticMessage(line.ToString(CultureInfo.InvariantCulture));

    string Lines(string name, IEnumerable<JsonObject> records)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllLines(path, records.Select(r => r.ToJsonString()));
        return path;
    }

    // How far what was said before the start is from what it took, by the clock. Said, not asserted: others may be at work.
    static void Train(Trainer trainer)
    {
        var probe = trainer.Probe();
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        Assert.True(trainer.Run(TestContext.Current.CancellationToken));
        var took = System.Diagnostics.Stopwatch.GetElapsedTime(began);
        Say($"  {trainer.Plan.Steps} steps of {trainer.Options.SequencesPerStep} × {trainer.Options.SequenceLength} tokens, {trainer.Plan.TrainableParameters} parameters: said {probe.Remaining.TotalSeconds:f0} s, took {took.TotalSeconds:f0} s; held out {trainer.HeldOutBefore:f3} → {trainer.HeldOut:f3} nats");
    }

    /// <summary>An invented language: roots with endings for number and tense, the verb first; each sentence has one translation.</summary>
    static class Invented
    {
        static readonly (string Root, string One, string Many)[] s_nouns =
        [
            ("bana", "the tree", "the trees"), ("kito", "the child", "the children"), ("lusa", "the river", "the rivers"),
            ("meri", "the bird", "the birds"),
            ("nodu", "the house", "the houses"), ("pela", "the farmer", "the farmers"), ("rami", "the boat", "the boats"),
            ("suto", "the stone", "the stones"),
        ];

        static readonly (string Root, string Past, string Future)[] s_verbs =
            [("vek", "saw", "will see"), ("tor", "found", "will find"), ("zim", "carried", "will carry"), ("gal", "loved", "will love"),
                ("hob", "followed", "will follow")];

        /// <summary>Every sentence and its translation, in a random order: 8 · 2 · 7 · 2 · 5 · 2.</summary>
        public static List<(string Text, string English)> All()
        {
            var all = new List<(string, string)>();
            foreach (var subject in s_nouns)
                foreach (var other in s_nouns.Where(n => n != subject))
                    foreach (var verb in s_verbs)
                        for (var form = 0; form < 8; form++)
                        {
                            var (many, manyOther, future) = ((form & 1) > 0, (form & 2) > 0, (form & 4) > 0);
                            all.Add(($"{verb.Root}{(future ? "on" : "a")} {subject.Root}{(many ? "ki" : "")} {other.Root}{(manyOther ? "ki" : "")}t",
                                $"{(many ? subject.Many : subject.One)} {(future ? verb.Future : verb.Past)} {(manyOther ? other.Many : other.One)}"));
                        }
            var order = all.ToArray();
            new Random(1).Shuffle(order);
            return [.. order];
        }
    }

    static async Task<double> ExactMatch(Model model, IReadOnlyList<(string Text, string English)> sentences,
        Banyan.Runtime.Adapters.AdapterWeights? weights)
    {
        var adapter = weights is null ? null : model.AddAdapter("tuned", weights);
        await using var engine = new Engine(model);
        var right = 0;
        foreach (var (text, english) in sentences)
        {
            var answer = new StringBuilder();
            await foreach (var part in engine.GenerateAsync(model.Tokenizer.Encode($"{text} ="),
                new GenerationOptions { MaxTokens = 24, Temperature = 0, Adapter = adapter }, TestContext.Current.CancellationToken))
                answer.Append(part.Text);
            right += answer.ToString().Trim() == english ? 1 : 0;
        }
        return (double)right / sentences.Count;
    }

    [Fact]
    public async Task An_invented_language_is_translated_after_and_not_before()
    {
        NeedTime();
        var all = Invented.All();
        var (learned, unseen) = (all[..1800], all[1800..2000]);
        var path =
            Lines("sentences.jsonl", learned.Select(s => new JsonObject { ["prompt"] = $"{s.Text} =", ["completion"] = $" {s.English}" }));
        using var model = Load();
        using var data = Preparation.Run(model, new DataOptions(path) { MaxTokens = 64 }, Path.Combine(_folder, "data"));
        using var trainer = new Trainer(model, data.Data,
            new TuneOptions { SequenceLength = 512, SequencesPerStep = 2, Epochs = 8, LearningRate = 5e-3, EvaluateEvery = 0 });
        var before = await ExactMatch(model, unseen, null);
        Train(trainer);
        var after = await ExactMatch(model, unseen, trainer.Adapter());
        Say($"invented language, {unseen.Count} sentences that were not learned: exact match {before:p1} → {after:p1}");
        Assert.True(before < 0.05 && after > 0.95, $"{before} → {after}");
    }

    // A habit across different bodies: what begins with a guard is preferred to the same without. Names and some bodies are not seen in
    // training.
    [Fact]
    public void Preferences_move_the_margin_of_pairs_that_were_not_seen()
    {
        NeedTime();
        var random = new Random(1);
        string[] bodies = ["return sorted({0})", "total = sum({0})\n    return total / len({0})", "for x in {0}:\n        print(x)",
            "return {{k: v for k, v in {0}.items()}}", "self.{0} = {0}", "return \", \".join({0})"];
        string[] unseen = ["with open({0}) as f:\n        return f.read()", "return [x * 2 for x in {0} if x > 1]"];
        JsonObject Pair(string[] of)
        {
            var name = string.Concat(Enumerable.Range(0, 4).Select(_ => (char)('a' + random.Next(26))));
            var body = string.Format(CultureInfo.InvariantCulture, of[random.Next(of.Length)], name);
            return new()
            {
                ["prompt"] = $"def use_{name}({name}):\n",
                ["chosen"] = $"    if {name} is None:\n        return None\n    {body}\n",
                ["rejected"] = $"    {body}\n"
            };
        }
        using var model = Load();
        using var data = Preparation.Run(model, new DataOptions(Lines("pairs.jsonl", Enumerable.Range(0, 400).Select(_ => Pair(bodies))))
        {
            MaxTokens = 96,
            HeldOutPath = Lines("unseen.jsonl", Enumerable.Range(0, 100).Select(_ => Pair(unseen))),
        }, Path.Combine(_folder, "data"));
        using var trainer = new Trainer(model, data.Data,
            new TuneOptions
            {
                Objective = TuneObjective.Dpo,
                SequenceLength = 96,
                SequencesPerStep = 8,
                Steps = 40,
                LearningRate = 2e-4,
                EvaluateEvery = 0
            });
        Train(trainer);
        var held = data.Data.HeldOutPairs;
        var adapter = model.AddAdapter("tuned", trainer.Adapter());
        double[] Gains(Func<PreferencePair, Sample> of) =>
            [.. TextLoss.Of(model, held.Select(of)).Zip(TextLoss.Of(model, held.Select(of), adapter), (b, t) => b.Loss - t.Loss)];
        double[] margins = [.. Gains(p => p.Chosen).Zip(Gains(p => p.Rejected), (c, r) => trainer.Options.DpoBeta * (c - r))];
        var mean = margins.Average();
        var half = 1.96 * Math.Sqrt(margins.Sum(m => (m - mean) * (m - mean)) / (margins.Length - 1) / margins.Length);
        Say($"DPO, {margins.Length} pairs that were not learned: margin {mean:f2} ± {half:f2}");
        Assert.True(mean - half > 0, $"{mean} ± {half}");
    }

    // Banyan's own runtime: sprout learned from none of it. Whole files are held out.
    [Fact]
    public void A_librarys_style_is_learned_from_its_other_files()
    {
        NeedTime();
        using var model = Load();
        var source = Path.Combine(_folder, "source");
        foreach (var file in Directory.EnumerateFiles(Path.Combine(SharedData.Repository, "src", "Banyan.Runtime"), "*.cs",
            SearchOption.AllDirectories)
                .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)))
        {
            var to = Path.Combine(source, Path.GetRelativePath(SharedData.Repository, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }
        using var data = Preparation.Run(model, new DataOptions(source) { MaxTokens = 512, HeldOutShare = 0.1 },
            Path.Combine(_folder, "data"));
        using var trainer = new Trainer(model, data.Data,
            new TuneOptions { SequenceLength = 512, SequencesPerStep = 4, Epochs = 2, LearningRate = 3e-3, EvaluateEvery = 0 });
        Train(trainer);
        var held = data.Data.HeldOut;
        var bytes = held.Sum(s => Encoding.UTF8.GetByteCount(model.Tokenizer.Decode(s.Tokens)));
        double Bits(Banyan.Runtime.Models.ModelAdapter? adapter) =>
            TextLoss.Of(model, held, adapter).Sum(t => t.Loss) / Math.Log(2) / bytes;
        var (before, after) = (Bits(null), Bits(model.AddAdapter("tuned", trainer.Adapter())));
        Say($"Banyan.Runtime's C#, {data.Report.Samples} excerpts learned, {held.Count} of other files ({bytes} bytes) held out: {before:f3} → {after:f3} bits a byte ({100 * after / before - 100:f1} %)");
        Assert.True(after <= 0.85 * before, $"{before} → {after}");
    }
}
