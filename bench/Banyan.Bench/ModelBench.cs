using System.Diagnostics;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;

namespace Banyan.Bench;

/// <summary>
/// A model's prefill and decode as bench/peers measures them: by the clock (median and best), and by the processor time that was used. On a
/// machine that is busy with other things only the second can be compared, and with one thread (several wait for each other in loops).
/// </summary>
static class ModelBench
{
    public static async Task Run(string path, int threads, int prompt, int generate, int runs)
    {
        var start = Stopwatch.GetTimestamp();
        var cpu = Environment.CpuUsage.TotalTime;
        using var model = Model.Load(path, new ModelOptions { Threads = threads });
        var (loadSeconds, loadCpu) = (Stopwatch.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        await using var engine = new Engine(model, new EngineOptions { MaxRequests = 1, CacheTokens = 1, Speculation = false });
        var (prefill, decode) = (new List<Speed>(), new List<Speed>());
        for (var run = -1; run < runs; run++) // the first warms up
        {
            var first = await Measure(engine, prompt, 1, run, prompt);
            var second = await Measure(engine, 1, generate, run, generate);
            if (run < 0)
                continue;
            prefill.Add(first);
            decode.Add(second);
        }
        Console.WriteLine(new JsonObject
        {
            ["system"] = $"banyan {Model.Kernels}",
            ["model"] = Path.GetFileName(path),
            ["threads"] = threads,
            ["prefill"] = Math.Round(Median(prefill), 2),
            ["decode"] = Math.Round(Median(decode), 2),
            ["prefillBest"] = Math.Round(prefill.Max(s => s.PerSecond), 2),
            ["decodeBest"] = Math.Round(decode.Max(s => s.PerSecond), 2),
            ["prefillPerCpuSecond"] = Math.Round(prefill.Max(s => s.PerCpuSecond), 2),
            ["decodePerCpuSecond"] = Math.Round(decode.Max(s => s.PerCpuSecond), 2),
            ["loadSeconds"] = Math.Round(loadSeconds, 2),
            ["loadCpuSeconds"] = Math.Round(loadCpu, 2),
        }.ToJsonString());
    }

    static double Median(List<Speed> speeds) => speeds.Select(s => s.PerSecond).Order().ElementAt(speeds.Count / 2);

    readonly record struct Speed(double PerSecond, double PerCpuSecond);

    static async Task<Speed> Measure(Engine engine, int prompt, int generate, int run, int counted)
    {
        int[] tokens = [.. Enumerable.Range(0, prompt).Select(i => (i * 7919 + 13 + run) % 1500)];
        var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        await foreach (var _ in engine.GenerateAsync(tokens,
            new GenerationOptions { MaxTokens = generate, Temperature = 0, IgnoreEndOfText = true }, default))
        {
        }
        return new Speed(counted / Stopwatch.GetElapsedTime(start).TotalSeconds,
            counted / (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
    }
}
