namespace Banyan.Evaluation.Sandboxes;

/// <summary>Limits of a sandboxed program. All apply to the whole process tree unless they say "each".</summary>
public sealed record SandboxLimits
{
    /// <summary>CPU-seconds, user and system, of all processes together.</summary>
    public double CpuSeconds { get; init; } = 10;

    /// <summary>Wall-clock seconds, whatever the program does: the last resort, far above <see cref="CpuSeconds"/>.</summary>
    public double WallSeconds { get; init; } = 120;

    /// <summary>Total seconds in which no thread of the tree ran or was ready to run: a sleeping program is killed.</summary>
    public double IdleSeconds { get; init; } = 5;

    /// <summary>Resident bytes plus what its sockets may hold, sampled.</summary>
    public long MemoryBytes { get; init; } = 2L << 30;

    /// <summary>
    /// Address space of each process, enforced by the kernel; null for runtimes that reserve far more than they use (Node, Java, .NET).
    /// </summary>
    public long? AddressSpaceBytes { get; init; } = 4L << 30;

    /// <summary>Processes and threads alive at once.</summary>
    public int Processes { get; init; } = 32;

    /// <summary>Open files of each process.</summary>
    public int OpenFiles { get; init; } = 256;

    /// <summary>Bytes of the scratch folder (<c>/tmp</c>, in memory), and of each file.</summary>
    public long ScratchBytes { get; init; } = 64L << 20;

    /// <summary>Bytes the program may write to standard output; the same again to standard error.</summary>
    public long OutputBytes { get; init; } = 32L << 20;
}
