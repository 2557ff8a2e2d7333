using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Models;
using Banyan.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Torch;

/// <summary>
/// A step of LoRA on a model's own shape by Banyan and by libtorch, in turn, each in a process of its own, whose memory is counted.
/// </summary>
static class StepBench
{
    const int Rank = 16, Seed = 1;

    static readonly string[] s_who = ["banyan", .. TuneOptions.HasBFloat16 ? ["banyan-bf16"] : (string[])[], "torch-f32", "torch-bf16"];

    public static int Run(string path, int threads, int length, int steps, int rounds)
    {
        var best = s_who.ToDictionary(w => w, _ => (Seconds: double.MaxValue, Processor: double.MaxValue, Memory: 0L, Loss: 0.0));
        for (var round = 0; round < rounds; round++)
            foreach (var who in s_who)
            {
                var one = Child(who, path, threads, length, steps);
                var (seconds, processor, memory) = ((double)one["seconds"]!, (double)one["processor"]!, (long)one["memory"]!);
                var b = best[who];
                best[who] = (Math.Min(b.Seconds, seconds), Math.Min(b.Processor, processor),
                    Math.Max(b.Memory, memory), (double)one["loss"]!);
            }
        var cpu = File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1] ?? "unknown";
        Console.WriteLine(
            $"{cpu}, {threads} threads, kernels {Ladder.Current.Name}, .NET {Environment.Version}, {DateTime.UtcNow:yyyy-MM-dd}: {Path.GetFileName(path)}, a text of {length} tokens, LoRA of rank {Rank} on all linear layers; the least of {rounds} × {steps} steps.");
        Console.WriteLine();
        Console.WriteLine("| | s a step | processor seconds | tokens/s | most memory | loss |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var (who, b) in best)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {who} | {b.Seconds:f2} | {b.Processor:f2} | {length / b.Seconds:f1} | {b.Memory / 1e9:f2} GB | {b.Loss:f4} |"));
        Console.WriteLine();
        foreach (var (name, mine, theirs) in new[] { ("float32", "banyan", "torch-f32"), ("BF16", "banyan-bf16", "torch-bf16") })
            if (best.TryGetValue(mine, out var own) && best[theirs] is var other)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"Banyan against libtorch in {name}: {other.Seconds / own.Seconds:f2} × the speed, {other.Processor / own.Processor:f2} × by processor time, {(double)own.Memory / other.Memory:f2} × the memory."));
        return 0;
    }

    static JsonNode Child(string who, string path, int threads, int length, int steps)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(StepBench).Assembly.Location);
        foreach (var argument in new[] { "step-of", who, path, $"{threads}", $"{length}", $"{steps}" })
            start.ArgumentList.Add(argument);
        // To libtorch's advantage: freed memory is kept, and threads do not spin where others compute.
        foreach (var (name, value) in new[] { ("MALLOC_MMAP_THRESHOLD_", "4294967296"), ("MALLOC_TRIM_THRESHOLD_", "17179869184"),
            ("OMP_WAIT_POLICY", "passive") })
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonNode.Parse(output)!
            : throw new InvalidOperationException($"{who} ended with {process.ExitCode}: {output}");
    }

    /// <summary>Runs one of them and prints what it took.</summary>
    public static int RunOne(string who, string path, int threads, int length, int steps)
    {
        var (seconds, processor, last) = (double.MaxValue, double.MaxValue, 0.0);
        void Step(Func<double> step, bool counts)
        {
            var (began, used) = (Stopwatch.GetTimestamp(), Process.GetCurrentProcess().TotalProcessorTime);
            last = step();
            if (!counts)
                return;
            seconds = Math.Min(seconds, Stopwatch.GetElapsedTime(began).TotalSeconds);
            processor = Math.Min(processor, (Process.GetCurrentProcess().TotalProcessorTime - used).TotalSeconds);
        }
        if (who.StartsWith("banyan", StringComparison.Ordinal))
            Banyan(path, threads, length, steps, who == "banyan-bf16", Step);
        else
            Torch(path, threads, length, steps, who == "torch-bf16" ? ScalarType.BFloat16 : ScalarType.Float32, Step);
        Console.WriteLine(new JsonObject
        {
            ["seconds"] = seconds,
            ["processor"] = processor,
            ["memory"] = Process.GetCurrentProcess().PeakWorkingSet64,
            ["loss"] = last
        }.ToJsonString());
        return 0;
    }

    static Sample Text(int vocabulary, int length)
    {
        var random = new Random(Seed);
        return new([.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))], [.. Enumerable.Repeat(true, length)]);
    }

    static void Banyan(string path, int threads, int length, int steps, bool bfloat16, Action<Func<double>, bool> measure)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = threads, Activations = ActivationFormat.Float });
        var options = new TuneOptions
        {
            Rank = Rank,
            SequenceLength = length,
            SequencesPerStep = 1,
            Steps = steps + 1,
            Recompute = false,
            Precision = bfloat16 ? TunePrecision.BFloat16 : TunePrecision.Float32
        };
        using var trainer = new Trainer(model, new() { Samples = [Text(model.Config.VocabularySize, length)] }, options);
        // A step at a time: the run goes on when it is asked.
        using SemaphoreSlim go = new(0), done = new(0);
        trainer.Stepped += _ =>
        {
            done.Release();
            go.Wait();
        };
        var run = Task.Factory.StartNew(() => { go.Wait(); trainer.Run(); }, TaskCreationOptions.LongRunning);
        for (var step = 0; step <= steps; step++)
            measure(() =>
            {
                go.Release();
                done.Wait();
                return trainer.History[^1].Loss;
            }, step > 0);
        go.Release();
        run.Wait();
    }

    static void Torch(string path, int threads, int length, int steps, ScalarType type, Action<Func<double>, bool> measure)
    {
        set_num_threads(threads);
        TorchModel network;
        var options = new TuneOptions { Rank = Rank };
        Sample text;
        using (var file = ModelFile.Open(path))
        {
            var random = new Random(Seed);
            var adapters = file.Tensors.Where(t => t.Name.StartsWith("blk.", StringComparison.Ordinal) && t.Shape.Count == 2)
                .ToDictionary(t => t.Name,
                    t => (Enumerable.Range(0, (int)(Rank * t.Columns))
                        .Select(_ => (float)((2 * random.NextDouble() - 1) / Math.Sqrt(t.Columns))).ToArray(), new float[Rank * t.Rows]));
            network = new TorchModel(file, type, trains: false, adapters, options.Scale);
            text = Text((int)file.GetTensor("token_embd.weight").Rows, length);
        }
        GC.Collect();
        var parameters = network.Adapters.ToList();
        using var optimizer = optim.AdamW(parameters, options.HighestRate, options.Beta1, options.Beta2, options.Epsilon, weight_decay: 0);
        for (var step = 0; step <= steps; step++)
            measure(() =>
            {
                using var scope = NewDisposeScope();
                var loss = network.Loss(text.Tokens, text.Targets) / (length - 1);
                optimizer.zero_grad();
                loss.backward();
                nn.utils.clip_grad_norm_(parameters, options.ClipNorm);
                optimizer.step();
                return loss.to_type(ScalarType.Float64).item<double>();
            }, step > 0);
    }
}
