namespace Banyan.Evaluation.Sandboxes;

/// <summary>A program to run in a <see cref="Sandbox"/>.</summary>
public sealed record SandboxProgram
{
    /// <summary>The command: an absolute path as seen inside, then its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Standard input.</summary>
    public ReadOnlyMemory<byte> Input { get; init; }

    /// <summary>
    /// The folder in which a program finds its <see cref="Files"/>. Commands refer to them by it, even without containment.
    /// </summary>
    public const string Folder = "/program";

    /// <summary>Files the program finds, read-only, in <see cref="Folder"/>: name to content.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Files { get; init; } = new Dictionary<string, ReadOnlyMemory<byte>>();

    /// <summary>
    /// Files and folders of this machine that are visible read-only at the same place (a runtime outside <c>/usr</c>, also in a home).
    /// </summary>
    public IReadOnlyList<string> Readable { get; init; } = [];

    /// <summary>
    /// The whole environment besides PATH, HOME, LANG and TMPDIR, the only writable folder; nothing of the caller's is passed on.
    /// </summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Its limits.</summary>
    public SandboxLimits Limits { get; init; } = new();

    /// <summary>Called with every complete line of standard output, in order; return false to stop the program.</summary>
    public Func<ReadOnlyMemory<byte>, bool>? OnLine { get; init; }
}

/// <summary>How a sandboxed program ended.</summary>
public enum SandboxEnd
{
    /// <summary>It exited by itself; a death by signal n is exit code 128 + n.</summary>
    Exited,

    /// <summary>It used its CPU-seconds.</summary>
    CpuLimit,

    /// <summary>It exceeded the wall-clock limit.</summary>
    WallLimit,

    /// <summary>It slept.</summary>
    Idle,

    /// <summary>It used too much memory.</summary>
    MemoryLimit,

    /// <summary>It wrote too much.</summary>
    OutputLimit,

    /// <summary><see cref="SandboxProgram.OnLine"/> stopped it.</summary>
    Stopped,
}

/// <summary>The result of a sandboxed program. None of its processes is left.</summary>
/// <param name="End">How it ended.</param>
/// <param name="ExitCode">Its exit code; 137 if the sandbox killed it.</param>
/// <param name="Output">Standard output, up to the limit; empty if lines were streamed.</param>
/// <param name="Error">Standard error, its first 64 KiB.</param>
/// <param name="CpuSeconds">CPU-seconds as last sampled: 0 for a program that ended before the first sample.</param>
/// <param name="PeakMemoryBytes">Peak resident bytes sampled.</param>
public sealed record SandboxResult(SandboxEnd End, int ExitCode, byte[] Output, string Error, double CpuSeconds, long PeakMemoryBytes);

/// <summary>The sandbox is not available on this machine; the message says what to install.</summary>
public sealed class SandboxException(string message) : Exception(message);
