using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;
using Banyan.Tests;
using Banyan.Training.Objectives;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;

namespace Banyan.Training.Tests.Passes;

/// <summary>The training pass against the runtime's own, and its gradients against differences of its losses.</summary>
public unsafe class NetworkTests
{
    public static TheoryData<string> Models => TinyModels.All;

    static readonly TuneOptions s_full = new() { Method = TuneMethod.Full };

    // All linear layers and the experts.
    static readonly string[] s_experts = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"];

    static Network Build(Model model, TuneOptions options, bool recompute = false, params Sample[] samples)
    {
        var network = new Network(model, options, samples.Sum(s => s.Tokens.Length) + 3);
        network.Allocate(recompute);
        foreach (var sample in samples)
            network.Pass.Add(sample);
        return network;
    }

    static double Loss(Network network, bool prepare)
    {
        if (prepare)
            network.Prepare();
        network.Forward();
        network.Losses(CrossEntropy.Instance);
        var sum = 0.0;
        for (var i = 0; i < network.Pass.TargetCount; i++)
            sum += network.Head.Losses[i] * Weight(i);
        return sum;
    }

    // Targets of different weight, so that none is taken for another.
    static float Weight(int index) => 0.5f + index % 3;

    static float[] Gradient(Network network)
    {
        network.Prepare();
        for (var i = 0; i < network.Pass.TargetCount; i++)
            network.Head.Coefficients[i] = Weight(i);
        network.Parameters.ClearGradients();
        network.Forward();
        network.Backward(CrossEntropy.Instance);
        return new Span<float>(network.Parameters.Gradients, (int)network.Parameters.Size).ToArray();
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Losses_are_the_runtimes_log_probabilities(string name)
    {
        using var model = TinyModels.Load(name);
        Sample[] samples = [TinyModels.Sample(model, 90, 1), TinyModels.Sample(model, 37, 2)];
        using var network = Build(model, new TuneOptions { Rank = 4 }, false, samples);
        network.Forward();
        network.Losses(CrossEntropy.Instance);
        var losses = network.Head.Losses[..network.Pass.TargetCount].ToArray();
        var expected = samples.SelectMany(s => RuntimeLosses(model, s)).ToArray();
        Assert.Equal(expected.Length, losses.Length);
        for (var i = 0; i < losses.Length; i++)
            Assert.Equal(expected[i], losses[i], 1e-4 * (1 + expected[i]));
    }

    // A family that runs is trained as it runs, or refused by name; never trained as something else.
    [Fact]
    public void Every_family_that_runs_is_trained_as_it_runs_or_refused()
    {
        var (trained, refused, wrong) = (0, 0, new List<string>());
        foreach (var path in Directory.GetFiles(SharedData.Path("models", "families"), "*.gguf").Order(StringComparer.Ordinal))
        {
            var name = "families/" + Path.GetFileNameWithoutExtension(path);
            try
            {
                using var model = TinyModels.Load(name);
                var sample = TinyModels.Sample(model, 40, 1);
                using var network = Build(model, new TuneOptions { Rank = 4 }, false, sample);
                network.Forward();
                network.Losses(CrossEntropy.Instance);
                var expected = RuntimeLosses(model, sample);
                var largest = expected.Zip(network.Head.Losses[..network.Pass.TargetCount].ToArray(), (a, b) => Math.Abs(a - b)).Max();
                if (!(largest <= 2e-3))
                    wrong.Add($"{name}: {largest:g3}");
                trained++;
            }
            catch (Exception e) when (e is ModelFileException or ArgumentException)
            {
                refused++;
            }
        }
        Assert.Empty(wrong);
        Assert.True(trained >= 5 && refused >= 1, $"{trained} trained, {refused} refused");
    }

    static List<double> RuntimeLosses(Model model, Sample sample)
    {
        using var cache = new KvCache(model, sample.Tokens.Length + 64);
        var batch = new Batch(sample.Tokens.Length);
        using var forward = new Forward(model, cache, batch.Capacity, batch.Capacity);
        var sequence = new Sequence(cache, sample.Tokens.Length);
        Assert.True(sequence.TryReserve(sample.Tokens.Length));
        batch.Add(sequence, sample.Tokens, logits: sample.Tokens.Length);
        forward.Run(batch);
        var losses = new List<double>();
        for (var i = 1; i < sample.Tokens.Length; i++)
            if (sample.Targets[i])
            {
                var logits = forward.Result(i - 1);
                losses.Add(Distribution.LogSumExp(logits) - logits[sample.Tokens[i]]);
            }
        return losses;
    }

    // The loss along the gradient, and along random directions, by a central difference of four points.
    [Theory]
    [MemberData(nameof(Models))]
    public void The_gradient_of_every_tensor_is_the_loss_difference(string name)
    {
        using var model = TinyModels.Load(name);
        using var network = Build(model, s_full, false, TinyModels.Sample(model, 70, 3), TinyModels.Sample(model, 21, 4));
        // Gemma norms each block's result, which makes much of its rounding: ten times as much of the loss as with others.
        Check(network, noise: name.Contains("gemma") ? 2e-4 : 2e-5);
    }

    [Theory]
    [InlineData("qwen2-tiny-Q4_K_M")]
    [InlineData("qwen3moe-tiny-Q8_0")]
    [InlineData("families/olmo3")]
    [InlineData("families/phi3")]
    public void The_gradient_of_every_adapter_is_the_loss_difference(string name)
    {
        using var model = TinyModels.Load(name);
        using var network = Build(model, new TuneOptions { Rank = 4, TargetModules = name.Contains("moe") ? s_experts : [] },
            false, TinyModels.Sample(model, 70, 3), TinyModels.Sample(model, 21, 4));
        FillB(network);
        Check(network);
    }

    // Tied and not: rows of embedding and output beside adapters, which have the gradient that they have among all.
    [Theory]
    [InlineData("qwen2-tiny-f32")]
    [InlineData("llama-tiny-F16")]
    public void The_gradient_of_new_tokens_is_the_loss_difference(string name)
    {
        using var model = TinyModels.Load(name);
        Sample[] samples = [TinyModels.Sample(model, 70, 3), TinyModels.Sample(model, 21, 4)];
        const int New = 700;
        using var rows = Build(model, new TuneOptions { Rank = 4, NewTokens = New }, false, samples);
        using var all = Build(model, s_full, false, samples);
        float[] gradient = Gradient(rows), expected = Gradient(all);
        var first = model.Config.VocabularySize - New;
        var trained = rows.Parameters.All.Where(p => p.Name.EndsWith($"#{first}", StringComparison.Ordinal)).ToList();
        Assert.Equal(name.StartsWith("qwen2", StringComparison.Ordinal) ? 1 : 2, trained.Count);
        foreach (var p in trained)
        {
            var whole = all.Parameters.All.Single(q => q.Name == p.Name.Split('#')[0]);
            var norm = Norm(gradient, p);
            Assert.True(norm > 0);
            for (var i = 0; i < p.Count; i++)
                Assert.Equal(expected[whole.Offset + (long)first * p.Columns + i], gradient[p.Offset + i], 1e-5 * norm);
        }
        FillB(rows);
        foreach (var p in trained)
            for (var i = 0; i < p.Count; i++)
                p.Value[i] *= 1.1f; // others than the model's
        Check(rows);
    }

    // The norms of its rows count as constants in DoRA's gradient: they stay where A and B are moved.
    [Fact]
    public void The_gradient_of_DoRA_is_the_loss_difference_at_constant_norms()
    {
        using var model = TinyModels.Load("families/smollm3");
        using var network = Build(model, new TuneOptions { Method = TuneMethod.Dora, Rank = 4 }, false, TinyModels.Sample(model, 70, 3));
        FillB(network);
        Check(network, prepares: p => p.Kind == ParameterKind.Vector);
    }

    [Fact]
    public void Top_layers_have_the_gradient_that_they_have_among_all()
    {
        using var model = TinyModels.Load("qwen3-tiny-F16");
        var sample = TinyModels.Sample(model, 70, 3);
        using var all = Build(model, s_full, false, sample);
        using var top = Build(model, s_full with { TopLayers = 1 }, false, sample);
        float[] expected = Gradient(all), gradient = Gradient(top);
        Assert.NotEmpty(top.Parameters.All);
        foreach (var p in top.Parameters.All)
        {
            var same = all.Parameters.All.Single(q => q.Name == p.Name);
            Assert.Equal(expected.AsSpan((int)same.Offset, (int)p.Count), gradient.AsSpan((int)p.Offset, (int)p.Count));
        }
    }

    // B begins at 0, where A has no gradient.
    static void FillB(Network network)
    {
        foreach (var b in network.Parameters.All.Where(p => p.Name.EndsWith(".lora_b", StringComparison.Ordinal)))
            Start.Normal(b, 7, 0.05);
    }

    static void Check(Network network, Func<Parameter, bool>? prepares = null, double noise = 2e-5)
    {
        var gradient = Gradient(network);
        var largest = network.Parameters.All.Max(p => Norm(gradient, p));
        Assert.True(largest > 0);
        foreach (var p in network.Parameters.All)
        {
            var norm = Norm(gradient, p);
            if (norm < 1e-3 * largest || p.Name.Contains('[') && !p.Name.Contains("[3]"))
                continue; // its differences drown in the loss's rounding; or one expert stands for all
            // Along the tensor's own gradient the slope is its norm: any wrong element makes it smaller.
            var step = Math.Min(0.02 / norm, 0.02 * Math.Sqrt(p.Count) * 0.05);
            var slope = Slope();
            for (var tries = 0; tries < 4 && !IsNear(); tries++)
            {
                // The loss jumps where a row changes its experts: closer, none does.
                step /= 2;
                slope = Slope();
            }
            Assert.True(IsNear(), $"{p.Name}: slope {slope:g6}, gradient {norm:g6}");

            bool IsNear() => Math.Abs(slope - norm) <= 0.01 * norm + noise / step;

            double Slope() => (8 * (At(step) - At(-step)) - (At(2 * step) - At(-2 * step))) / (12 * step);

            double At(double distance)
            {
                var saved = p.Values.ToArray();
                for (var i = 0; i < p.Count; i++)
                    p.Value[i] = (float)(saved[i] + distance * gradient[p.Offset + i] / norm);
                var loss = Loss(network, prepares?.Invoke(p) ?? true);
                saved.CopyTo(p.Values);
                return loss;
            }
        }
    }

    static double Norm(float[] gradient, Parameter p)
    {
        var sum = 0.0;
        for (var i = 0; i < p.Count; i++)
            sum += (double)gradient[p.Offset + i] * gradient[p.Offset + i];
        return Math.Sqrt(sum);
    }

    [Theory]
    [InlineData("qwen2-tiny-Q4_K_M", TuneMethod.Lora)]
    [InlineData("qwen3moe-tiny-Q8_0", TuneMethod.Lora)]
    [InlineData("families/olmo3", TuneMethod.Dora)]
    [InlineData("stories260K", TuneMethod.Full)]
    public void Neither_threads_nor_recomputing_change_a_bit(string name, TuneMethod method)
    {
        var options = new TuneOptions { Method = method, Rank = 4, TargetModules = name.Contains("moe") ? s_experts : [] };
        float[]? first = null;
        foreach (var (threads, recompute) in new[] { (1, false), (2, true), (3, false) })
        {
            using var model = TinyModels.Load(name, threads);
            using var network = Build(model, options, recompute, TinyModels.Sample(model, 130, 5), TinyModels.Sample(model, 33, 6));
            FillB(network);
            var gradient = Gradient(network);
            first ??= gradient;
            Assert.True(first.AsSpan().SequenceEqual(gradient), $"{threads} threads, recompute {recompute}");
        }
    }
}
