using System.Globalization;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Training;
using Banyan.Training.Packing;
using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Torch;

/// <summary>
/// The same runs by Banyan and by libtorch, in float32 and with products in BF16, with three seeds: the losses of each step.
/// </summary>
static class Curve
{
    const int Steps = 60, Length = 96, Last = 10;

    /// <summary>Prints a table for each method; 1 where the curves differ by more than the seeds do.</summary>
    public static int Run(string path)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var options = new TuneOptions { Rank = 8, SequenceLength = Length, SequencesPerStep = 2, Steps = Steps, EvaluateEvery = 0 };
        var data = new TrainingData { Samples = [.. Enumerable.Range(0, 40).Select(i => Text(model, 24 + i, i))] };
        TuneOptions[] runs =
        [
            options with { LearningRate = 5e-3, WeightDecay = 0.01 },
            options with { Method = TuneMethod.Full, LearningRate = 2e-3 },
            options with { Method = TuneMethod.Scratch, LearningRate = 2e-3 },
        ];
        return runs.Select(run => Run(model, data, run)).Max();
    }

    static int Run(Model model, TrainingData data, TuneOptions options)
    {
        Console.WriteLine(
            $"{model.Name}: {options.Method}, {Steps} steps of {options.SequencesPerStep} sequences of {Length} tokens; loss in nats, the last as the mean of {Last} steps.");
        Console.WriteLine();
        Console.WriteLine(
            "| seed | first loss | last: Banyan, float32 | libtorch, float32 | Banyan, BF16 | libtorch, BF16 | largest difference of a step, float32 | BF16 |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        var (lasts, differences) = (new List<double>(), new List<double>());
        TunePrecision[] precisions = TuneOptions.HasBFloat16 ? [TunePrecision.Float32, TunePrecision.BFloat16] : [TunePrecision.Float32];
        foreach (var seed in new ulong[] { 1, 2, 3 })
        {
            var pairs = precisions.Select(p => Pair(model, data, options with { Seed = seed, Precision = p })).ToList();
            string Mean(IEnumerable<double> losses) => losses.TakeLast(Last).Average().ToString("f4", CultureInfo.InvariantCulture);
            var cells = pairs.SelectMany(p => new[] { Mean(p.Own), Mean(p.Torch) })
                .Concat(pairs.Select(p => p.Own.Zip(p.Torch, (a, b) => Math.Abs(a - b)).Max()
                    .ToString("e1", CultureInfo.InvariantCulture)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {seed} | {pairs[0].Own[0]:f4} | {string.Join(" | ", cells)} |"));
            lasts.Add(pairs[0].Torch.TakeLast(Last).Average());
            differences.AddRange(pairs.Select(p => Math.Abs(p.Own.TakeLast(Last).Average() - lasts[^1])));
        }
        var mean = lasts.Average();
        var noise = Math.Sqrt(lasts.Sum(l => (l - mean) * (l - mean)) / (lasts.Count - 1));
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"The seeds' last losses have a standard deviation of {noise:e1}; Banyan's differ from libtorch's in float32 by {differences.Max():e1} at most."));
        Console.WriteLine();
        return differences.Max() <= noise && lasts.All(double.IsFinite) ? 0 : 1;
    }

    static (List<double> Own, List<double> Torch) Pair(Model model, TrainingData data, TuneOptions options)
    {
        using var trainer = new Trainer(model, data, options);
        // Both begin with the same numbers.
        var first = trainer.Trained.ToDictionary(p => p.Name, p => p.Values.ToArray());
        trainer.Run();

        using var scope = NewDisposeScope();
        using var file = ModelFile.Open(model.Path);
        var isLora = options.Method == TuneMethod.Lora;
        var adapters = isLora ? first.GroupBy(p => p.Key[..p.Key.LastIndexOf(".lora_", StringComparison.Ordinal)])
            .ToDictionary(g => g.Key,
                g => (g.Single(p => p.Key.EndsWith(".lora_a", StringComparison.Ordinal)).Value,
                    g.Single(p => p.Key.EndsWith(".lora_b", StringComparison.Ordinal)).Value)) : null;
        var network = new TorchModel(file, ScalarType.Float32, trains: !isLora, adapters,
            options.Scale)
        { Products = options.Precision == TunePrecision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32 };
        if (!isLora)
            foreach (var (name, values) in first)
                using (no_grad())
                    network.Weights[name].copy_(tensor(values).view(network.Weights[name].shape));
        var parameters = isLora ? network.Adapters.ToList()
            : [.. first.Keys.Select(name => (TorchSharp.Modules.Parameter)network.Weights[name])];
        using var optimizer = optim.AdamW(parameters, lr: 1, options.Beta1, options.Beta2, options.Epsilon, options.WeightDecay);
        var order = new SequenceStream([.. data.Samples.Select(s => s.Tokens.Length)], options.SequenceLength, options.Seed);
        var losses = new List<double>();
        for (var step = 0; step < Steps; step++)
        {
            using var inner = NewDisposeScope();
            Sample[] samples = [.. Enumerable.Range(0, options.SequencesPerStep)
                .SelectMany(i => order[(long)step * options.SequencesPerStep + i]).Select(i => data.Samples[i])];
            var loss = samples.Select(s => network.Loss(s.Tokens, s.Targets))
                .Aggregate((a, b) => a + b) / samples.Sum(s => s.Targets.Skip(1).Count(t => t));
            optimizer.zero_grad();
            loss.backward();
            nn.utils.clip_grad_norm_(parameters, options.ClipNorm);
            // Up along a line, down along half a cosine.
            var warmup = (int)Math.Ceiling(0.03 * Steps);
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = options.HighestRate
                    * (step < warmup ? (step + 1.0) / warmup : 0.5 + 0.5 * Math.Cos(Math.PI * (step - warmup) / (Steps - warmup)));
            optimizer.step();
            losses.Add(loss.item<float>());
        }
        return ([.. trainer.History.Select(s => s.Loss)], losses);
    }

    // A walk that can be learned: the next token follows from the one before it, three times out of four.
    static Sample Text(Model model, int length, int seed)
    {
        var (random, tokens) = (new Random(seed), new int[length]);
        var few = Math.Min(97, model.Config.VocabularySize - 3);
        tokens[0] = random.Next(few);
        for (var i = 1; i < length; i++)
            tokens[i] = random.Next(4) == 0 ? random.Next(few) : (tokens[i - 1] * 31 + 7) % few;
        return new([.. tokens.Select(t => t + 3)], [.. Enumerable.Range(0, length).Select(i => i % 5 != 0)]);
    }
}
