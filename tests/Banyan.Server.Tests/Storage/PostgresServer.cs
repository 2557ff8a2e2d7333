using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Banyan.Server.Storage.Databases;
using Banyan.Tests;
using Dapper;
using Npgsql;

namespace Banyan.Server.Tests.Storage;

/// <summary>
/// A PostgreSQL of its own in a temporary folder, on a free port of this machine, started when the first database is asked for.
/// PostgreSQL refuses to run as root, so root runs it as <c>postgres</c>, the user of Debian's package.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    const string Migrated = "migrated";

    // It dies with its processes, not with the machine's power, and lives for minutes.
    const string Settings =
        "-c listen_addresses=127.0.0.1 -c shared_buffers=32MB -c max_connections=400 -c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off -c jit=off";

    readonly string _folder = Path.Combine(Path.GetTempPath(), $"banyan-pg-{Guid.NewGuid():N}");
    readonly SemaphoreSlim _gate = new(1);
    readonly int _port = FreePort();
    string _control = "";
    bool _started, _migrated;
    int _databases;

    string Connection(string database) => $"Host=127.0.0.1;Port={_port};Username=banyan;Database={database};Include Error Detail=true";

    /// <summary>An empty database.</summary>
    public Task<string> CreateDatabaseAsync() => CreateAsync(of: "template1");

    /// <summary>A database with a hub's schema: migrated once, then copied.</summary>
    public Task<string> CreateHubAsync() => CreateAsync(of: Migrated);

    async Task<string> CreateAsync(string of)
    {
        await _gate.WaitAsync();
        try
        {
            if (!_started)
                await StartAsync();
            _started = true;
            // it may have been stopped and started since
            await using var connection = new NpgsqlConnection($"{Connection("postgres")};Pooling=false");
            if (of == Migrated && !_migrated)
            {
                await connection.ExecuteAsync($"CREATE DATABASE {Migrated}");
                await using (var hub = HubDatabase.Open($"{Connection(Migrated)};Pooling=false"))   // a database in use is not copied
                    hub.Migrate();
                _migrated = true;
            }
            var name = $"hub{++_databases}";
            await connection.ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {of}");
            return Connection(name);
        }
        finally
        {
            _gate.Release();
        }
    }

    async Task StartAsync()
    {
        var programs = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(v => Path.Combine(v, "bin"))
            .Where(b => File.Exists(Path.Combine(b, "initdb"))).Order().LastOrDefault()
            : null;
        if (programs is null)
            SharedData.Missing("PostgreSQL is not installed (apt install postgresql)");
        Directory.CreateDirectory(_folder);
        if (Environment.IsPrivilegedProcess)
            await RunAsync("chown", "postgres", _folder);
        await AsPostgresAsync(Path.Combine(programs!, "initdb"), "-D", $"{_folder}/data", "-U", "banyan", "-A", "trust", "-E", "UTF8",
            "--locale=C", "--no-sync");
        _control = Path.Combine(programs!, "pg_ctl");
        await StartAgainAsync();
    }

    /// <summary>Stops it as a crash would.</summary>
    public Task StopAsync() => AsPostgresAsync(_control, "-D", $"{_folder}/data", "-m", "immediate", "-w", "stop");

    /// <summary>Starts it after <see cref="StopAsync"/>.</summary>
    public Task StartAgainAsync() =>
        AsPostgresAsync(_control, "-D", $"{_folder}/data", "-w", "-l", $"{_folder}/log", "-o",
            $"-p {_port} -c unix_socket_directories={_folder} {Settings}", "start");

    static Task AsPostgresAsync(params string[] command) =>
        Environment.IsPrivilegedProcess ? RunAsync("runuser", ["-u", "postgres", "--", .. command]) : RunAsync(command[0], command[1..]);

    static async Task RunAsync(string program, params string[] arguments)
    {
        // pg_ctl's child would keep pipes open: output goes nowhere.
        using var process =
            Process.Start(new ProcessStartInfo("/bin/sh",
                ["-c", "\"$0\" \"$@\" >/dev/null 2>&1 </dev/null", program, .. arguments])
            { WorkingDirectory = "/" })!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed with exit code {process.ExitCode}");
    }

    static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (_started)
        {
            NpgsqlConnection.ClearAllPools();
            // Fast: connections are cut; -w: until it is gone.
            await AsPostgresAsync(_control, "-D", $"{_folder}/data", "-m", "fast", "-w", "stop");
            Directory.Delete(_folder, recursive: true);
        }
        _gate.Dispose();
    }
}
