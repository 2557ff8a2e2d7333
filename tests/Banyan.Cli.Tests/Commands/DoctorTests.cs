using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Banyan.Cli.Tests.Commands;

/// <summary>What <c>banyan doctor</c> finds on a machine.</summary>
public sealed class DoctorTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-doctor-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task It_says_how_things_stand_and_changes_nothing()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var (code, output, error) = await Tool.Run(["doctor", "--data", _folder.FullName, "--port", $"{port}", "--json"],
            environment: new Dictionary<string, string>
            {
                ["HF_ENDPOINT"] = "http://127.0.0.1:1",
                ["BANYAN_KERNELS"] = "scalar",
            });
        Assert.True(code == 0, error);
        var found = JsonNode.Parse(output)!.AsArray().ToDictionary(f => (string)f!["subject"]!, f => f!);
        Assert.StartsWith("scalar", (string)found["kernels"]["found"]!);
        Assert.Equal("Warning", (string)found["kernels"]["health"]!);
        Assert.Contains("MB/s", (string)found["disk"]["found"]!);
        Assert.Equal(($"{port} is taken", "Warning"), ((string)found["port"]["found"]!, (string)found["port"]["health"]!));
        Assert.Equal("127.0.0.1:1 does not answer", (string)found["hub"]["found"]!);
        Assert.Empty(_folder.GetFileSystemInfos());
    }

    [Fact]
    public async Task What_does_not_work_is_an_exit_code()
    {
        var file = Path.Combine(_folder.FullName, "file");
        File.WriteAllText(file, "");
        var (code, output, _) = await Tool.Run(["doctor", "--data", Path.Combine(file, "hub"), "--port", "0"]);
        Assert.Equal(1, code);
        Assert.Contains($"BAD   data folder      {file} is a file", output);
    }

    [Fact]
    public async Task A_hub_is_looked_at_beside_it()
    {
        var data = Path.Combine(_folder.FullName, "hub");
        Assert.Equal(0, (await Tool.Run(["hub", "user", "add", "ana", "--data", data])).ExitCode);
        var (code, output, error) = await Tool.Run(["doctor", "--hub", "--data", data, "--port", "0"]);
        Assert.True(code == 0, error + output);
        Assert.Contains("a sample of 1 %", output);
    }
}
