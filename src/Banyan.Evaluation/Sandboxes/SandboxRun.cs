using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>A running program: feeds it, reads it, monitors its usage, and kills it with all its processes.</summary>
sealed partial class SandboxRun(SandboxProgram program, List<string> command, string? statusFile, string? folder)
{
    const int ErrorBytes = 64 << 10, Killed = 9;
    static readonly TimeSpan s_firstSample = TimeSpan.FromMilliseconds(150), s_betweenSamples = TimeSpan.FromMilliseconds(100);

    readonly TaskCompletionSource<SandboxEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    double _cpuSeconds;
    int? _inside;
    long _peakBytes;

    public async Task<SandboxResult> RunAsync(CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "/",
        };
        // Of the caller's environment, which may hold keys, nothing: the first process inside can be read by the others.
        start.Environment.Clear();
        using var process = await LastingThread.StartAsync(start);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var cancelled = cancellationToken.Register(() => _ended.TrySetResult(SandboxEnd.Stopped));

        var feed = FeedAsync(process);
        var output = new BoundedOutput(program.Limits.OutputBytes, program.OnLine, _ended);
        var error = new BoundedOutput(program.Limits.OutputBytes, null, _ended, kept: ErrorBytes);
        var reading = Task.WhenAll(output.ReadAsync(process.StandardOutput.BaseStream), error.ReadAsync(process.StandardError.BaseStream));
        var watch = WatchAsync(process, feed, over.Token);
        _ = ExitAsync(process);

        var end = await _ended.Task;
        await over.CancelAsync();
        await KillAsync(process);
        await reading;
        await feed;
        await watch;
        cancellationToken.ThrowIfCancellationRequested();
        // Its last words may have asked for the end, or flooded, after it had exited.
        if (end == SandboxEnd.Exited && output.End is { } late)
            end = late;
        if (end == SandboxEnd.Exited && statusFile is not null && process.ExitCode is > 0 and < 128 && Status("exit-code") is null)
            throw Sandbox.NotMade(Encoding.UTF8.GetString(error.Bytes));
        return new(end, end == SandboxEnd.Exited ? process.ExitCode : 128 + Killed, output.Bytes, Encoding.UTF8.GetString(error.Bytes),
            _cpuSeconds, _peakBytes);
    }

    async Task FeedAsync(Process process)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(program.Input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading everything.
        }
    }

    async Task ExitAsync(Process process)
    {
        await process.WaitForExitAsync();
        _ended.TrySetResult(SandboxEnd.Exited);
    }

    /// <summary>Samples the process tree; a program that ends before the first sample costs nothing.</summary>
    async Task WatchAsync(Process process, Task feed, CancellationToken over)
    {
        var clock = Stopwatch.StartNew();
        var idle = 0.0;
        var limits = program.Limits;
        try
        {
            for (var pause = s_firstSample; ; pause = s_betweenSamples)
            {
                await Task.Delay(pause, over);
                var tree = ProcessTree.Sample(process.Id);
                if (statusFile is not null && (_inside ??= Status("child-pid")) is { } inside)
                    tree = tree with { ResidentBytes = tree.ResidentBytes + SocketMemory.Of(inside) };
                // Starved on a busy machine is not asleep: that one is ready to run, or waits for this process, which is then starved
                // itself and samples late; so a sample counts for no more than the usual time between two.
                if (feed.IsCompleted && !tree.Runnable && tree.CpuSeconds <= _cpuSeconds)
                    idle += s_betweenSamples.TotalSeconds;
                _cpuSeconds = Math.Max(_cpuSeconds, tree.CpuSeconds);
                _peakBytes = Math.Max(_peakBytes, tree.ResidentBytes);
                SandboxEnd? end =
                    _cpuSeconds > limits.CpuSeconds ? SandboxEnd.CpuLimit
                    : tree.ResidentBytes > limits.MemoryBytes ? SandboxEnd.MemoryLimit
                    : clock.Elapsed.TotalSeconds > limits.WallSeconds ? SandboxEnd.WallLimit
                    : idle > limits.IdleSeconds ? SandboxEnd.Idle
                    : null;
                if (end is { } reason)
                    _ended.TrySetResult(reason);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>
    /// Kills everything. The first process of a process namespace takes all others with it, and is reaped only after them: so it is killed,
    /// not bubblewrap, and its end awaited.
    /// </summary>
    async Task KillAsync(Process process)
    {
        if (statusFile is null)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            return;
        }
        var first = await FirstInsideAsync(process);
        if (!process.HasExited)
        {
            if (first is { } id)
                _ = Kill(id, Killed);
            else
                process.Kill(); // still outside: --die-with-parent ends whatever comes
        }
        await process.WaitForExitAsync();
        // bubblewrap does not wait for it, so it becomes this process's child (see Sandbox) and is buried here, or else init's, which may
        // take its time. Bounded, because the number may by then be another process's.
        // Seen dead first, buried then: the other way round, one that dies in between would stay unburied.
        for (var patience = 0; first is { } inside && patience < 2000; patience++)
        {
            var gone = ProcessTree.IsGone(inside);
            if (WaitPid(inside, 0, NoHang) == inside || gone)
                break;
            await Task.Delay(1);
        }
    }

    /// <summary>The process id outside of the process that is 1 inside; null if bubblewrap ended before creating one.</summary>
    async Task<int?> FirstInsideAsync(Process process)
    {
        for (var patience = 0; ; patience++)
        {
            if (Status("child-pid") is { } id)
                return id;
            if (process.HasExited || patience > 1000)
                return null;
            await Task.Delay(1);
        }
    }

    /// <summary>
    /// What bubblewrap reports, one object per line: the first process's id, and the exit code of a program that was started.
    /// </summary>
    int? Status(string name)
    {
        try
        {
            foreach (var line in File.ReadLines(statusFile!))
            {
                using var status = JsonDocument.Parse(line);
                if (status.RootElement.TryGetProperty(name, out var value))
                    return value.GetInt32();
            }
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            // Not there, or not written whole yet.
        }
        return null;
    }

    const int NoHang = 1;

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int process, nint status, int options);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
