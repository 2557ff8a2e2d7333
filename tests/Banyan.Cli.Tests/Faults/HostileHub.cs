using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Banyan.Cli.Tests.Faults;

/// <summary>What a hub keeps.</summary>
sealed record Stored(long Files, long Grants, long Xorbs, long Commits);

/// <summary>A hub as a process of its own, for clients that want to wear it out: its memory is measured from outside.</summary>
sealed class HostileHub : IAsyncDisposable
{
    public const string Repo = "ana/m";

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-hostile-");
    HubProcess? _process;
    HttpClient? _client;

    public HubProcess Process => _process!;

    /// <summary>ana, who may write.</summary>
    public HttpClient Client => _client!;
    public string Token { get; private set; } = "";

    public async Task StartAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "memory is read from /proc");
        Token = await AddUserAsync("ana");
        _process = new HubProcess(_folder.FullName, [], new Dictionary<string, string>());
        await _process.StartAsync();
        _client = new HttpClient
        {
            BaseAddress = new(_process.Address),
            Timeout = TimeSpan.FromMinutes(10),
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Token) }
        };
        using var user = new HubUser(_process.Address, Token, Repo);
        await user.CreateRepoAsync(default);
    }

    /// <summary>Makes a user and returns a token.</summary>
    public async Task<string> AddUserAsync(string name)
    {
        Assert.Equal(0, (await Tool.Run(["hub", "user", "add", name, "--data", _folder.FullName])).ExitCode);
        return (await Tool.Run(["hub", "token", "add", name, "--data", _folder.FullName])).Output.Trim();
    }

    /// <summary>Runs an attack, in which others are served, and sees how far the process grew meanwhile.</summary>
    public async Task FlatAsync(string attack, long most, Func<Task> run)
    {
        await AssertServesAsync();
        Process.ForgetPeakMemory();
        var before = Process.PeakMemory;
        await run();
        var growth = Process.PeakMemory - before;
        TestContext.Current.SendDiagnosticMessage($"{attack}: {before >> 20} MiB and {growth >> 20} more");
        Assert.True(growth < most, $"{attack}: the process grew by {growth >> 20} MiB from {before >> 20}");
        await AssertServesAsync();
    }

    public async Task AssertServesAsync() =>
        Assert.Equal(HttpStatusCode.OK, (await Client.GetAsync($"/api/models/{Repo}/tree/main")).StatusCode);

    public async Task<Stored> StoredAsync()
    {
        await using var connection =
            new SqliteConnection($"Data Source={Path.Combine(_folder.FullName, "hub.db")};Pooling=false;Mode=ReadOnly");
        return await connection.QuerySingleAsync<Stored>(
            "SELECT (SELECT COUNT(*) FROM contents) AS Files, (SELECT COUNT(*) FROM repo_contents) AS Grants, (SELECT COUNT(*) FROM xorbs) AS Xorbs, (SELECT COUNT(*) FROM git_objects WHERE kind = 'commit') AS Commits");
    }

    public async Task AssertCleanAsync()
    {
        var (code, output, _) = await Tool.Run(["fsck", "--data", _folder.FullName]);
        Assert.True(code == 0, output);
        Assert.Contains("all as it should be", output);
    }

    /// <summary>The status, or the connection closed while the client still sends.</summary>
    public static async Task RefusedAsync(HttpClient client, HttpMethod method, string address, HttpContent content, string? token,
        params HttpStatusCode[] statuses)
    {
        using var request = new HttpRequestMessage(method, address) { Content = content };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            using var response = await client.SendAsync(request);
            Assert.Contains(response.StatusCode, statuses);
        }
        catch (HttpRequestException e) when (e.InnerException is IOException or SocketException)
        {
            // It did not read on.
        }
    }

    public static Task RefusedAsync(HttpClient client, HttpMethod method, string address, HttpContent content,
        params HttpStatusCode[] statuses) =>
        RefusedAsync(client, method, address, content, null, statuses);

    /// <summary>A start, then the same letter, without saying how long it is.</summary>
    public static StreamContent Endless(string start, char then, long length) =>
        new(new RepeatingStream(Encoding.ASCII.GetBytes(start), [(byte)then], length));

    /// <summary>Announces a body of a megabyte and sends a byte now and then; ends when the server lets go.</summary>
    public async Task SlowAsync(string method, string path, string token)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(Process.Address).Port);
        var stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000000\r\n\r\n"));
        var closed = stream.ReadAsync(new byte[4096]).AsTask();
        try
        {
            while (!closed.IsCompleted)
            {
                await stream.WriteAsync("{"u8.ToArray());
                await Task.WhenAny(closed, Task.Delay(500));
            }
            await closed;
        }
        catch (IOException)
        {
            // Reset: let go as well.
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_process is not null)
            await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
