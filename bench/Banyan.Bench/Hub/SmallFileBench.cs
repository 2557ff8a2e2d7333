using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Banyan.Bench.Hub;

/// <summary>Requests a second for a file of a kilobyte, by wrk, against nginx with a worker a core.</summary>
static class SmallFileBench
{
    const int Bytes = 1024, Rounds = 3;

    public static async Task RunAsync(string folder, int seconds)
    {
        var data = Path.Combine(folder, "small");
        if (Directory.Exists(data))
            Directory.Delete(data, recursive: true);
        var served = Directory.CreateDirectory(Path.Combine(data, "served")).FullName;
        var content = new byte[Bytes];
        new Random(1).NextBytes(content);
        for (var i = 0; i < content.Length; i++)
            content[i] = (byte)('a' + content[i] % 26);
        await File.WriteAllBytesAsync(Path.Combine(served, "config.txt"), content);

        var hubs = new List<(string Name, Measured Server, Uri Address)>();
        foreach (var (name, watching) in new[] { ("hub", HubServerProcess.Watching.Metrics),
            ("hub with an access log", HubServerProcess.Watching.Log), ("hub without metrics", HubServerProcess.Watching.Nothing) })
        {
            var (server, client) = await HubServerProcess.StartAsync(Path.Combine(data, $"{watching}"), watching);
            var commit = "{\"key\":\"header\",\"value\":{\"summary\":\"a small file\"}}\n"
                + $"{{\"key\":\"file\",\"value\":{{\"path\":\"config.txt\",\"encoding\":\"base64\",\"content\":\"{Convert.ToBase64String(content)}\"}}}}\n";
            using var body = new StringContent(commit, Encoding.UTF8, "application/x-ndjson");
            (await client.Http.PostAsync("/api/models/bench/weights/commit/main", body)).EnsureSuccessStatusCode();
            hubs.Add((name, server, new Uri(client.Http.BaseAddress!, "/bench/weights/resolve/main/config.txt")));
            _ = Rate(hubs[^1].Address, seconds);     // compiled by now
        }
        using (var nginx = Nginx.Start(served, Environment.ProcessorCount))
        {
            Console.WriteLine("| 1 KB, 32 connections | requests/s | server CPU-µs a request |");
            Console.WriteLine("|---|---|---|");
            for (var round = 0; round < Rounds; round++)
            {
                foreach (var (name, server, address) in hubs)
                    Row(name, server, address);
                if (nginx is not null)
                    Row("nginx", nginx.Server, new Uri(nginx.Address, "config.txt"));
            }
        }
        foreach (var (_, server, _) in hubs)
            server.Dispose();
        Directory.Delete(data, recursive: true);

        void Row(string name, Measured measured, Uri address)
        {
            var cpu = measured.CpuSeconds;
            var rate = Rate(address, seconds);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {rate:F0} | {(measured.CpuSeconds - cpu) / (rate * seconds) * 1e6:F0} |"));
        }
    }

    static double Rate(Uri address, int seconds)
    {
        using var wrk =
            Process.Start(new ProcessStartInfo("wrk",
                ["-t1", "-c32", $"-d{seconds}s", address.ToString()])
            { RedirectStandardOutput = true })!;
        var text = wrk.StandardOutput.ReadToEnd();
        wrk.WaitForExit();
        if (text.Contains("Non-2xx", StringComparison.Ordinal))
            throw new InvalidOperationException(text);
        return double.Parse(text.Split('\n').First(l => l.StartsWith("Requests/sec:", StringComparison.Ordinal))["Requests/sec:".Length..],
            CultureInfo.InvariantCulture);
    }
}
