using System.Diagnostics;
using Banyan.Tests;
using System.Text.Json;

namespace Banyan.Client.Tests.Support;

/// <summary>A machine of its own: nothing is cached on it yet. Talks with a hub as ana.</summary>
sealed class Machine(LocalHub hub) : IDisposable
{
    readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("banyan-machine-");

    public string Home => _home.FullName;
    public HubCache Cache => new(Path.Combine(Home, "hub"));

    /// <summary>A client with fresh counters.</summary>
    public HubClient Client(Func<HubClientOptions, HubClientOptions>? change = null)
    {
        var options = new HubClientOptions { Endpoint = new(hub.Address), Token = hub.Ana, StateFolder = Path.Combine(Home, "banyan") };
        return new HubClient(change?.Invoke(options) ?? options);
    }

    /// <summary>A folder with a file of so many bytes, all different.</summary>
    public string Folder(string name, params (string Path, byte[] Bytes)[] files)
    {
        var folder = Path.Combine(Home, name);
        foreach (var (path, bytes) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, path))!);
            File.WriteAllBytes(Path.Combine(folder, path), bytes);
        }
        return folder;
    }

    public static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Pulls everything of ana's repo, with what passed over the network.</summary>
    public async Task<(PullResult Result, long Received)> PullAsync(string name, Func<PullRequest, PullRequest>? change = null,
        Func<HubClientOptions, HubClientOptions>? options = null)
    {
        using var client = Client(options);
        var request = new PullRequest(Repo(name)) { Cache = Cache };
        var result = await new Puller(client).PullAsync(change?.Invoke(request) ?? request);
        return (result, client.BytesReceived);
    }

    public async Task<(PushResult Result, long Sent)> PushAsync(string folder, string name, Func<PushRequest, PushRequest>? change = null)
    {
        using var client = Client();
        var request = new PushRequest(folder, Repo(name));
        var result = await new Pusher(client).PushAsync(change?.Invoke(request) ?? request);
        return (result, client.BytesSent);
    }

    public static RepoId Repo(string name) =>
        RepoId.TryParse(name.Contains('/') ? name : $"ana/{name}", RepoType.Model, out var repo, out _) ? repo
        : throw new ArgumentException(name);

    /// <summary>Starts the tool as a user's shell does.</summary>
    public Process Start(params string[] arguments)
    {
        var start = BanyanProgram.Start(arguments);
        start.Environment["HF_HOME"] = Home;
        start.Environment["HF_ENDPOINT"] = hub.Address;
        start.Environment["HF_TOKEN"] = hub.Ana;
        start.Environment.Remove("HF_HUB_CACHE");
        return Process.Start(start)!;
    }

    /// <summary>Runs the tool with --json to its end.</summary>
    public async Task<(int ExitCode, JsonElement Report)> RunAsync(params string[] arguments)
    {
        using var process = Start([.. arguments, "--json"]);
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode is 0 or 3, await errors);
        return (process.ExitCode, JsonDocument.Parse(output).RootElement);
    }

    public void Dispose() => _home.Delete(recursive: true);
}
