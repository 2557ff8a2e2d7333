using System.Buffers.Text;
using System.Globalization;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>What the processes below one process use at this moment, read from <c>/proc</c>.</summary>
/// <param name="CpuSeconds">Of all living processes and of the children each has waited for.</param>
/// <param name="ResidentBytes">Sum of the resident sets: shared pages count once per process, so it is an upper bound.</param>
/// <param name="Runnable">Whether a thread is running, ready to run, or waiting for a disk.</param>
readonly record struct ProcessTree(double CpuSeconds, long ResidentBytes, bool Runnable)
{
    const double TicksPerSecond = 100; // USER_HZ, fixed in the kernel's interface

    readonly record struct Stat(bool Runnable, bool Dead, int Parent, long Ticks, long Threads, long Pages);

    /// <summary>Samples <paramref name="root"/> and everything below it; about 10 µs for each process of the machine.</summary>
    public static ProcessTree Sample(int root)
    {
        var processes = new Dictionary<int, Stat>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && Read(folder + "/stat") is { } stat)
                processes[id] = stat;

        var below = new Dictionary<int, bool> { [root] = true };
        long ticks = 0, pages = 0;
        var runnable = false;
        foreach (var (id, stat) in processes)
        {
            if (!IsBelow(id))
                continue;
            ticks += stat.Ticks;
            pages += stat.Pages;
            // The first thread of a Java or .NET program only waits for the others.
            runnable = runnable || stat.Runnable || (stat.Threads > 1 && AnyThreadRuns(id));
        }
        return new(ticks / TicksPerSecond, pages * Environment.SystemPageSize, runnable);

        bool IsBelow(int id)
        {
            if (below.TryGetValue(id, out var known))
                return known;
            below[id] = false; // a cycle cannot be, but a reused number could look like one
            return below[id] = processes.TryGetValue(id, out var stat) && IsBelow(stat.Parent);
        }
    }

    /// <summary>Whether a process has ended, reaped or not: the first of a process namespace ends only after all others.</summary>
    public static bool IsGone(int id) => Read($"/proc/{id}/stat") is null or { Dead: true };

    static bool AnyThreadRuns(int id)
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{id}/task").Any(thread => Read(thread + "/stat") is { Runnable: true });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it ended in between
        }
    }

    /// <summary>
    /// "pid (name) state ppid …": the name may contain spaces and parentheses, so the fields are counted from the last parenthesis.
    /// </summary>
    static Stat? Read(string file)
    {
        Span<byte> buffer = stackalloc byte[1024];
        try
        {
            using var handle = File.OpenHandle(file);
            buffer = buffer[..RandomAccess.Read(handle, buffer, 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it ended in between
        }
        if (buffer.LastIndexOf((byte)')') is var name && (name < 0 || name + 3 >= buffer.Length))
            return null;
        var state = buffer[name + 2];
        Span<long> fields = stackalloc long[25]; // numbered as in proc(5); the state is field 3
        var rest = buffer[(name + 4)..];
        for (var i = 4; i < fields.Length; i++)
        {
            Utf8Parser.TryParse(rest, out fields[i], out _); // 0 for an unsigned number beyond long: none of those that are used
            rest = rest[Math.Min(rest.Length, (rest.IndexOf((byte)' ') is >= 0 and var space ? space : rest.Length - 1) + 1)..];
        }
        return new(state is (byte)'R' or (byte)'D', state is (byte)'Z' or (byte)'X', (int)fields[4],
            fields[14] + fields[15] + fields[16] + fields[17], fields[20], fields[24]);
    }
}
