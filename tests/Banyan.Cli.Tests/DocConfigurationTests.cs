using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Banyan.Tests;
using YamlDotNet.RepresentationModel;

namespace Banyan.Cli.Tests;

/// <summary>
/// What the documentation gives to other programs is what they take: asked of the programs themselves where they are installed.
/// </summary>
public sealed partial class DocConfigurationTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-docs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static IEnumerable<(string Page, int Index, string Text)> Of(string language) =>
        Directory.GetFiles(Path.Combine(SharedData.Repository, "docs"), "*.md")
        .Append(Path.Combine(SharedData.Repository, "README.md")).Order()
        .SelectMany(page => Blocks().Matches(File.ReadAllText(page)).Where(m => m.Groups[1].Value == language)
            .Select((m, i) => (Path.GetFileName(page), i + 1, m.Groups[2].Value)));

    static (string Page, int Index, string Text) The(string language) => Assert.Single(Of(language));

    [Fact]
    public void Every_block_of_JSON_and_YAML_can_be_read()
    {
        foreach (var (page, index, text) in Of("json"))
            Assert.True(Record.Exception(() => JsonNode.Parse(text)) is null, $"{page}, JSON {index}");
        foreach (var (page, index, text) in Of("yaml"))
            Assert.True(Record.Exception(() => new YamlStream().Load(new StringReader(text))) is null, $"{page}, YAML {index}");
        // Continue's schema asks for these.
        var editor = (YamlMappingNode)Load(The("yaml").Text);
        Assert.All((string[])["name", "version", "schema", "models"], key => Assert.True(editor.Children.ContainsKey(key), key));
        Assert.All(((YamlSequenceNode)editor["models"]).Cast<YamlMappingNode>(),
            m => Assert.All((string[])["name", "provider", "model"], key => Assert.True(m.Children.ContainsKey(key), key)));
    }

    static YamlNode Load(string text)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));
        return yaml.Documents[0].RootNode;
    }

    [Fact]
    public void Shells_can_read_what_is_for_them()
    {
        var bash = Program("bash");
        foreach (var (page, index, text) in Of("sh"))
        {
            var (code, output) = Run(bash, ["-n", Written($"{index}.sh", text)]);
            Assert.True(code == 0, $"{page}, sh {index}: {output}");
        }
    }

    [Fact]
    public void Systemd_takes_the_service_and_its_socket()
    {
        // The program lies elsewhere here, and the user is not there.
        var units = Of("ini").ToLookup(u => u.Text.Contains("[Socket]", StringComparison.Ordinal), u => u.Text);
        var service = Written("banyan.service",
            Assert.Single(units[false]).Replace("/opt/banyan/banyan ", "/bin/true ", StringComparison.Ordinal)
                .Replace("User=banyan", "User=root", StringComparison.Ordinal));
        var (code, output) = Run(Program("systemd-analyze"), ["verify", service, Written("banyan.socket", Assert.Single(units[true]))]);
        Assert.DoesNotMatch(@"banyan\.(service|socket):\d+:|Unknown|Failed", output);
        Assert.Equal(0, code);
    }

    /// <summary>
    /// The site as it is pasted, but for ports and certificates: an answer streams through it, and a hub's name and scheme come through.
    /// </summary>
    [Fact]
    public async Task Nginx_serves_the_site()
    {
        var nginx = Program("nginx", "/usr/sbin/nginx", Unpacked("usr/sbin/nginx"));
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=models.example.org", key, HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        var (public_, private_) = (Written("public.pem", certificate.ExportCertificatePem()),
            Written("private.pem", key.ExportPkcs8PrivateKeyPem()));
        var places =
            string.Concat(((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(n => $"{n}_temp_path {_folder}/{n};\n"));
        await Serves((port, server) => (nginx,
            ["-p", _folder, "-e", "stderr", "-c",
                Written("nginx.conf",
                    $"daemon off;\nmaster_process off;\npid {_folder}/nginx.pid;\nevents {{ }}\nhttp {{\naccess_log off;\n{places}"
            + The("nginx").Text.Replace("/etc/letsencrypt/live/models.example.org/fullchain.pem", public_, StringComparison.Ordinal)
            .Replace("/etc/letsencrypt/live/models.example.org/privkey.pem", private_, StringComparison.Ordinal)
                .Replace("443", $"127.0.0.1:{port}", StringComparison.Ordinal)
                .Replace("http://localhost:8080", server, StringComparison.Ordinal) + "\n}\n")]));
    }

    [Fact]
    public Task Caddy_serves_the_site()
    {
        var caddy = Program("caddy", Unpacked("usr/bin/caddy"));
        return Serves((port, server) => (caddy, ["run", "--adapter", "caddyfile", "--config", Written("Caddyfile",
            $"{{\nadmin off\nlocal_certs\nskip_install_trust\nauto_https disable_redirects\nhttps_port {port}\nstorage file_system {_folder}/caddy\n}}\n"
            + The("caddy").Text.Replace("localhost:8080", new Uri(server).Authority, StringComparison.Ordinal))]));
    }

    static string Unpacked(string path) => Path.Combine(SharedData.Repository, "tests", "Clients", "bin", path);

    static async Task Serves(Func<int, string, (string Program, string[] Arguments)> proxy)
    {
        await using var server = await Served.StartAsync("--allow-host", "models.example.org");
        using var free = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        free.Start();
        var port = ((System.Net.IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        var (program, arguments) = proxy(port, server.Address);
        using var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var said = process.StandardError.ReadToEndAsync();
        try
        {
            using var handler = new SocketsHttpHandler
            {
                SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
                ConnectCallback = async (_, cancellationToken) =>
                {
                    var socket = new System.Net.Sockets.TcpClient();
                    await socket.ConnectAsync(System.Net.IPAddress.Loopback, port, cancellationToken);
                    return socket.GetStream();
                },
            };
            using var client = new HttpClient(handler) { BaseAddress = new($"https://models.example.org:{port}") };
            HttpResponseMessage? up = null;
            for (var tries = 0; up is null && !process.HasExited && tries < 100; tries++)
                try
                {
                    up = await client.GetAsync("/health");
                }
                catch (HttpRequestException)
                {
                    await Task.Delay(100);      // it is not listening yet
                }
            Assert.True(up is { IsSuccessStatusCode: true }, process.HasExited ? await said : $"{up?.StatusCode}");
            var asked = new StringContent($$"""{"model": "{{server.Model}}", "prompt": "x", "max_tokens": 4, "stream": true}""",
                System.Text.Encoding.UTF8, "application/json");
            var answer = await (await client.PostAsync("/v1/completions", asked)).Content.ReadAsStringAsync();
            Assert.Contains("data: [DONE]", answer, StringComparison.Ordinal);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
        Assert.DoesNotContain("[warn]", await said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Python_talks_with_it()
    {
        var python = Program("python3");
        var program = The("python").Text;
        var (parsed, why) = Run(python, ["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", Written("chat.py", program)]);
        Assert.True(parsed == 0, why);
        if (Run(python, ["-c", "import openai"]).Code != 0)
            Missing("Python's openai is not installed: pip install openai");
        await using var server = await Served.StartAsync();
        var file = Written("chat.py", program.Replace("http://localhost:8080", server.Address, StringComparison.Ordinal)
            .Replace("qwen2.5-coder-1.5b-instruct-q4_k_m", server.Model, StringComparison.Ordinal)
            .Replace("messages=[", "max_tokens=8, messages=[", StringComparison.Ordinal));
        var (code, output) = Run(python, [file]);
        Assert.True(code == 0 && output.Trim().Length > 0, output);
    }

    /// <summary><c>banyan serve</c> with the model that ships, on a free port.</summary>
    sealed class Served(Process process, string address, string model) : IAsyncDisposable
    {
        public string Address => address;

        public string Model => model;

        public static async Task<Served> StartAsync(params string[] more)
        {
            var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "banyan.exe" : "banyan"),
                ["serve", Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf"), "--port", "0", .. more])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            var process = Process.Start(start)!;
            _ = process.StandardError.ReadToEndAsync();
            while (await process.StandardOutput.ReadLineAsync() is { } line)
                if (Address_().Match(line) is { Success: true } found)
                {
                    _ = process.StandardOutput.ReadToEndAsync();
                    return new(process, found.Value, "sprout-Q8_0");
                }
            throw new InvalidOperationException("banyan serve ended");
        }

        public async ValueTask DisposeAsync()
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    string Written(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    static string Program(string name, params string[] places)
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, name)).Concat(places).FirstOrDefault(File.Exists);
        if (found is null && places.Length > 0 && Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail($"{name} is not there: tests/prepare brings it");
        if (found is null)
            Missing($"{name} is not installed");
        return found!;
    }

    /// <summary>None of these is needed to build or run Banyan: what checks the documentation is checked where it is there.</summary>
    static void Missing(string what) => Assert.Skip(what);

    static (int Code, string Output) Run(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }

    [GeneratedRegex(@"^```(\w+)\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"http://[\w.:\[\]]+\d")]
    private static partial Regex Address_();
}
