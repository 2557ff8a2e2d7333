using System.Diagnostics;
using System.Globalization;
using Banyan.Sprout.Data;
using Banyan.Sprout.Tokens;
using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>How long and how to train. The learning rate follows time spent, so that a run of any speed ends annealed.</summary>
internal sealed record TrainingOptions(string DataFolder, string RunFolder, double Hours, int Threads, int Seed)
{
    public int BatchTokens { get; init; } = 8192;

    /// <summary>Share of the time with batches half as large: early gradients agree, so more steps are worth more.</summary>
    public double SmallBatchUntil { get; init; } = 0.5;

    /// <summary>Share of the time at full learning rate, before it falls in a line to zero.</summary>
    public double HoldUntil { get; init; } = 0.25;

    /// <summary>Share of the time on short sequences, which are cheaper.</summary>
    public double ShortUntil { get; init; } = 0.65;

    public int ShortSequence { get; init; } = 512;

    public int WarmUpSteps { get; init; } = 40;
}

/// <summary>One run: :: 1 resume · 2 gradients of one batch, shared out among workers · 3 step · 4 log, evaluate, save.</summary>
internal sealed class Trainer(TrainingOptions options)
{
    private static readonly TimeSpan s_saveEvery = TimeSpan.FromMinutes(3), s_evaluateEvery = TimeSpan.FromMinutes(4);

    private string CheckpointPath => Path.Combine(options.RunFolder, "checkpoint.safetensors");

    public void Run(ModelShape shape)
    {
        set_num_threads(options.Threads);
        Directory.CreateDirectory(options.RunFolder);
        var tokenizer = BpeTokenizer.Load(Path.Combine(options.DataFolder, "merges.json"));
        var batches = new Batches(options.DataFolder, tokenizer);
        var probe = ProbeFiles();

        // :: 1
        var model = new SproutModel(shape, options.Seed);
        var workers = Enumerable.Range(0, options.Threads).Select(_ => model.Replica()).ToArray();
        var gradients = workers.Select(worker => new SequenceGradient(worker)).ToArray();
        var optimizer = new Optimizer(workers[0].Parameters);
        var state = new RunState(0, 0, 0, 0, 0, 0);
        if (File.Exists(CheckpointPath))
        {
            state = Checkpoint.Load(CheckpointPath, model, optimizer);
            (batches.PlainAt, batches.FimAt, batches.Sequences) = (state.PlainAt, state.FimAt, state.Sequences);
        }

        Console.WriteLine($"{model.ParameterCount:N0} parameters; {state.Tokens:N0} tokens behind; {options.Threads} threads; {options.Hours:F2} h in all");
        using var log = new StreamWriter(Path.Combine(options.RunFolder, "loss.csv"), append: true) { AutoFlush = true };
        if (state.Step == 0)
        {
            log.WriteLine("step,tokens,seconds,rate,plain_loss,fim_loss,held_out_bits_per_byte");
        }

        double total = options.Hours * 3600;
        var clock = Stopwatch.StartNew();
        double before = state.TrainedSeconds, savedAt = before, evaluatedAt = before, reportedAt = before;
        long reportedTokens = state.Tokens;
        var reportedCpu = Environment.CpuUsage.TotalTime;
        var plainLoss = new Mean();
        var fimLoss = new Mean();
        while (state.TrainedSeconds < total)
        {
            double progress = state.TrainedSeconds / total;
            float rate = (float)(Math.Min(1, (state.Step + 1.0) / options.WarmUpSteps) * Math.Min(1, (1 - progress) / (1 - options.HoldUntil)));
            int length = progress < options.ShortUntil ? options.ShortSequence : shape.ContextLength;

            // :: 2
            int batchTokens = progress < options.SmallBatchUntil ? options.BatchTokens / 2 : options.BatchTokens;
            var sequences = Enumerable.Range(0, batchTokens / length).Select(_ => (Fim: batches.NextIsFim, Tokens: batches.Next(length))).ToArray();
            float[] losses = Gradients(workers, gradients, sequences.Select(s => s.Tokens).ToArray());
            for (int i = 0; i < sequences.Length; i++)
            {
                (sequences[i].Fim ? fimLoss : plainLoss).Add(losses[i]);
            }

            // :: 3
            state = state with { Step = state.Step + 1, Tokens = state.Tokens + batchTokens };
            optimizer.Step(state.Step, rate);

            // :: 4
            state = state with { TrainedSeconds = before + clock.Elapsed.TotalSeconds, PlainAt = batches.PlainAt, FimAt = batches.FimAt, Sequences = batches.Sequences };
            bool last = state.TrainedSeconds >= total;
            if (state.Step % 20 == 0 || last)
            {
                string heldOut = "";
                if (state.TrainedSeconds - evaluatedAt > s_evaluateEvery.TotalSeconds || last)
                {
                    using var evaluation = new Evaluation(model, tokenizer);
                    heldOut = evaluation.OfFiles(probe).BitsPerByte.ToString("F4", CultureInfo.InvariantCulture);
                    evaluatedAt = state.TrainedSeconds;
                }

                double speed = (state.Tokens - reportedTokens) / (state.TrainedSeconds - reportedAt);
                var cpu = Environment.CpuUsage.TotalTime;
                double speedPerCpu = (state.Tokens - reportedTokens) / (cpu - reportedCpu).TotalSeconds;
                reportedCpu = cpu;
                Console.WriteLine($"{DateTime.UtcNow:HH:mm:ss} step {state.Step,5} {state.Tokens / 1e6,7:F2} M tokens  plain {plainLoss.Value:F3}  fim {fimLoss.Value:F3}  rate {rate:F3}  {speed,6:F0} tok/s  {speedPerCpu,6:F0} tok/CPU s  {TimeSpan.FromSeconds(Math.Max(0, total - state.TrainedSeconds)):h\\:mm\\:ss} left {(heldOut.Length > 0 ? $" held-out {heldOut} bits/byte" : "")}");
                log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{state.Step},{state.Tokens},{state.TrainedSeconds:F0},{rate:F4},{plainLoss.Value:F4},{fimLoss.Value:F4},{heldOut}"));
                plainLoss.Clear();
                fimLoss.Clear();
                (reportedAt, reportedTokens) = (before + clock.Elapsed.TotalSeconds, state.Tokens);
            }

            if (state.TrainedSeconds - savedAt > s_saveEvery.TotalSeconds || last)
            {
                Checkpoint.Save(CheckpointPath, model, optimizer, state);
                savedAt = state.TrainedSeconds;
            }
        }
    }

    /// <summary>A few held-out files of each language, about 60 KB: enough to see the curve, cheap enough to do often.</summary>
    private List<HeldOutFile> ProbeFiles() =>
    [
        .. Evaluation.ReadHeldOut(options.DataFolder).Where(file => file.Set == "files" && file.Text.Length < 8000)
            .GroupBy(file => file.Language).SelectMany(group => group.Take(8)),
    ];

    /// <summary>
    /// Leaves the batch's mean gradient in the first worker's parameters; returns each sequence's loss in nats a token. Workers take one sequence
    /// at a time, each on one thread: on a busy machine nobody waits for a thread that is not running, and one sequence nearly fits the cache.
    /// </summary>
    private static float[] Gradients(SproutModel[] workers, SequenceGradient[] gradients, ushort[][] sequences)
    {
        var losses = new float[sequences.Length];
        int next = -1;
        var threads = gradients.Select(gradient => new Thread(() =>
        {
            set_num_threads(1);
            for (int i; (i = Interlocked.Increment(ref next)) < sequences.Length;)
            {
                losses[i] = gradient.Add(sequences[i], 1f / sequences.Length);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        foreach (var worker in workers[1..])
        {
            foreach (var (name, parameter) in worker.Parameters)
            {
                workers[0].Parameters[name].grad!.add_(parameter.grad!);
                parameter.grad!.zero_();
            }
        }

        return losses;
    }

    private sealed class Mean
    {
        private double _sum;
        private int _count;

        public double Value => _count == 0 ? double.NaN : _sum / _count;

        public void Add(double value) => (_sum, _count) = (_sum + value, _count + 1);

        public void Clear() => (_sum, _count) = (0, 0);
    }
}
