using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Eval;

/// <summary>
/// A run against a service on this machine, killed (SIGKILL) at chosen points and run again: the same result, and nothing is asked twice
/// that was answered.
/// </summary>
public sealed class KilledRunTests : IDisposable
{
    const int Items = 6, AtOnce = 3;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-killed-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>
    /// A service that answers every other problem of banyan-mini rightly; at a chosen question it stops answering and says so.
    /// </summary>
    sealed class Service : IDisposable
    {
        static readonly (string Entry, string Program)[] s_answers =
            [.. Directory.GetFiles(Path.Combine(SharedData.Repository, "src", "Banyan.Evaluation", "Tasks", "BanyanMini", "items"),
                "*.item").Order(StringComparer.Ordinal).Select((file, index) =>
        {
            var parts = Path.GetFileNameWithoutExtension(file).Split('-', 3);
            string Section(string name) => File.ReadAllText(file).Split("=== ")
                .First(s => s.StartsWith(name + "\n", StringComparison.Ordinal))[(name.Length + 1)..];
            return (parts[2] + "(",
                $"```{parts[0]}\n{Section("prompt")}{Section(index % 2 == 0 ? "solution" : "wrong")}{(parts[0] == "csharp" ? "    }\n}\n" : "")}```");
        })];

        readonly HttpListener _listener = new();
        readonly TaskCompletionSource _silent = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int _asked;

        public Service()
        {
            // HttpListener takes no port 0: one that is free now.
            using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                Address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/v1";
            }
            _listener.Prefixes.Add(Address + "/");
            _listener.Start();
            _ = ServeAsync();
        }

        public string Address { get; }

        /// <summary>The question at which it falls silent, counted from 1; 0: never.</summary>
        public int SilentAt { get; set; }

        public int Asked => Volatile.Read(ref _asked);

        public Task Silent => _silent.Task;

        public void Dispose() => _listener.Close();

        async Task ServeAsync()
        {
            while (true)
            {
                HttpListenerContext context;
                try
                {
                    context = await _listener.GetContextAsync();
                }
                catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }
                _ = AnswerAsync(context);
            }
        }

        async Task AnswerAsync(HttpListenerContext context)
        {
            using var reader = new StreamReader(context.Request.InputStream);
            var body = await reader.ReadToEndAsync();
            if (!context.Request.Url!.AbsolutePath.EndsWith("/chat/completions", StringComparison.Ordinal))
            {
                context.Response.StatusCode = 404;
                context.Response.Close();
                return;
            }
            if (Interlocked.Increment(ref _asked) == SilentAt)
            {
                _silent.TrySetResult();
                return; // held until whoever asks is dead
            }
            var question = JsonNode.Parse(body)!["messages"]!.AsArray()[^1]!["content"]!.GetValue<string>();
            var answer = s_answers.First(a => question.Contains(a.Entry, StringComparison.Ordinal)).Program;
            var bytes = Encoding.UTF8.GetBytes(new JsonObject
            {
                ["model"] = "steady",
                ["choices"] =
                    new JsonArray(new JsonObject
                    {
                        ["index"] = 0,
                        ["finish_reason"] = "stop",
                        ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = answer }
                    }),
                ["usage"] = new JsonObject { ["prompt_tokens"] = 10, ["completion_tokens"] = 20 },
            }.ToJsonString());
            try
            {
                context.Response.ContentType = "application/json";
                await context.Response.OutputStream.WriteAsync(bytes);
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException)
            {
                // Whoever asked is dead.
            }
        }
    }

    string[] Arguments(Service service, string name, int atOnce) =>
        ["eval", "run", "--task", "banyan-mini", "--limit", $"{Items}", "--prompt", "chat", "--model", $"{service.Address}#steady",
            "--requests", $"{atOnce}", "--parallel", $"{Math.Min(2, atOnce)}", "--out", Path.Combine(_folder.FullName, name), "--json"];

    static async Task<JsonNode> RunAsync(string[] arguments)
    {
        var (code, output, error) = await Tool.Run(arguments);
        Assert.True(code == 0, error);
        return Assert.Single(JsonNode.Parse(output)!.AsArray())!;
    }

    [Fact]
    public async Task Killed_at_any_point_and_run_again_it_ends_the_same()
    {
        if (!File.Exists("/usr/bin/bwrap"))
            SharedData.Missing("bubblewrap is not installed");
        using var whole = new Service();
        var expected = Timeless(await RunAsync(Arguments(whole, "whole", atOnce: 1)));
        Assert.Equal(Items, whole.Asked);
        Assert.Contains("\"passed\":true", expected);
        Assert.Contains("\"passed\":false", expected);

        // While the first question waits, with some answered and others under way, and while the last one waits.
        foreach (var at in (int[])[1, 4, Items])
        {
            using var service = new Service { SilentAt = at };
            await KillAsync(Arguments(service, $"killed-{at}", AtOnce), () => service.Silent.IsCompleted);
            await EndsTheSameAsync(service, $"killed-{at}", expected);
        }
        // While it judges: every answer is on the disk.
        using var answered = new Service();
        await KillAsync(Arguments(answered, "judging", AtOnce), () => Answers("judging") == Items);
        Assert.Equal(Items, answered.Asked);
        await EndsTheSameAsync(answered, "judging", expected);
        Assert.Equal(Items, answered.Asked);
    }

    async Task EndsTheSameAsync(Service service, string name, string expected)
    {
        var (asked, kept) = (service.Asked, Answers(name));
        service.SilentAt = 0;
        // With another number of questions and programs at once.
        var resumed = await RunAsync(Arguments(service, name, atOnce: 2));
        Assert.Equal(expected, Timeless(resumed));
        // What the dead one had sent may be read after it died.
        Assert.InRange(service.Asked - asked, Items - kept, Items - kept + AtOnce);
        Assert.Equal(Items, Answers(name));

        var (model, report) = (Assert.Single(Directory.GetDirectories(Path.Combine(_folder.FullName, name))),
            Path.Combine(_folder.FullName, name + "-report"));
        var (made, _, madeError) =
            await Tool.Run(["eval", "report", model, "--out", report, "--key", Path.Combine(_folder.FullName, "key")]);
        Assert.True(made == 0, madeError);
        var (verified, _, error) = await Tool.Run(["eval", "verify", report]);
        Assert.True(verified == 0, error);
    }

    static async Task KillAsync(string[] arguments, Func<bool> when)
    {
        using var process = Process.Start(BanyanProgram.Start(arguments))!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(120));
        while (!process.HasExited && !when())
            await Task.Delay(2, patience.Token);
        process.Kill(); // SIGKILL
        await process.WaitForExitAsync(patience.Token);
    }

    int Answers(string name)
    {
        var folder = Path.Combine(_folder.FullName, name);
        var file = Directory.Exists(folder) ? Directory.GetFiles(folder, "transcript.jsonl", SearchOption.AllDirectories)
            .FirstOrDefault() : null;
        return file is null ? 0 : File.ReadAllText(file).Count(c => c == '\n');
    }

    /// <summary>A result without what no two runs share: when, how long, and at which port.</summary>
    static string Timeless(JsonNode result)
    {
        var copy = result.DeepClone().AsObject();
        foreach (var name in (string[])["began", "ended", "efficiency", "origin"])
            copy.Remove(name);
        foreach (var item in copy["items"]!.AsArray())
            foreach (var name in (string[])["seconds", "peakMemoryBytes"])
                item!.AsObject().Remove(name);
        return copy.ToJsonString().Replace(result["requestedModel"]!.GetValue<string>(), "steady", StringComparison.Ordinal);
    }
}
