using System.Diagnostics;
using System.Text.Json;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Clients;

/// <summary><c>from_pretrained</c> of the npm package <c>@huggingface/transformers</c>, unmodified but for the address.</summary>
public class TransformersNpmTests
{
    [Fact]
    public async Task A_tokenizer_and_a_configuration_are_loaded_from_a_branch()
    {
        var clients = Path.Combine(SharedData.Repository, "tests", "Clients");
        if (!Directory.Exists(Path.Combine(clients, "node_modules", "@huggingface", "transformers")))
            SharedData.Missing("the npm package @huggingface/transformers is not installed: tests/prepare installs it (needs Node.js)");
        await using var hub = await HubServer.StartAsync();
        var repo = await hub.CreateRepoAsync("sprout");
        var sprout = Path.Combine(SharedData.Repository, "models", "sprout");
        await hub.CommitFilesAsync(repo, hub.Ana,
            [.. new[] { "config.json", "tokenizer.json",
                "tokenizer_config.json" }.Select(f => (f, File.ReadAllText(Path.Combine(sprout, f))))]);
        await HubServer.JsonOf(await hub.PostAsync($"/api/models/{repo}/branch/side%2Fone", new { startingPoint = "main" }, hub.Ana));

        var cache = Directory.CreateTempSubdirectory("banyan-npm-");
        using var node = Process.Start(new ProcessStartInfo("node", ["transformers.mjs", hub.Address, repo, "side/one", cache.FullName])
        {
            WorkingDirectory = clients,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        await node.WaitForExitAsync();
        Assert.True(node.ExitCode == 0, await errors);
        cache.Delete(recursive: true);

        var loaded = JsonDocument.Parse((await output).Trim().Split('\n')[^1]).RootElement;
        Assert.Equal(("qwen2", 4096), (loaded.GetProperty("type").GetString(), loaded.GetProperty("vocabulary").GetInt32()));
        Assert.Equal("public static int Add(int a, int b)", loaded.GetProperty("back").GetString());
        Assert.InRange(loaded.GetProperty("ids").GetArrayLength(), 5, 20);
        Assert.Equal($"Could not locate file: \"HUB/{repo}-missing/resolve/main/config.json\".", loaded.GetProperty("missing").GetString());
    }
}
