using System.Diagnostics;
using System.Text.Json.Nodes;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Eval;

/// <summary><c>banyan eval run</c> as a user runs it: the model that ships, a real server, the real sandbox.</summary>
public sealed class RunTests : IDisposable
{
    static readonly string s_sprout = Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf");

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-eval-");

    public void Dispose() => _folder.Delete(recursive: true);

    static void NeedSandbox()
    {
        if (!File.Exists("/usr/bin/bwrap"))
            SharedData.Missing("bubblewrap is not installed");
    }

    string[] Arguments(string model, string @out, params string[] more) =>
        ["eval", "run", "--task", "banyan-mini", "--limit", "6", "--max-tokens", "48", "--model", model, "--out",
            Path.Combine(_folder.FullName, @out), "--json", .. more];

    static async Task<JsonNode> RunAsync(string[] arguments)
    {
        var (code, output, error) = await Tool.Run(arguments);
        Assert.True(code == 0, error);
        return Assert.Single(JsonNode.Parse(output)!.AsArray())!;
    }

    [Fact]
    public async Task A_run_that_is_killed_and_run_again_ends_as_its_transcript_says()
    {
        NeedSandbox();
        var first = await RunAsync(Arguments(s_sprout, "whole", "--threads", "1"));
        Assert.Equal(6, first["total"]!.GetValue<int>());
        Assert.StartsWith("sprout-Q8_0@sha256:", first["model"]!.GetValue<string>());

        // Killed as soon as two answers are on the disk.
        using (var process = Start(Arguments(s_sprout, "killed", "--threads", "1")))
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(120));
            while (!process.HasExited && Lines("killed") < 2)
                await Task.Delay(2, patience.Token);
            process.Kill();
            await process.WaitForExitAsync(patience.Token);
        }
        Assert.InRange(Lines("killed"), 2, 6);
        var resumed = await RunAsync(Arguments(s_sprout, "killed", "--threads", "1"));
        Assert.Equal(6, Lines("killed"));
        Assert.Equal(Outcomes(first), Outcomes(resumed));

        // Again, and from the transcript alone: to the byte.
        Assert.Equal(resumed.ToJsonString(), (await RunAsync(Arguments(s_sprout, "killed", "--threads", "1"))).ToJsonString());
        Assert.Equal(resumed.ToJsonString(), (await RunAsync(Arguments($"recorded:{Transcript("killed")}", "replayed"))).ToJsonString());
    }

    [Fact]
    public async Task A_server_is_asked_as_a_file_is_and_answers_the_same()
    {
        NeedSandbox();
        using var server = new Process { StartInfo = BanyanProgram.Start("serve", s_sprout, "--port", "0", "--threads", "1") };
        server.Start();
        try
        {
            string? line;
            do
                line = await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
            while (line is not null && !line.Contains("http://", StringComparison.Ordinal));
            Assert.NotNull(line);
            var address = line[line.IndexOf("http://", StringComparison.Ordinal)..].Trim();
            using var http = new HttpClient();
            while (!(await http.GetAsync($"{address}/health", TestContext.Current.CancellationToken)).IsSuccessStatusCode)
                await Task.Delay(50, TestContext.Current.CancellationToken);

            // A base model that fills in: the ladder has the same form for it here as there.
            var local = await RunAsync(Arguments(s_sprout, "local", "--threads", "1"));
            var remote = await RunAsync(Arguments($"{address}/v1#sprout-Q8_0", "remote"));
            Assert.Equal(("completion", "completion"), (local["prompt"]!.GetValue<string>(), remote["prompt"]!.GetValue<string>()));
            Assert.Equal("sprout-Q8_0", remote["model"]!.GetValue<string>());
            Assert.Equal(Outcomes(local), Outcomes(remote));
            var chat = await RunAsync(Arguments($"{address}/v1#sprout-Q8_0", "chat", "--prompt", "chat"));
            Assert.Equal("chat", chat["prompt"]!.GetValue<string>());

            var (code, _, error) = await Tool.Run(Arguments($"{address}/v1#another", "none"));
            Assert.Equal(1, code);
            Assert.Contains("another", error);
        }
        finally
        {
            server.Kill(entireProcessTree: true);
        }
    }

    [Theory]
    [InlineData("nowhere.gguf", "there is no file or folder 'nowhere.gguf'")]
    [InlineData("recorded:nowhere.jsonl", "nowhere.jsonl cannot be read")]
    public async Task What_is_no_model_is_named(string model, string message)
    {
        NeedSandbox();
        var (code, output, error) = await Tool.Run(Arguments(model, "none"));
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(message, error);
        Assert.Empty(_folder.GetFileSystemInfos());
    }

    /// <summary>Verdicts and answers, without what no two runs share: their seconds.</summary>
    static string Outcomes(JsonNode result) =>
        string.Join('\n', result["items"]!.AsArray()
            .Select(i => $"{i!["id"]} {i["passed"]} {i["promptHash"]} {i["answerHash"]} {i["reason"]}"));

    string Transcript(string name) => Directory.Exists(Path.Combine(_folder.FullName, name))
        ? Directory.GetFiles(Path.Combine(_folder.FullName, name), "transcript.jsonl", SearchOption.AllDirectories)
        .FirstOrDefault() ?? "" : "";

    int Lines(string name) => Transcript(name) is { Length: > 0 } file ? File.ReadAllText(file).Count(c => c == '\n') : 0;

    static Process Start(string[] arguments) => Process.Start(BanyanProgram.Start(arguments))!;

}
