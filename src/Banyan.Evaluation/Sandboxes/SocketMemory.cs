using System.Globalization;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// The memory that a program's sockets may hold: what is sent and not read yet belongs to no process. A sandbox has its own network, which lists all of its
/// local sockets, also those whose descriptors are on their way through another; each may hold twice the greatest buffer that the machine grants.
/// </summary>
static class SocketMemory
{
    static readonly Lazy<long> s_each = new(() =>
    {
        try
        {
            return 2 * ((string[])["wmem_max", "wmem_default"]).Max(f => long.Parse(File.ReadAllText($"/proc/sys/net/core/{f}"), CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 2 * 212_992; // as kernels come
        }
    });

    /// <summary>Of all sockets in the network of a process.</summary>
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
