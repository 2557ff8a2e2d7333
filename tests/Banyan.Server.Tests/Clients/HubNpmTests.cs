using System.Diagnostics;
using System.Text.Json.Nodes;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Clients;

/// <summary>
/// The npm package <c>@huggingface/hub</c>, unmodified: tests/Clients/hub.mjs makes the calls, this compares what it got.
/// </summary>
public class HubNpmTests
{
    [Fact]
    public async Task Drives_the_hub()
    {
        var clients = Path.Combine(SharedData.Repository, "tests", "Clients");
        if (!Directory.Exists(Path.Combine(clients, "node_modules", "@huggingface", "hub")))
            SharedData.Missing("the npm package @huggingface/hub is not installed: tests/prepare installs it (needs Node.js)");
        await using var hub = await HubServer.StartAsync();
        var folder = Directory.CreateTempSubdirectory("banyan-npm-");
        using var node = Process.Start(new ProcessStartInfo("node", ["hub.mjs", hub.Address, hub.Ana, "ana", folder.FullName])
        {
            WorkingDirectory = clients,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = node.StandardError.ReadToEndAsync();
        _ = await node.StandardOutput.ReadToEndAsync();   // the client's own progress
        await node.WaitForExitAsync();
        Assert.True(node.ExitCode == 0, await errors);
        var output = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "report.json"));
        folder.Delete(recursive: true);

        // One line a feature, so that a difference names it.
        var expected = await File.ReadAllTextAsync(Path.Combine(clients, "hub.expected.json"));
        Assert.All(Lines(expected).Zip(Lines(output)),
            pair => Assert.True(pair.First == pair.Second, $"{pair.Second}\ninstead of\n{pair.First}"));
        Assert.Equal(Lines(expected).Length, Lines(output).Length);
    }

    static string[] Lines(string json) =>
        [.. JsonNode.Parse(json)!.AsObject().Select(f => $"{f.Key}: {f.Value?.ToJsonString() ?? "null"}")];
}
