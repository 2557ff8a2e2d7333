using System.Buffers.Binary;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Training.Objectives;
using Banyan.Training.Tests.Passes;

namespace Banyan.Training.Tests;

/// <summary>Runs of the trainer on a tiny model: that they learn, go on where they stopped, and name what is wrong.</summary>
public sealed unsafe class TrainerTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-trainer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static readonly TuneOptions s_options = new()
    {
        Rank = 4,
        SequenceLength = 64,
        SequencesPerStep = 2,
        Steps = 6,
        LearningRate = 1e-2,
        CheckpointEvery = 2
    };

    static TrainingData Data(Model model, int seed = 0) => new()
    {
        Samples = [.. Enumerable.Range(0, 9).Select(i => TinyModels.Sample(model, 12 + 4 * i, seed + i))],
        HeldOut = [TinyModels.Sample(model, 30, 100), TinyModels.Sample(model, 50, 101)],
    };

    static Trainer Train(Model model, TuneOptions options, string? folder, int? cancelAfter = null)
    {
        var trainer = new Trainer(model, Data(model), options, folder);
        using var cancel = new CancellationTokenSource();
        trainer.Stepped += step =>
        {
            if (step.Step == cancelAfter)
                cancel.Cancel();
        };
        Assert.Equal(cancelAfter is null, trainer.Run(cancel.Token));
        return trainer;
    }

    [Theory]
    [InlineData(TuneMethod.Lora, false)]
    [InlineData(TuneMethod.Lora, true)]
    [InlineData(TuneMethod.Dora, false)]
    [InlineData(TuneMethod.Full, false)]
    [InlineData(TuneMethod.Scratch, false)]
    public void It_learns_what_it_is_given(TuneMethod method, bool rankStabilized)
    {
        using var model = TinyModels.Load("qwen2-tiny-Q4_K_M");
        using var trainer =
            Train(model,
                s_options with
                {
                    Method = method,
                    RankStabilized = rankStabilized,
                    Steps = 40,
                    LearningRate = rankStabilized ? 5e-3 : 1e-2
                }, null);
        Assert.True(trainer.History[^1].Loss < 0.75 * trainer.History[0].Loss, $"{trainer.History[0].Loss} … {trainer.History[^1].Loss}");
        Assert.True(trainer.HeldOutBefore > 0 && trainer.HeldOut > 0);
    }

    [Theory]
    [InlineData(TuneMethod.Lora)]
    [InlineData(TuneMethod.Full)]
    [InlineData(TuneMethod.Scratch)]
    public void In_BF16_it_learns_the_same_within_rounding_and_what_it_made_is_told_in_float32(TuneMethod method)
    {
        using var model = TinyModels.Load("qwen2-tiny-Q4_K_M");
        var options = s_options with { Method = method, Steps = 10, LearningRate = 2e-3 };
        if (!TuneOptions.HasBFloat16)
        {
            Assert.Contains("Precision",
                Assert.Throws<ArgumentException>(() => Train(model, options with { Precision = TunePrecision.BFloat16 }, null)).Message,
                StringComparison.Ordinal);
            return;
        }
        using var exact = Train(model, options, null);
        using var rounded = Train(model, options with { Precision = TunePrecision.BFloat16 }, _folder);
        Assert.NotEqual(exact.History[0].Loss, rounded.History[0].Loss);
        Assert.All(exact.History.Zip(rounded.History), s => Assert.Equal(s.First.Loss, s.Second.Loss, 0.02 * s.First.Loss));
        Assert.Equal(exact.HeldOut!.Value, rounded.HeldOut!.Value, 0.02 * exact.HeldOut.Value);
        Assert.Equal(exact.Compare()?.Base, rounded.Compare()?.Base);
        Assert.Contains("Precision was BFloat16 and is Float32",
            Assert.Throws<TrainingException>(() => Train(model, options, _folder)).Message, StringComparison.Ordinal);
    }

    // By another number of threads each time, and with layers computed again.
    [Theory]
    [InlineData(TuneMethod.Lora, TunePrecision.Float32)]
    [InlineData(TuneMethod.Lora, TunePrecision.BFloat16)]
    [InlineData(TuneMethod.Dora, TunePrecision.Float32)]
    [InlineData(TuneMethod.Full, TunePrecision.Float32)]
    [InlineData(TuneMethod.Full, TunePrecision.BFloat16)]
    [InlineData(TuneMethod.Full, TunePrecision.Float32, TuneOptimizer.Muon)]
    public void A_run_that_was_interrupted_ends_byte_for_byte_as_one_that_was_not(TuneMethod method, TunePrecision precision,
        TuneOptimizer optimizer = TuneOptimizer.AdamW)
    {
        if (precision == TunePrecision.BFloat16 && !TuneOptions.HasBFloat16)
            Assert.Skip("this rung has no products of BF16");
        var options = s_options with
        {
            Method = method,
            Precision = precision,
            Optimizer = optimizer,
            WeightDecay = 0.1,
            EvaluateEvery = 2
        };
        var (whole, parts) = (Path.Combine(_folder, "whole"), Path.Combine(_folder, "parts"));
        using var model = TinyModels.Load("qwen2-tiny-f32", threads: 2);
        using (Train(model, options, whole))
        {
        }
        foreach (var (threads, last) in new (int, int?)[] { (1, 1), (3, 4), (2, null) })
        {
            using var other = TinyModels.Load("qwen2-tiny-f32", threads);
            using var trainer = Train(other, options with { Recompute = threads == 3, CheckpointEvery = threads }, parts, last);
            Assert.Equal(last ?? options.Steps, trainer.Step);
        }
        byte[] expected = File.ReadAllBytes(Path.Combine(whole, Trainer.CheckpointName)), written =
            File.ReadAllBytes(Path.Combine(parts, Trainer.CheckpointName));
        Assert.Equal(expected, written);
        Assert.Equal([Trainer.CheckpointName], Directory.GetFiles(parts).Select(Path.GetFileName));
    }

    [Fact]
    public void The_loss_is_a_mean_over_targets_however_they_are_packed()
    {
        using var model = TinyModels.Load("qwen2-tiny-f32");
        var data = new TrainingData { Samples = [.. Enumerable.Range(0, 4).Select(i => TinyModels.Sample(model, 40, i))] };
        var results = new List<StepResult>();
        foreach (var (length, sequences) in new[] { (160, 1), (80, 2), (40, 4) })
        {
            using var trainer = new Trainer(model, data,
                s_options with { SequenceLength = length, SequencesPerStep = sequences, Steps = 1 });
            trainer.Run();
            results.Add(trainer.History[0]);
        }
        Assert.All(results, r => Assert.Equal(results[0].Loss, r.Loss, 1e-5));
        Assert.All(results, r => Assert.Equal(results[0].GradientNorm, r.GradientNorm, 1e-4 * results[0].GradientNorm));
        Assert.All(results, r => Assert.Equal((160, results[0].TargetTokens), (r.Tokens, r.TargetTokens)));
    }

    [Theory]
    [InlineData(TuneObjective.Dpo, TuneMethod.Lora)]
    [InlineData(TuneObjective.Dpo, TuneMethod.Full)]
    [InlineData(TuneObjective.Orpo, TuneMethod.Lora)]
    public void Pairs_move_the_margin_towards_the_chosen_answers(TuneObjective objective, TuneMethod method)
    {
        using var model = TinyModels.Load("qwen2-tiny-Q4_K_M");
        var data =
            new TrainingData
            {
                Pairs =
                [.. Enumerable.Range(0, 6)
                    .Select(i => new PreferencePair(TinyModels.Sample(model, 20, i), TinyModels.Sample(model, 25, 50 + i)))]
            };
        using var trainer = new Trainer(model, data,
            s_options with { Objective = objective, Method = method, Steps = 20, LearningRate = method == TuneMethod.Full ? 1e-3 : 3e-3 });
        trainer.Run();
        if (objective == TuneObjective.Dpo) // nothing is trained yet: the base is its own reference
            Assert.Equal(Math.Log(2), trainer.History[0].Loss, method == TuneMethod.Lora ? 0 : 1e-5);
        Assert.True(trainer.History[^1].Margin > trainer.History[0].Margin + 0.3, $"{trainer.History[^1].Margin}");
        Assert.True(trainer.History[^1].Loss < trainer.History[0].Loss);
    }

    // A teacher that is the base itself has nothing to teach: the divergence and its gradient are 0.
    [Fact]
    public void A_student_comes_nearer_to_its_teacher()
    {
        using var student = TinyModels.Load("qwen2-tiny-f32");
        using var teacher = TinyModels.Load("qwen3-tiny-F16");
        var options = s_options with { Objective = TuneObjective.Distill, Method = TuneMethod.Full, Steps = 30, LearningRate = 1e-2 };
        using (var same = new Trainer(student, Data(student), options with { Steps = 1 }, null, student))
        {
            same.Run();
            Assert.InRange(same.History[0].Loss, -1e-6, 1e-6);
            Assert.InRange(same.History[0].GradientNorm, 0, 1e-3);
        }
        using var trainer = new Trainer(student, Data(student), options, null, teacher);
        trainer.Run();
        Assert.True(trainer.History[0].Loss > 0.5 && trainer.History[^1].Loss < 0.3 * trainer.History[0].Loss,
            $"{trainer.History[0].Loss} … {trainer.History[^1].Loss}");
        Assert.Contains("no teacher", Assert.Throws<ArgumentException>(() => new Trainer(student, Data(student), options)).Message,
            StringComparison.Ordinal);
        Assert.Contains("has to be Distill",
            Assert.Throws<ArgumentException>(() => new Trainer(student, Data(student), s_options, null, teacher)).Message,
            StringComparison.Ordinal);
        using var other = TinyModels.Load("stories260K");
        Assert.Contains("vocabulary",
            Assert.Throws<ArgumentException>(() => new Trainer(student, Data(student), options, null, other)).Message,
            StringComparison.Ordinal);
    }

    // Finite differences of a row's loss, with as many tokens told apart as there are and fewer.
    [Theory]
    [InlineData(40, 1, 1)]
    [InlineData(500, 1, 1)]
    [InlineData(500, 2.5, 1)]
    [InlineData(500, 2, 0.3)]
    [InlineData(40, 1, 0)]
    public void The_gradient_of_the_divergence_is_its_difference(int vocabulary, double temperature, double mix)
    {
        var random = new Random(vocabulary);
        float[] teacher = [.. Enumerable.Range(0, vocabulary).Select(_ => 6 * random.NextSingle())], logits =
            [.. Enumerable.Range(0, vocabulary).Select(_ => 4 * random.NextSingle())];
        var loss = new TeacherLoss(temperature, mix);
        loss.Make(1);
        loss.Set(0, [.. teacher]);
        double Loss(float[] at)
        {
            fixed (float* x = at.ToArray())
                return loss.Row(0, 0, x, vocabulary, 0);
        }
        var gradient = logits.ToArray();
        fixed (float* x = gradient)
            Assert.True(loss.Row(0, 0, x, vocabulary, 2) > 0.1);
        for (var i = 0; i < vocabulary; i += 7)
        {
            float[] up = [.. logits], down = [.. logits];
            up[i] += 0.02f;
            down[i] -= 0.02f;
            Assert.Equal((Loss(up) - Loss(down)) / 0.02, gradient[i], 1e-4);
        }
        Assert.Equal(0, gradient.Sum(), 1e-4);
    }

    [Fact]
    public void A_checkpoint_of_another_run_is_refused_by_name_and_stays()
    {
        using var model = TinyModels.Load("qwen2-tiny-f32");
        using (Train(model, s_options with { Steps = 2 }, _folder))
        {
        }
        var path = Path.Combine(_folder, Trainer.CheckpointName);
        var saved = File.ReadAllBytes(path);
        void Refused(string names, Func<Trainer> make) =>
            Assert.Contains(names, Assert.Throws<TrainingException>(make).Message, StringComparison.Ordinal);

        Refused("Steps was 2 and is 9", () => new(model, Data(model), s_options with { Steps = 9 }, _folder));
        Refused("LearningRate was 0.01 and is 0.02. ",
            () => new(model, Data(model), s_options with { Steps = 2, LearningRate = 0.02 }, _folder));
        Refused("Seed was 1 and is 2", () => new(model, Data(model), s_options with { Steps = 2, Seed = 2 }, _folder));
        Refused("data", () => new(model, Data(model, seed: 7), s_options with { Steps = 2 }, _folder));
        using (var other = TinyModels.Load("qwen2-tiny-F16"))
            Refused("another base", () => new(other, Data(model), s_options with { Steps = 2 }, _folder));
        Assert.Equal(saved, File.ReadAllBytes(path));
        foreach (var place in new[] { 0, 3, 20, saved.Length / 2, saved.Length - 1 })
        {
            var bytes = saved.ToArray();
            bytes[place] ^= 0x40;
            File.WriteAllBytes(path, bytes);
            Refused("is damaged", () => new(model, Data(model), s_options with { Steps = 2 }, _folder));
        }
        foreach (var length in new[] { 0, 3, 1000, saved.Length - 1 })
        {
            File.WriteAllBytes(path, saved[..length]);
            Refused("is damaged", () => new(model, Data(model), s_options with { Steps = 2 }, _folder));
        }
    }

    // A folder where the file would go; and a full disk, which /dev/full is.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_checkpoint_that_cannot_be_written_leaves_the_one_before(bool isFull)
    {
        if (isFull && !File.Exists("/dev/full"))
            Assert.Skip("there is no /dev/full");
        var temporary = Path.Combine(_folder, Trainer.CheckpointName + ".tmp");
        using var model = TinyModels.Load("qwen2-tiny-f32");
        using var trainer = new Trainer(model, Data(model), s_options, _folder);
        var saved = new List<int>();
        trainer.Stepped += step =>
        {
            if (step.IsSaved)
                saved.Add(step.Step);
            if (step.Step == 3 && isFull)
                File.CreateSymbolicLink(temporary, "/dev/full");
            else if (step.Step == 3)
                Directory.CreateDirectory(temporary);
        };
        var problem = Assert.Throws<TrainingException>(() => trainer.Run());
        Assert.Contains("step 4 cannot be saved", problem.Message, StringComparison.Ordinal);
        Assert.Contains("Step 2 is, whole", problem.Message, StringComparison.Ordinal);
        Assert.Equal([2], saved);
        if (isFull)
            Assert.Contains("No space left", problem.Message, StringComparison.OrdinalIgnoreCase);
        else
            Directory.Delete(temporary);
        using var again = Train(model, s_options, _folder);
        Assert.Equal(s_options.Steps, again.Step);
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_the_run_and_names_step_and_samples()
    {
        var path = Path.Combine(_folder, "broken.gguf");
        File.WriteAllBytes(path, WithoutNumber(SharedModel("qwen2-tiny-f32.gguf"), "output_norm.weight"));
        using var model = Model.Load(path, new ModelOptions { Threads = 1 });
        using var trainer = new Trainer(model,
            new() { Samples = [TinyModels.Sample(model, 20, 1), TinyModels.Sample(model, 20, 2)] }, s_options);
        var problem = Assert.Throws<TrainingException>(() => trainer.Run());
        Assert.Contains("step 1: the loss is NaN in samples 1, 2", problem.Message, StringComparison.Ordinal);
        Assert.Equal(0, trainer.Step);
    }

    static string SharedModel(string name) => Banyan.Tests.SharedData.Path("models", name);

    // The file with the first number of a tensor made NaN.
    static byte[] WithoutNumber(string path, string tensor)
    {
        using var file = ModelFile.Open(path);
        var row = file.GetTensor(tensor).Row(0);
        var bytes = File.ReadAllBytes(path);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(bytes.AsSpan().IndexOf(row)), float.NaN);
        return bytes;
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        using var model = TinyModels.Load("qwen2-tiny-f32");
        void Refused(string names, TrainingData data, TuneOptions options) =>
            Assert.Contains(names, Assert.Throws<ArgumentException>(() => new Trainer(model, data, options)).Message,
                StringComparison.Ordinal);

        Refused("Rank is 0", Data(model), s_options with { Rank = 0 });
        Refused("LearningRate is NaN", Data(model), s_options with { LearningRate = double.NaN });
        Refused("attn_quux", Data(model), s_options with { TargetModules = ["attn_quux"] });
        Refused("sample 1 has token 999999", new() { Samples = [new([1, 999999], [false, true])] }, s_options);
        Refused("sample 1 has token -1", new() { Samples = [new([1, -1], [false, true])] }, s_options);
        Refused("1 marks", new() { Samples = [new([1, 2], [true])] }, s_options);
        Refused("nothing to learn", new() { Samples = [new([1, 2], [true, false])] }, s_options);
        Refused("'chosen'", Data(model), s_options with { Objective = TuneObjective.Dpo });
        Refused("Dpo or Orpo", new() { Pairs = [new(new([1, 2], [false, true]), new([1, 3], [false, true]))] }, s_options);
    }

    [Theory]
    [InlineData(TuneMethod.Lora, TuneOptimizer.AdamW)]
    [InlineData(TuneMethod.Full, TuneOptimizer.Muon)]
    public void A_probe_leaves_no_trace(TuneMethod method, TuneOptimizer optimizer)
    {
        using var model = TinyModels.Load("qwen2-tiny-Q4_K_M");
        var options = s_options with { Method = method, Optimizer = optimizer };
        using var plain = Train(model, options, null);
        using var probed = new Trainer(model, Data(model), options, _folder);
        Assert.Null(probed.Remaining);
        var probe = probed.Probe();
        Assert.True(probe.TokensPerSecond > 0 && probe.Remaining > TimeSpan.Zero);
        Assert.Empty(Directory.GetFiles(_folder));
        Assert.True(probed.Run());
        Assert.Equal(plain.History.Select(s => (s.Loss, s.HeldOut)), probed.History.Select(s => (s.Loss, s.HeldOut)));
        Assert.True(probed.Remaining > TimeSpan.Zero); // it is still compared and written
    }
}
