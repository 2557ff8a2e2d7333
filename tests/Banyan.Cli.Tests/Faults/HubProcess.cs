using System.Diagnostics;
using Banyan.Tests;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Banyan.Cli.Tests.Faults;

/// <summary><c>banyan up</c> as a process on one port, which is killed and started again.</summary>
sealed partial class HubProcess(string data, string[] options, IReadOnlyDictionary<string, string> environment) : IAsyncDisposable
{
    const int KillSignal = 9, Looks = 6000;

    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    readonly int _port = FreePort();
    readonly List<string> _errors = [];
    Process? _process;

    public string Address => $"http://127.0.0.1:{_port}";

    /// <summary>How often it was started.</summary>
    public int Starts { get; private set; }

    /// <summary>The most memory the process has had, in bytes (Linux).</summary>
    public long PeakMemory
    {
        get
        {
            var line = File.ReadLines($"/proc/{_process!.Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
                System.Globalization.CultureInfo.InvariantCulture) << 10;
        }
    }

    /// <summary><see cref="PeakMemory"/> counts from here on.</summary>
    public void ForgetPeakMemory() => File.WriteAllText($"/proc/{_process!.Id}/clear_refs", "5");

    /// <summary>What it wrote last, its log among it, over all starts.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
                return string.Join('\n', _errors.TakeLast(60));
        }
    }

    /// <summary>All that it wrote, over all starts.</summary>
    public string Said
    {
        get
        {
            lock (_errors)
                return string.Join('\n', _errors);
        }
    }

    /// <summary>Its process.</summary>
    public int Id => _process!.Id;

    /// <summary>Starts it and waits until it answers: no repair, no second try.</summary>
    public async Task StartAsync()
    {
        Starts++;
        var start = BanyanProgram.Start(["up", "--data", data, "--host", "127.0.0.1", "--port", $"{_port}", .. options]);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = _process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Heard(line.Data);
        process.ErrorDataReceived += (_, line) => Heard(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var client = new HttpClient { BaseAddress = new(Address) };
        using var stops = new Stops();
        // Looks are counted, not time: it may stand still with everything else.
        for (var look = 0; look < Looks; look++)
        {
            try
            {
                if ((await client.GetAsync("/health")).IsSuccessStatusCode)
                    return;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                if (process.HasExited && stops.Count > 0)
                {
                    await StartAsync();   // its time limits ran out while everything stood still
                    return;
                }
                Assert.False(process.HasExited, $"the hub did not start:\n{Errors}");
            }
            await Task.Delay(s_pause);
        }
        Assert.Fail($"the hub does not answer:\n{Errors}");
    }

    void Heard(string? line)
    {
        lock (_errors)
            if (line is not null)
                _errors.Add(line);
    }

    /// <summary>Starts it where it does not run.</summary>
    public Task StartAgainAsync() => _process is { HasExited: false } ? Task.CompletedTask : StartAsync();

    /// <summary>Ends it as a power cut would.</summary>
    public async Task KillAsync()
    {
        if (_process is not { HasExited: false } process)
            return;
        Signal(process.Id);
        await process.WaitForExitAsync();
    }

    /// <summary>Sends SIGKILL to a process that a test started.</summary>
    public static void Signal(int process) => _ = Kill(process, KillSignal);

    /// <summary>A port of this machine that nobody listens at.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
