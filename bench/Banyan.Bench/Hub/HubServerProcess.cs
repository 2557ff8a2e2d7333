using System.Diagnostics;
using System.Globalization;
using Banyan.Server;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Operating;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Bench.Hub;

/// <summary>A process under measurement: its processor seconds and memory are its own, not the client's.</summary>
/// <param name="process">The process.</param>
/// <param name="beside">Another that works for it, such as PostgreSQL's, whose processor seconds and those of its children count; null for
/// none.</param>
sealed class Measured(Process process, int? beside = null) : IDisposable
{
    const double TicksPerSecond = 100;   // what Linux reports in

    public Process Process => process;

    bool _isDisposed;

    /// <summary>Processor seconds of the process and its children so far.</summary>
    public double CpuSeconds => Directory.GetDirectories("/proc").Select(d => Path.GetFileName(d))
        .Where(d => int.TryParse(d, out _)).Sum(d => Seconds(d));

    double Seconds(string pid)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1].Split(' ');
            var own = new[] { int.Parse(pid, CultureInfo.InvariantCulture),
                int.Parse(fields[1], CultureInfo.InvariantCulture) }.Any(id => id == process.Id || id == beside);
            return own
                ? (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture))
                / TicksPerSecond : 0;
        }
        catch (IOException)
        {
            return 0;   // it ended meanwhile
        }
    }

    /// <summary>The most memory it ever had, in MB.</summary>
    public double PeakMegabytes => Kilobytes("VmHWM:") / 1e3;

    /// <summary>Its memory now, in MB.</summary>
    public double Megabytes => Kilobytes("VmRSS:") / 1e3;

    double Kilobytes(string name) =>
        double.Parse(File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1.024;

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (!process.HasExited)
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(5000))
                process.Kill(entireProcessTree: true);
        }
        process.Dispose();
    }
}

/// <summary>The hub in a process of its own, with a user and a repository.</summary>
static class HubServerProcess
{
    /// <summary>What the child process runs: serves until its input ends.</summary>
    public static async Task RunAsync(string folder, bool packs, Watching watching)
    {
        await using var app = BanyanServer.Build(new ServerOptions
        {
            Port = 0,
            Hub = new HubOptions
            {
                DataFolder = folder,
                PacksWeights = packs,
                Database = Environment.GetEnvironmentVariable("BANYAN_BENCH_DATABASE")
            },
            LogsRequests = watching == Watching.Log,
            AccessLog = watching == Watching.Log ? File.Create(Path.Combine(folder, "access.log")) : null,
        });
        if (watching == Watching.Nothing)
            app.Services.GetRequiredService<Metrics>().Dispose();
        await app.StartAsync();
        var accounts = app.Services.GetRequiredService<AccountStore>();
        if (await accounts.FindAsync("bench", default) is null)
            await accounts.AddAsync("user", "bench", null, null, default);
        var token = await accounts.AddTokenAsync("bench", "bench", TokenRole.Write, null, null, default);
        Console.WriteLine(
            $"{app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()} {token}");
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
    }

    /// <summary>What the server tells of its requests.</summary>
    public enum Watching
    {
        /// <summary>As it comes: metrics.</summary>
        Metrics,

        /// <summary>Metrics, and a line a request.</summary>
        Log,

        /// <summary>No product: to measure what metrics cost.</summary>
        Nothing,
    }

    /// <summary>Starts it over a new folder.</summary>
    public static async Task<(Measured Server, HubClient Client)> StartAsync(string folder,
        Watching watching = Watching.Metrics, string? database = null)
    {
        Directory.CreateDirectory(folder);
        var process =
            Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [typeof(HubServerProcess).Assembly.Location, "hub-server", folder])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                Environment = { ["BANYAN_BENCH_WATCHING"] = $"{watching}", ["BANYAN_BENCH_DATABASE"] = database },
            })!;
        var line = (await process.StandardOutput.ReadLineAsync())!.Split(' ');
        var client = new HubClient(new Uri(line[0]), line[1]);
        await client.CreateRepoAsync("weights");
        return (new Measured(process, database is null ? null : Postmaster(database)), client);
    }

    /// <summary>The process of PostgreSQL on this machine whose children answer queries.</summary>
    static int Postmaster(string database)
    {
        using var connection = new Npgsql.NpgsqlConnection(database);
        connection.Open();
        using var command = new Npgsql.NpgsqlCommand("SELECT pg_backend_pid()", connection);
        return int.Parse(File.ReadAllText($"/proc/{command.ExecuteScalar()}/stat").Split(") ")[^1].Split(' ')[1],
            CultureInfo.InvariantCulture);
    }
}
