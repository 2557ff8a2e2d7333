using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

/// <summary>The server as systemd starts it: a socket that is open already, what it is told, and how it is stopped.</summary>
public sealed class ServiceTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-service-");

    public void Dispose() => _folder.Delete(recursive: true);

    // What systemd does, in Perl, which every Debian has: opens a socket as descriptor 3, says so, becomes the program.
    const string Activate = """
        use Socket; $^F = 3; socket(S, PF_INET, SOCK_STREAM, 0) or die; bind(S, sockaddr_in(0, INADDR_LOOPBACK)) or die; listen(S, 8) or die; fileno(S) == 3 or die;
        $| = 1; print "port " . (sockaddr_in(getsockname(S)))[0] . "\n"; $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = 1; exec(@ARGV) or die;
        """;

    [Fact]
    public async Task Takes_the_socket_tells_that_it_is_ready_and_lives_and_finishes_what_is_under_way()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/perl"), "systemd is Linux's, and Perl plays it");
        var path = Path.Combine(_folder.FullName, "notify");
        using var notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notify.Bind(new UnixDomainSocketEndPoint(path));
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        async Task<string> Told()
        {
            var buffer = new byte[4096];
            return Encoding.UTF8.GetString(buffer, 0, await notify.ReceiveAsync(buffer, patience.Token));
        }
        var program = BanyanProgram.Start("serve", SharedData.Path("models", "stories260K.gguf"), "--drain", "60s");
        var start = new ProcessStartInfo("/usr/bin/perl") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-e", Activate, program.FileName, .. program.ArgumentList])
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in program.Environment)
            start.Environment[name] = value;
        (start.Environment["NOTIFY_SOCKET"], start.Environment["WATCHDOG_USEC"]) = (path, "200000");
        using var banyan = Process.Start(start)!;
        try
        {
            var port = (await banyan.StandardOutput.ReadLineAsync(patience.Token))!.Split(' ')[1];
            var heard = new List<string>();
            while (!(heard.Contains("READY=1") && heard.Contains("WATCHDOG=1")))
                heard.Add(await Told());
            using var client = new HttpClient { BaseAddress = new($"http://localhost:{port}") };
            while ((await client.GetAsync("/health", patience.Token)).StatusCode != HttpStatusCode.OK)
                await Task.Delay(20, patience.Token);
            var request = new HttpRequestMessage(HttpMethod.Post,
                "/v1/completions")
            {
                Content = JsonContent.Create(new { prompt = "Once", max_tokens = 400, ignore_eos = true, stream = true })
            };
            using var stream = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            using var kill = Process.Start("kill", ["-TERM", $"{banyan.Id}"]);
            Assert.EndsWith("data: [DONE]\n\n", await stream.Content.ReadAsStringAsync(patience.Token));
            while (await Told() is var told && told != "STOPPING=1")
                heard.Add(told);
            await banyan.WaitForExitAsync(patience.Token);
            Assert.Equal((0, ""), (banyan.ExitCode, await banyan.StandardError.ReadToEndAsync(patience.Token)));
        }
        finally
        {
            if (!banyan.HasExited)
                banyan.Kill();
        }
    }
}
