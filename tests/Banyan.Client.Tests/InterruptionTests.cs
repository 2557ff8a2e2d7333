using System.Diagnostics;
using Banyan.Client.Tests.Support;
using static Banyan.Client.Tests.Support.Machine;

namespace Banyan.Client.Tests;

/// <summary>The tool is killed in the middle of its work, as a power cut does it.</summary>
public class InterruptionTests(SharedHub shared)
{
    [Theory]
    [InlineData("killed-chunks", true)]
    [InlineData("killed-whole", false)]
    public async Task A_killed_pull_continues_inside_the_file(string name, bool chunks)
    {
        var hub = await shared.GetAsync();
        using var maker = new Machine(hub);
        using var reader = new Machine(hub);
        var bytes = Bytes(24_000_000, 21);
        await maker.PushAsync(maker.Folder("model", ("a.bin", bytes)), name);
        string[] pull = ["pull", $"ana/{name}", .. chunks ? Array.Empty<string>() : ["--no-chunks"]];

        var blobs = Path.Combine(reader.Cache.Folder, $"models--ana--{name}", "blobs");
        using (var process = reader.Start([.. pull, "--max-speed", "8MB/s"]))
        {
            await UntilAsync(process, () => Directory.Exists(blobs)
                && Directory.GetFiles(blobs, "*.log").Sum(f => new FileInfo(f).Length) >= 20 * 8);
            process.Kill();
            await process.WaitForExitAsync();
        }
        Assert.Empty(Directory.Exists(reader.Cache.Snapshot(Repo(name), ""))
            ? Directory.GetFiles(reader.Cache.Snapshot(Repo(name), ""), "a.bin", SearchOption.AllDirectories) : []);
        var log = Directory.GetFiles(blobs, "*.log").Single();
        long kept;
        using (var part = Cache.PartialFile.Open(log[..^".log".Length], bytes.Length, default))
            kept = part.Done;
        Assert.InRange(kept, 2_000_000, bytes.Length - 2_000_000);

        var (exit, report) = await reader.RunAsync(pull);
        Assert.Equal(0, exit);
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(report.GetProperty("folder").GetString()!, "a.bin")));
        // A chunk at each edge of what was missing, and the talk about it.
        Assert.InRange(report.GetProperty("bytes_received").GetInt64(), bytes.Length - kept, bytes.Length - kept + 3_000_000);
    }

    [Fact]
    public async Task A_killed_push_sends_only_what_has_not_arrived()
    {
        var hub = await shared.GetAsync();
        using var machine = new Machine(hub);
        var folder = machine.Folder("model", ("a.bin", Bytes(150_000_000, 22)));
        var uploads = Path.Combine(machine.Home, "banyan", "uploads");
        using (var process = machine.Start("push", folder, "ana/killed-push", "--max-speed", "60MB/s"))
        {
            await UntilAsync(process, () => Directory.Exists(uploads)
                && Directory.GetFiles(uploads, "*.xorb", SearchOption.AllDirectories).Length >= 1);
            process.Kill();
            await process.WaitForExitAsync();
        }
        var kept = new Push.UploadLog(Directory.GetDirectories(uploads).Single()).Read().Sum(x => (long)x.StoredLength);
        Assert.InRange(kept, 1, 149_000_000);
        var (_, report) = await machine.RunAsync("push", folder, "ana/killed-push");
        Assert.InRange(report.GetProperty("bytes_sent").GetInt64(), 1, 151_000_000 - kept);
        using var reader = new Machine(hub);
        var (pulled, _) = await reader.PullAsync("killed-push");
        Assert.True(File.ReadAllBytes(Path.Combine(pulled.Folder, "a.bin")).AsSpan()
            .SequenceEqual(File.ReadAllBytes(Path.Combine(folder, "a.bin"))));
    }

    static async Task UntilAsync(Process process, Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (!condition())
        {
            Assert.False(process.HasExited, "the tool ended before it could be killed");
            await Task.Delay(5, patience.Token);
        }
    }
}
