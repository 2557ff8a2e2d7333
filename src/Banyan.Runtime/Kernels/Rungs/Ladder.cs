using Banyan.Runtime.Kernels.Assembled;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>
/// The rungs, best first. The first that the machine supports is used; the environment variable BANYAN_KERNELS names another.
/// </summary>
internal static class Ladder
{
    public static IReadOnlyList<Rung> All { get; } =
        [new AssembledRung(), new AvxVnniRung(), new Avx512Rung(), new Avx2Rung(), new DotProductRung(), new NeonRung(), new ScalarRung()];

    public static Rung Current { get; } = Choose(Environment.GetEnvironmentVariable("BANYAN_KERNELS"));

    /// <summary>Whether elementwise operations may use vectors; the scalar rung forces their scalar reference.</summary>
    public static bool UsesVectors { get; } = Current is not ScalarRung;

    /// <summary>The rung of this machine.</summary>
    /// <exception cref="NotSupportedException">There is no such rung, or this machine does not support it.</exception>
    public static Rung Choose(string? name) => Choose(name, ProcessorFacts.Current);

    /// <summary>The rung of a machine.</summary>
    /// <inheritdoc cref="Choose(string?)"/>
    public static Rung Choose(string? name, ProcessorFacts facts)
    {
        var usable = All.Where(r => r.IsSupportedBy(facts));
        if (string.IsNullOrEmpty(name))
            return usable.First();
        return usable.FirstOrDefault(r => r.Name == name) ?? throw new NotSupportedException(
            $"BANYAN_KERNELS={name}: {Reason(name, facts)}; here it can be {string.Join(", ", usable.Select(r => r.Name))}.");
    }

    /// <summary>Why a machine does not support a rung.</summary>
    public static string Reason(string name, ProcessorFacts facts) => All.FirstOrDefault(r => r.Name == name) switch
    {
        null => "there is no such rung",
        var rung when rung.IsSupportedBy(facts with { HasExecutableMemory = true, Xcr0 = facts.Xcr0 ?? ulong.MaxValue }) =>
            "the system refuses memory that can be executed",
        _ => "this processor lacks the instructions",
    };
}
