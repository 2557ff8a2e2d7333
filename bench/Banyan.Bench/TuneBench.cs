using System.Diagnostics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training;

namespace Banyan.Bench;

/// <summary>
/// Steps of LoRA on a model's own shape (its weights may be random), against the machine's multiplications in the same run.
/// </summary>
static class TuneBench
{
    public static void Run(string path, int threads, int length, int steps, bool bfloat16)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = threads, Activations = ActivationFormat.Float });
        var peak = FloatPeak.Measure(model.Pool);
        var random = new Random(1);
        var sample = new Sample([.. Enumerable.Range(0, length).Select(_ => random.Next(model.Config.VocabularySize))],
            [.. Enumerable.Repeat(true, length)]);
        var options = new TuneOptions
        {
            SequenceLength = length,
            SequencesPerStep = 1,
            Steps = steps + 1,
            Precision = bfloat16 ? TunePrecision.BFloat16 : TunePrecision.Float32
        };
        using var trainer = new Trainer(model, new() { Samples = [sample] }, options);
        var (least, leastOfProcessor, before) = (double.MaxValue, double.MaxValue, Environment.CpuUsage.TotalTime);
        trainer.Stepped += step =>
        {
            var (now, first) = (Environment.CpuUsage.TotalTime, step.Step == 1);
            least = first ? least : Math.Min(least, step.Tokens / step.TokensPerSecond);
            leastOfProcessor = first ? leastOfProcessor : Math.Min(leastOfProcessor, (now - before).TotalSeconds);
            before = now;
        };
        trainer.Run();
        var operations = Operations(model, options, length);
        Console.WriteLine(
            $"{Machine.Name}, {threads} threads, kernels {Ladder.Current.Name}, .NET {Environment.Version}, {DateTime.UtcNow:yyyy-MM-dd}; float32 in registers {peak / 1e9:F0} GFLOP/s");
        Console.WriteLine();
        Console.WriteLine(
            "| model | tokens | least s of a step | tokens/s | GFLOP/s | of the peak | least CPU-s | of the peak | planned memory | most memory |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        Console.WriteLine(
            $"| {model.Name}{(bfloat16 ? ", in BF16" : "")} | {length} | {least:F2} | {length / least:F1} | {operations / least / 1e9:F0} | {operations / least / peak:P0} | {leastOfProcessor:F2} | {operations / leastOfProcessor * threads / peak:P0} | "
            + $"{trainer.Plan.MemoryBytes / 1e9:F2} GB | {Process.GetCurrentProcess().PeakWorkingSet64 / 1e9:F2} GB |");
    }

    // Of every frozen product forward and dX, of an adapter's two products also their own gradients; of attention the causal half, five
    // products back for two.
    static double Operations(Model model, TuneOptions options, int length)
    {
        var sum = 4.0 * length * model.Weights.Logits.Projection.Rows * model.Weights.Logits.Projection.Columns;
        foreach (var layer in model.Weights.Layers)
            foreach (var residual in layer.Residuals)
            {
                var block = residual.Block;
                foreach (var projection in block.Products.SelectMany(p => p.Projections))
                    sum += length
                        * (4.0 * projection.Rows * projection.Columns + 6.0 * options.Rank * (projection.Rows + projection.Columns));
                if (block is Attention attention)
                    sum += 3.5 * length * length * attention.PositionProducts;
            }
        return sum;
    }
}
