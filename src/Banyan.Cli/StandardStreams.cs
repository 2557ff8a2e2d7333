using System.Runtime.InteropServices;
using System.Text;

namespace Banyan.Cli;

/// <summary>Standard input, output and error, whether or not they are open. If one was closed (<c>&lt;&amp;-</c>, some services), the first
/// file that the runtime opens gets its number: reading it blocks forever, and writing it damages that file.</summary>
static partial class StandardStreams
{
    const int GetDescriptorFlags = 1, CloseOnExec = 1;

    static readonly bool s_hasInput = IsInherited(0);

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Discards output to closed streams. Call it before anything is written.</summary>
    public static void Guard()
    {
        if (!s_hasInput)
            Console.SetIn(TextReader.Null);
        if (!IsInherited(1))
            Console.SetOut(TextWriter.Null);
        if (!IsInherited(2))
            Console.SetError(TextWriter.Null);
    }

    /// <summary>All of standard input, as UTF-8; empty if it is a terminal or closed and not required.</summary>
    /// <param name="wanted">What must be piped in, for the message; null if nothing must.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="CommandException">It is closed, and input is required.</exception>
    public static async Task<string> ReadAllAsync(string? wanted, CancellationToken cancellationToken)
    {
        if (!s_hasInput)
            return wanted is null ? "" : throw new CommandException($"standard input is closed: pipe {wanted} in");
        await using var input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        var copying = input.CopyToAsync(bytes, cancellationToken);
        // Whoever started this may have left a pipe open that nobody writes to: without a word that looks like a hang.
        if (await Task.WhenAny(copying, Task.Delay(s_patience, cancellationToken)) != copying && bytes.Length == 0)
            await Console.Error.WriteLineAsync("waiting for standard input, which is a pipe; where nothing comes by it, add < /dev/null");
        await copying;
        return Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    // What a parent handed down has survived an exec; what the runtime opened would not survive one.
    static bool IsInherited(int descriptor) =>
        OperatingSystem.IsWindows() || GetFlags(descriptor, GetDescriptorFlags, 0) is >= 0 and var flags && (flags & CloseOnExec) == 0;

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int GetFlags(int descriptor, int command, int argument);
}
