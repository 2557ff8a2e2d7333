namespace Banyan.Runtime.Kernels;

/// <summary>
/// The rungs, best first. The first that the machine supports is used; the environment variable BANYAN_KERNELS names another.
/// </summary>
internal static class Ladder
{
    public static IReadOnlyList<Rung> All { get; } = [new AssembledRung(), new Avx512Rung(), new Avx2Rung(), new ScalarRung()];

    public static Rung Current { get; } = Choose(Environment.GetEnvironmentVariable("BANYAN_KERNELS"));

    /// <summary>Whether elementwise operations may use vectors; the scalar rung forces their scalar reference.</summary>
    public static bool UsesVectors { get; } = Current is not ScalarRung;

    /// <exception cref="NotSupportedException">There is no such rung, or this machine cannot stand on it.</exception>
    public static Rung Choose(string? name)
    {
        var usable = All.Where(r => r.IsSupported);
        if (string.IsNullOrEmpty(name))
            return usable.First();
        return usable.FirstOrDefault(r => r.Name == name) ?? throw new NotSupportedException(
            $"BANYAN_KERNELS={name}: {(All.Any(r => r.Name == name) ? "this processor lacks the instructions" : "there is no such rung")}; here it can be {string.Join(", ", usable.Select(r => r.Name))}.");
    }
}
