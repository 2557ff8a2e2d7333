using System.Diagnostics;
using Banyan.Tests;

namespace Banyan.Server.Tests.Clients;

/// <summary>Runs the scripts of tests/Clients, each of which drives a server with one npm package and prints a report as JSON.</summary>
static class NodeClients
{
    /// <summary>What the script printed; skips the test where its package is not installed.</summary>
    public static Task<string> RunAsync(string package, params string[] arguments) => RunInAsync("", package, arguments);

    /// <summary>The same of a folder below it, which has packages of its own.</summary>
    public static async Task<string> RunInAsync(string below, string package, params string[] arguments)
    {
        var folder = Path.Combine(SharedData.Repository, "tests", "Clients", below);
        if (!Directory.Exists(Path.Combine(folder, "node_modules", package)))
            SharedData.Missing($"the npm package {package} is not installed: tests/prepare installs it (needs Node.js)");
        using var node =
            Process.Start(new ProcessStartInfo("node", arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            })!;
        var errors = node.StandardError.ReadToEndAsync();
        var output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();
        Assert.True(node.ExitCode == 0, await errors);
        return output;
    }
}
