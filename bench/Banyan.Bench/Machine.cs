namespace Banyan.Bench;

/// <summary>Which machine this is.</summary>
static class Machine
{
    public static string Name => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1] ?? "unknown"
        : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";
}

/// <summary>The least of several times: what the code takes when nothing else disturbs. Pieces of work of a millisecond fit between the disturbances.</summary>
static class Best
{
    public static double Seconds(int runs, Action work)
    {
        // What is not compiled fully at once (AggressiveOptimization) is after a tenth of a second.
        for (var start = System.Diagnostics.Stopwatch.GetTimestamp(); System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds < 0.2;)
            work();
        var best = double.MaxValue;
        for (var i = 0; i < runs; i++)
        {
            var start = System.Diagnostics.Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
