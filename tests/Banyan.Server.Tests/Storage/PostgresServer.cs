using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
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
    readonly string _folder = Path.Combine(Path.GetTempPath(), $"banyan-pg-{Guid.NewGuid():N}");
    readonly SemaphoreSlim _gate = new(1);
    readonly int _port = FreePort();
    string _control = "";
    bool _started;
    int _databases;

    string Connection(string database) => $"Host=127.0.0.1;Port={_port};Username=banyan;Database={database};Include Error Detail=true";

    public async Task<string> CreateDatabaseAsync()
    {
        await _gate.WaitAsync();
        try
        {
            if (!_started)
                Start();
            _started = true;
            var name = $"hub{++_databases}";
            await using var connection = new NpgsqlConnection($"{Connection("postgres")};Pooling=false");   // it may have been stopped and started since
            await connection.ExecuteAsync($"CREATE DATABASE {name}");
            return Connection(name);
        }
        finally
        {
            _gate.Release();
        }
    }

    void Start()
    {
        var programs = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(v => Path.Combine(v, "bin")).Where(b => File.Exists(Path.Combine(b, "initdb"))).Order().LastOrDefault()
            : null;
        if (programs is null)
            SharedData.Missing("PostgreSQL is not installed (apt install postgresql)");
        Directory.CreateDirectory(_folder);
        if (Environment.IsPrivilegedProcess)
            Run("chown", "postgres", _folder);
        AsPostgres(Path.Combine(programs!, "initdb"), "-D", $"{_folder}/data", "-U", "banyan", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync");
        _control = Path.Combine(programs!, "pg_ctl");
        StartAgain();
    }

    /// <summary>Stops it as a crash would.</summary>
    public void Stop() => AsPostgres(_control, "-D", $"{_folder}/data", "-m", "immediate", "-w", "stop");

    /// <summary>Starts it after <see cref="Stop"/>.</summary>
    public void StartAgain() =>
        AsPostgres(_control, "-D", $"{_folder}/data", "-w", "-l", $"{_folder}/log",
            "-o", $"-p {_port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_folder} -c shared_buffers=16MB -c fsync=off", "start");

    void AsPostgres(params string[] command)
    {
        if (Environment.IsPrivilegedProcess)
            Run("runuser", ["-u", "postgres", "--", .. command]);
        else
            Run(command[0], command[1..]);
    }

    static void Run(string program, params string[] arguments)
    {
        // pg_ctl's child would keep pipes open: output goes nowhere.
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "\"$0\" \"$@\" >/dev/null 2>&1 </dev/null", program, .. arguments]) { WorkingDirectory = "/" })!;
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed with exit code {process.ExitCode}");
    }

    static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public ValueTask DisposeAsync()
    {
        if (_started)
        {
            NpgsqlConnection.ClearAllPools();
            // Fast: connections are cut; -w: until it is gone.
            AsPostgres(_control, "-D", $"{_folder}/data", "-m", "fast", "-w", "stop");
            Directory.Delete(_folder, recursive: true);
        }
        _gate.Dispose();
        return ValueTask.CompletedTask;
    }
}
