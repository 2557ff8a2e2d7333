using System.Globalization;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Training;
using Banyan.Training.Packing;
using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Torch;

/// <summary>The same run of LoRA by Banyan and by libtorch, with three seeds: the losses of each step.</summary>
static class Curve
{
    const int Steps = 60, Length = 96, Last = 10;

    /// <summary>Prints a row a seed; 1 where the curves differ by more than the seeds do.</summary>
    public static int Run(string path)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var options = new TuneOptions { Rank = 8, SequenceLength = Length, SequencesPerStep = 2, Steps = Steps, LearningRate = 5e-3, WeightDecay = 0.01, EvaluateEvery = 0 };
        var data = new TrainingData { Samples = [.. Enumerable.Range(0, 40).Select(i => Text(model, 24 + i, i))] };
        Console.WriteLine($"{Path.GetFileNameWithoutExtension(path)}: LoRA of rank {options.Rank}, {Steps} steps of {options.SequencesPerStep} sequences of {Length} tokens, float32; loss in nats, the last as the mean of {Last} steps.");
        Console.WriteLine();
        Console.WriteLine("| seed | first loss | last, Banyan | last, libtorch | largest difference of a step | mean difference |");
        Console.WriteLine("|---|---|---|---|---|---|");
        var (lasts, differences) = (new List<double>(), new List<double>());
        foreach (var seed in new ulong[] { 1, 2, 3 })
        {
            var (own, torch) = (new List<double>(), new List<double>());
            Pair(model, data, options with { Seed = seed }, own, torch);
            var apart = own.Zip(torch, (a, b) => Math.Abs(a - b)).ToList();
            lasts.Add(own.TakeLast(Last).Average());
            differences.Add(Math.Abs(lasts[^1] - torch.TakeLast(Last).Average()));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {seed} | {own[0]:f4} | {lasts[^1]:f4} | {torch.TakeLast(Last).Average():f4} | {apart.Max():e1} | {apart.Average():e1} |"));
        }
        var mean = lasts.Average();
        var noise = Math.Sqrt(lasts.Sum(l => (l - mean) * (l - mean)) / (lasts.Count - 1));
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The seeds' last losses have a standard deviation of {noise:e1}; the two programs' differ by {differences.Max():e1} at most."));
        return differences.Max() <= noise && lasts.All(l => double.IsFinite(l)) ? 0 : 1;
    }

    static void Pair(Model model, TrainingData data, TuneOptions options, List<double> own, List<double> theirs)
    {
        using var trainer = new Trainer(model, data, options);
        // Both begin with the same A and B.
        var first = trainer.Trained.GroupBy(p => p.Name[..p.Name.LastIndexOf(".lora_", StringComparison.Ordinal)])
            .ToDictionary(g => g.Key, g => (g.Single(p => p.Name.EndsWith(".lora_a", StringComparison.Ordinal)).Values.ToArray(), g.Single(p => p.Name.EndsWith(".lora_b", StringComparison.Ordinal)).Values.ToArray()));
        trainer.Run();
        own.AddRange(trainer.History.Select(s => s.Loss));

        using var scope = NewDisposeScope();
        using var file = ModelFile.Open(model.Path);
        var network = new TorchModel(file, ScalarType.Float32, trains: false, first, options.Scale);
        var parameters = network.Adapters.ToList();
        using var optimizer = optim.AdamW(parameters, lr: 1, options.Beta1, options.Beta2, options.Epsilon, options.WeightDecay);
        var order = new SequenceStream([.. data.Samples.Select(s => s.Tokens.Length)], options.SequenceLength, options.Seed);
        for (var step = 0; step < Steps; step++)
        {
            using var inner = NewDisposeScope();
            Sample[] samples = [.. Enumerable.Range(0, options.SequencesPerStep).SelectMany(i => order[(long)step * options.SequencesPerStep + i]).Select(i => data.Samples[i])];
            var loss = samples.Select(s => network.Loss(s.Tokens, s.Targets)).Aggregate((a, b) => a + b) / samples.Sum(s => s.Targets.Skip(1).Count(t => t));
            optimizer.zero_grad();
            loss.backward();
            nn.utils.clip_grad_norm_(parameters, options.ClipNorm);
            // Up along a line, down along half a cosine.
            var warmup = (int)Math.Ceiling(0.03 * Steps);
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = 5e-3 * (step < warmup ? (step + 1.0) / warmup : 0.5 + 0.5 * Math.Cos(Math.PI * (step - warmup) / (Steps - warmup)));
            optimizer.step();
            theirs.Add(loss.item<float>());
        }
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
