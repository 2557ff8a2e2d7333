using System.Globalization;

namespace Banyan.Evaluation.Efficiency;

/// <summary>
/// Energy of the processor packages, as the processor counts it (RAPL, through Linux's powercap). Virtual machines and most unprivileged
/// users cannot read it: then nothing is measured or estimated.
/// </summary>
public sealed class EnergyMeter
{
    readonly IReadOnlyList<(string Counter, long Range)> _packages;

    EnergyMeter(IReadOnlyList<(string, long)> packages) => _packages = packages;

    /// <summary>The meter of this machine; null if none is readable.</summary>
    public static EnergyMeter? Open(string folder = "/sys/class/powercap")
    {
        try
        {
            var packages = Directory.Exists(folder)
                ? Directory.GetDirectories(folder, "intel-rapl:*").Where(d => Path.GetFileName(d).Count(c => c == ':') == 1)
                    .Where(d => File.ReadAllText(Path.Combine(d, "name")).StartsWith("package", StringComparison.Ordinal))
                    .Select(d => (Path.Combine(d, "energy_uj"), Number(Path.Combine(d, "max_energy_range_uj")))).ToList()
                : [];
            foreach (var (counter, _) in packages)
                Number(counter);
            return packages.Count > 0 ? new(packages) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The counters now.</summary>
    public IReadOnlyList<long> Read() => [.. _packages.Select(p => Number(p.Counter))];

    /// <summary>Joules between two readings; counter wrap-around is handled (it happens at most once in some minutes).</summary>
    public double Joules(IReadOnlyList<long> before, IReadOnlyList<long> after) =>
        _packages.Select((p, i) => after[i] >= before[i] ? after[i] - before[i] : after[i] - before[i] + p.Range).Sum() / 1e6;

    static long Number(string file) => long.Parse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture);
}
