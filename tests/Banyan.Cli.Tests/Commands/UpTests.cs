using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Cli.Tests.Faults;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

/// <summary><c>banyan up</c> as a process: what a newcomer does first.</summary>
public sealed partial class UpTests : IDisposable
{
    /// <summary>For a machine on which everything else is tested meanwhile.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("banyan-test-");

    [Fact]
    public async Task Starts_completes_and_stops_cleanly_on_ctrl_c()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a signal is sent with kill(2)");
        Directory.CreateDirectory(Path.Combine(_data.FullName, "models"));
        File.Copy(SharedData.Path("models", "stories260K.gguf"), Path.Combine(_data.FullName, "models", "stories260K.gguf"));
        var port = HubProcess.FreePort();
        var start = BanyanProgram.Start("up", "--data", _data.FullName, "--port", $"{port}");
        (start.Environment["HF_ENDPOINT"], start.Environment["HF_HOME"]) =
            ($"http://localhost:{port}", Path.Combine(_data.FullName, "cache"));
        using var banyan = Process.Start(start)!;
        using var end = new Ended(banyan);
        using var client = new HttpClient { BaseAddress = new($"http://localhost:{port}") };
        await UntilHealthyAsync(client, banyan);

        var answer = await client.PostAsync("/v1/completions",
            JsonContent.Create(new { model = "stories260K", prompt = "Once upon a time", max_tokens = 4, temperature = 0 }));
        var text = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("choices")[0].GetProperty("text")
            .GetString();
        Assert.NotEmpty(text!);
        Assert.Equal(["sprout", "stories260K"],
            JsonDocument.Parse(await client.GetStringAsync("/v1/models")).RootElement.GetProperty("data").EnumerateArray()
                .Select(m => m.GetProperty("id").GetString()));
        Assert.Contains("<h1>", await client.GetStringAsync("/"));
        await PullsAsync(client);

        // Nobody is here yet: a link makes the administrator, once.
        var said = new List<string?>();
        while (!said.Any(l => l?.Contains("/join?code=", StringComparison.Ordinal) == true) && said.Count < 20)
            said.Add(await banyan.StandardOutput.ReadLineAsync());
        var link = SetUpLink().Match(string.Join("\n", said)).Value;
        var token = (await client.GetStringAsync(link)).Split("name=\"_token\" value=\"")[1].Split('"')[0];
        var form =
            new FormUrlEncodedContent([new("_token", token), new("code", link.Split("code=")[1]), new("name", "ana"),
                new("password", "a long enough password")]);
        Assert.Contains("<h1>ana</h1>", await (await client.PostAsync("/join", form)).Content.ReadAsStringAsync());
        Assert.Contains("administrator", await client.GetStringAsync("/settings/users"));
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(link)).StatusCode);

        // A stream is under way when Ctrl-C comes: it ends, and so does the process.
        var request = new HttpRequestMessage(HttpMethod.Post,
            "/v1/completions")
        {
            Content =
                JsonContent.Create(new
                {
                    model = "stories260K",
                    prompt = "Once",
                    max_tokens = 100_000,
                    ignore_eos = true,
                    stream = true
                })
        };
        using var stream = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, stream.StatusCode);
        Assert.Equal(0, Kill(banyan.Id, InterruptIsIgnored() ? Terminate : Interrupt));
        using var patience = new CancellationTokenSource(s_patience);
        await banyan.WaitForExitAsync(patience.Token);
        Assert.Equal((0, ""), (banyan.ExitCode, await banyan.StandardError.ReadToEndAsync()));
        Assert.Contains($"http://localhost:{port}", string.Join("\n", said) + await banyan.StandardOutput.ReadToEndAsync());
    }

    // From its own hub, as Ollama's clients do it: the model that ships with the program.
    async Task PullsAsync(HttpClient client)
    {
        var response = await client.PostAsync("/api/pull", JsonContent.Create(new { model = "hf.co/banyan/sprout:q8_0" }));
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal("pulling manifest", lines[0].GetProperty("status").GetString());
        Assert.True(lines[^1].TryGetProperty("status", out var last) && last.GetString() == "success", $"{lines[^1]}");
        Assert.All(lines.Where(l => l.TryGetProperty("digest", out _)),
            l => Assert.InRange(l.GetProperty("completed").GetInt64(), 0, l.GetProperty("total").GetInt64()));
        Assert.NotNull(
            new FileInfo(Directory.EnumerateFiles(Path.Combine(_data.FullName, "models", "banyan", "sprout")).Single()).LinkTarget);
        foreach (var name in (string[])["hf.co/banyan/sprout:q8_0", "banyan/sprout:q8_0", "banyan/sprout"])
            Assert.Equal(HttpStatusCode.OK,
                (await client.PostAsync("/v1/completions",
                    JsonContent.Create(new { model = name, prompt = "a", max_tokens = 1 }))).StatusCode);
        var refused = await client.PostAsync("/api/pull", JsonContent.Create(new { model = "llama3.2" }));
        Assert.Contains("is no repository of a hub", await refused.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.OK,
            (await client.SendAsync(new HttpRequestMessage(HttpMethod.Delete,
                "/api/delete")
            { Content = JsonContent.Create(new { model = "banyan/sprout:q8_0" }) })).StatusCode);
        Assert.False(Directory.Exists(Path.Combine(_data.FullName, "models", "banyan")));
        Assert.Equal(HttpStatusCode.NotFound,
            (await client.PostAsync("/v1/completions", JsonContent.Create(new { model = "banyan/sprout:q8_0", prompt = "a" }))).StatusCode);
    }

    [GeneratedRegex(@"http://\S+/join\?code=[A-Za-z0-9_-]+")]
    private static partial Regex SetUpLink();

    [Fact]
    public async Task One_that_others_reach_says_where_and_warns()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a signal is sent with kill(2)");
        var port = HubProcess.FreePort();
        using var banyan = Start("up", "--data", Path.Combine(_data.FullName, "open"), "--host", "0.0.0.0", "--port", $"{port}");
        using var end = new Ended(banyan);
        using var client = new HttpClient { BaseAddress = new($"http://localhost:{port}") };
        await UntilHealthyAsync(client, banyan);
        Assert.StartsWith(
            $"warning: anyone who reaches this machine's port {port} can use the models (banyan key add makes a key, which is then asked for) and read what is public on the hub", await banyan.StandardError.ReadLineAsync());
        // Without a key nobody changes its models.
        foreach (var (method, path) in ((HttpMethod, string)[])[(HttpMethod.Post, "/api/pull"), (HttpMethod.Post, "/api/copy"),
            (HttpMethod.Delete, "/api/delete")])
            Assert.Equal(HttpStatusCode.Forbidden,
                (await client.SendAsync(new HttpRequestMessage(method,
                    path)
                { Content = JsonContent.Create(new { model = "sprout" }) })).StatusCode);
        Assert.Equal(0, Kill(banyan.Id, Terminate));
        using var patience = new CancellationTokenSource(s_patience);
        await banyan.WaitForExitAsync(patience.Token);
        var said = await banyan.StandardOutput.ReadToEndAsync();
        Assert.Contains($"Banyan is at  http://localhost:{port}", said);
        Assert.DoesNotContain("0.0.0.0", said);
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_that_says_what_to_do()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await AssertFailsAsync(["up", "--data", _data.FullName, "--port", $"{port}"],
            $"banyan: port {port} is already in use: stop the program that has it, or choose another with --port N (0 takes a free one)");
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_used_is_one_line_too()
    {
        var file = Path.Combine(_data.FullName, "file");
        File.WriteAllText(file, "");
        await AssertFailsAsync(["up", "--data", file, "--port", "0"],
            $"banyan: --data {file} cannot be used: *. Choose a folder you may write to with --data DIR");
    }

    [Fact]
    public Task Serve_names_a_missing_model() => AssertFailsAsync(["serve", "nowhere.gguf"],
        "banyan: there is no file or folder 'nowhere.gguf': give the path of a .gguf, a .safetensors or a folder with one, or a repo like owner/name");

    /// <summary>Leaves no server behind where a test fails.</summary>
    sealed class Ended(Process process) : IDisposable
    {
        public void Dispose()
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <param name="arguments">The command.</param>
    /// <param name="message">The one line on stderr; * stands for what the system says.</param>
    static async Task AssertFailsAsync(string[] arguments, string message)
    {
        var (code, _, error) = await Tool.Run(arguments);
        Assert.Equal(1, code);
        Assert.Matches("^" + Regex.Escape(message).Replace("\\*", "[^\n]*") + "\n$", error);
    }

    static async Task UntilHealthyAsync(HttpClient client, Process banyan)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (true)
        {
            try
            {
                if ((await client.GetAsync("/health", patience.Token)).IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                Assert.False(banyan.HasExited, "banyan ended before it was healthy");
            }
            await Task.Delay(50, patience.Token);
        }
    }

    static Process Start(params string[] arguments) => Process.Start(BanyanProgram.Start(arguments))!;

    const int Interrupt = 2, Terminate = 15;

    /// <summary>A shell starts what it puts in the background deaf to Ctrl-C, and children inherit that.</summary>
    static bool InterruptIsIgnored() => File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").First(l => l.StartsWith("SigIgn:", StringComparison.Ordinal)) is var line
        && (Convert.ToUInt64(line[7..].Trim(), 16) & 1UL << (Interrupt - 1)) != 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    public void Dispose() => _data.Delete(recursive: true);
}
