namespace Banyan.Bench;

/// <summary>Which machine this is.</summary>
static class Machine
{
    public static string Name => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1]
        ?? "unknown"
        : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";
}

/// <summary>
/// The least of several times: what the code takes when nothing else disturbs. Pieces of work of a millisecond fit between the
/// disturbances.
/// </summary>
static class Best
{
    /// <param name="clock">Tells seconds: of the wall, or those that a thread had a processor, which what else the machine does changes
    /// less.</param>
    public static double Seconds(int runs, Action work, Func<double>? clock = null)
    {
        clock ??= static () => System.Diagnostics.Stopwatch.GetTimestamp() / (double)System.Diagnostics.Stopwatch.Frequency;
        // What is not compiled fully at once (AggressiveOptimization) is after a tenth of a second.
        for (var start = clock(); clock() - start < 0.2;)
            work();
        var best = double.MaxValue;
        for (var i = 0; i < runs; i++)
        {
            var start = clock();
            work();
            best = Math.Min(best, clock() - start);
        }
        return best;
    }
}
