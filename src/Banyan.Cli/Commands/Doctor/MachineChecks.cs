using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Banyan.Client;
using Banyan.Evaluation.Sandboxes;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Server.Storage;

namespace Banyan.Cli.Commands.Doctor;

/// <summary>Checks of the machine for running models and for serving: each inspects, measures if that takes less than a second, and changes
/// nothing.</summary>
static class MachineChecks
{
    const long ProbeBytes = 64_000_000, LeastFree = 2_000_000_000, LeastMemory = 4_000_000_000;
    const int LeastFiles = 4096, SlowestWrite = 30, HubPatienceSeconds = 5;

    static readonly TimeSpan s_clockTolerance = TimeSpan.FromMinutes(2);

    /// <summary>Which kernels are used, and why no faster ones.</summary>
    public static Finding Kernels()
    {
        try
        {
            var found = $"{KernelChoice.Name}, {KernelChoice.Threads} thread{(KernelChoice.Threads == 1 ? "" : "s")} (physical cores)";
            var passed = KernelChoice.Passed;
            if (passed.Count > 0)
                found += "; not " + string.Join(", ", passed.Select(p => $"{p.Name} ({p.Reason})"));
            var refused = passed.Any(p => p.Reason.StartsWith("the system", StringComparison.Ordinal));
            return KernelChoice.Name == "scalar"
                ? new("kernels", Health.Warning, found,
                    "without vectors models run many times slower; on a virtual machine pass the host's processor on")
                : refused
                ? new("kernels", Health.Warning, found,
                    "allow memory that is writable and executable (SELinux execmem, systemd MemoryDenyWriteExecute=no): prompts are read faster")
                : new("kernels", Health.Good, found);
        }
        catch (Exception e) when (e is NotSupportedException or TypeInitializationException)
        {
            return new("kernels", Health.Bad, (e.InnerException ?? e).Message, "unset BANYAN_KERNELS");
        }
    }

    /// <summary>The memory available for models.</summary>
    public static Finding Memory()
    {
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = Line("/proc/meminfo", "MemAvailable:") is { } line
            && long.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], out var kilobytes) ? kilobytes * 1024 : total;
        var found = $"{Sizes.Bytes(total)}, {Sizes.Bytes(Math.Min(free, total))} available";
        return free < LeastMemory ? new("memory", Health.Warning, found,
            "a model takes the size of its file and its context: banyan inspect MODEL says how much") : new("memory", Health.Good, found);
    }

    /// <summary>Whether weights can use 2 MB pages.</summary>
    public static Finding? HugePages()
    {
        const string File = "/sys/kernel/mm/transparent_hugepage/enabled";
        if (!System.IO.File.Exists(File))
            return OperatingSystem.IsLinux()
                ? new("huge pages", Health.Warning, "this kernel has none", "reading weights is up to a third slower") : null;
        var setting = System.IO.File.ReadAllText(File).Trim();
        return setting.Contains("[never]", StringComparison.Ordinal)
            ? new("huge pages", Health.Warning, setting, $"echo madvise | sudo tee {File}   (weights are read up to a third faster)")
            : new("huge pages", Health.Good, setting);
    }

    /// <summary>Whether the data folder is writable and private, its free space, and the disk's write speed.</summary>
    public static IEnumerable<Finding> DataFolder(string folder)
    {
        var existing = folder;
        while (!Path.Exists(existing) && Path.GetDirectoryName(existing) is { } above)
            existing = above;
        if (File.Exists(existing))
        {
            yield return new("data folder", Health.Bad, $"{existing} is a file", "choose a folder with --data DIR");
            yield break;
        }
        if (Private.Warning(folder) is { } open)
            yield return new("data folder", Health.Warning, open.Split(", which")[0], $"chmod -R go= {folder}");
        yield return Disk(folder, existing);
    }

    static Finding Disk(string folder, string existing)
    {
        var probe = Path.Combine(existing, $".banyan-doctor-{Environment.ProcessId}");
        try
        {
            var free = new DriveInfo(existing).AvailableFreeSpace;
            if (free < LeastFree)
                return new("disk", Health.Bad, $"{Sizes.Bytes(free)} free below {folder}",
                    "a hub refuses uploads before the disk is full: make room, or choose another folder with --data");
            var bytes = new byte[1 << 20];
            RandomNumberGenerator.Fill(bytes);
            var watch = Stopwatch.StartNew();
            using (var file = new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.DeleteOnClose))
            {
                for (var written = 0L; written < ProbeBytes; written += bytes.Length)
                    file.Write(bytes);
                file.Flush(flushToDisk: true);
                var speed = ProbeBytes / watch.Elapsed.TotalSeconds / 1e6;
                var found =
                    $"{Sizes.Bytes(free)} free, writes and flushes {speed.ToString("0", CultureInfo.InvariantCulture)} MB/s ({existing})";
                return speed < SlowestWrite ? new("disk", Health.Warning, found, "uploads wait for this disk: use a faster one for --data")
                    : new("disk", Health.Good, found);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new("disk", Health.Bad, $"{existing} cannot be written: {e.Message.TrimEnd('.')}",
                "choose a folder you may write to with --data DIR");
        }
    }

    /// <summary>The limit of open files and connections of a process.</summary>
    public static Finding? OpenFiles()
    {
        if (Line("/proc/self/limits", "Max open files") is not { } line)
            return null;
        var soft = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return long.TryParse(soft, out var count) && count < LeastFiles
            ? new("open files", Health.Warning, $"{soft} at most", "each connection is one: ulimit -n 65536 (systemd: LimitNOFILE=65536)")
            : new("open files", Health.Good, $"{soft} at most");
    }

    /// <summary>Whether generated programs can run in the sandbox.</summary>
    public static async Task<Finding> SandboxAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var sandbox = await Sandbox.OpenAsync(cancellationToken);
            return new("sandbox", Health.Good, "bubblewrap contains what models write");
        }
        catch (SandboxException e)
        {
            return new("sandbox", Health.Warning, e.Message, "banyan eval cannot run code until then; all else works");
        }
    }

    /// <summary>Whether the port is free.</summary>
    public static Finding Port(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return new("port", Health.Good, $"{port} is free");
        }
        catch (SocketException)
        {
            return new("port", Health.Warning, $"{port} is taken",
                "perhaps banyan runs already; else: banyan up --port 0 takes a free one");
        }
    }

    /// <summary>
    /// Whether the configured hub answers, and whether its clock agrees with this machine's: signed addresses and tokens expire by the
    /// clock.
    /// </summary>
    public static async Task<Finding> HubAsync(CancellationToken cancellationToken)
    {
        Uri endpoint;
        try
        {
            endpoint = HubClientOptions.FromEnvironment().Endpoint;
        }
        catch (ArgumentException e)
        {
            return new("hub", Health.Bad, $"HF_ENDPOINT: {e.Message}", "set HF_ENDPOINT to an address like https://models.example.org");
        }
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(HubPatienceSeconds) };
        try
        {
            using var answer = await http.GetAsync(new Uri(endpoint, "/"), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            var skew = answer.Headers.Date is { } date ? DateTimeOffset.UtcNow - date : TimeSpan.Zero;
            return skew.Duration() > s_clockTolerance
                ? new("hub", Health.Warning, $"{endpoint.Authority} answers; the clocks are {skew.Duration().TotalMinutes:0} minutes apart",
                    "set this machine's clock (timedatectl set-ntp true)")
                : new("hub", Health.Good, $"{endpoint.Authority} answers");
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new("hub", Health.Warning, $"{endpoint.Authority} does not answer",
                "models on this machine work without it; HF_ENDPOINT names another hub, banyan up starts one");
        }
    }

    static string? Line(string file, string start) =>
        File.Exists(file) && File.ReadLines(file).FirstOrDefault(l => l.StartsWith(start, StringComparison.Ordinal)) is { } line
        ? line[start.Length..].Trim() : null;
}
