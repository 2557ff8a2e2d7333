namespace Banyan.Runtime.Models;

/// <summary>
/// How many cores compute. Two hardware threads of one core share its arithmetic units, so more threads than cores only get in each
/// other's way.
/// </summary>
internal static class PhysicalCores
{
    /// <summary>Physical cores, at most the processors this process may use; at least 1.</summary>
    public static int Count { get; } = Math.Max(1, Math.Min(Environment.ProcessorCount, OnLinux() ?? Environment.ProcessorCount));

    static int? OnLinux()
    {
        const string processors = "/sys/devices/system/cpu";
        if (!OperatingSystem.IsLinux() || !Directory.Exists(processors))
            return null;
        try
        {
            var cores = Directory.GetDirectories(processors, "cpu*")
                .Select(p => Path.Combine(p, "topology", "thread_siblings_list"))
                .Where(File.Exists).Select(File.ReadAllText).Distinct().Count();
            return cores == 0 ? null : cores;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
