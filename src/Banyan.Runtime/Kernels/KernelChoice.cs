using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Models;

namespace Banyan.Runtime.Kernels;

/// <summary>Which kernels this process uses, and why no better ones.</summary>
public static class KernelChoice
{
    /// <summary>The rung of the ladder: <c>avx512-vnni</c>, …, <c>scalar</c>.</summary>
    /// <exception cref="NotSupportedException">The variable BANYAN_KERNELS names one that this machine does not have.</exception>
    public static string Name => Ladder.Current.Name;

    /// <summary>The default number of computing threads: the physical cores that this process may use.</summary>
    public static int Threads => PhysicalCores.Count;

    /// <summary>The better rungs of this processor's architecture that are not used, best first, each with the reason.</summary>
    public static IReadOnlyList<(string Name, string Reason)> Passed => [.. Ladder.All.TakeWhile(r => r != Ladder.Current)
        .Where(r => r is NeonRung == (ProcessorFacts.Current.Architecture == System.Runtime.InteropServices.Architecture.Arm64))
        .Select(r => (r.Name, r.IsSupported ? "BANYAN_KERNELS names another" : Ladder.Reason(r.Name, ProcessorFacts.Current)))];
}
