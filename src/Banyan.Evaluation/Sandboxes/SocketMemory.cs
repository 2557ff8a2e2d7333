using System.Globalization;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// The memory that a program's sockets may hold: data sent but not yet read belongs to no process. A sandbox has its own network namespace,
/// which lists all of its local sockets, including those whose descriptors are in transit through another; each may hold twice the
/// machine's maximum buffer.
/// </summary>
static class SocketMemory
{
    static readonly Lazy<long> s_each = new(() =>
    {
        try
        {
            return 2 * ((string[])["wmem_max", "wmem_default"]).Max(f =>
                long.Parse(File.ReadAllText($"/proc/sys/net/core/{f}"), CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 2 * 212_992; // as kernels come
        }
    });

    /// <summary>The memory of all sockets in a process's network namespace.</summary>
    public static long Of(int process)
    {
        try
        {
            return (File.ReadLines($"/proc/{process}/net/unix").Count() - 1) * s_each.Value; // but for its head
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // it ended in between
        }
    }
}
