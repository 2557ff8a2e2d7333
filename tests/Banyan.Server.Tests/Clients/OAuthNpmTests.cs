using System.Diagnostics;
using System.Text.Json.Nodes;
using Banyan.Server.Tests.Hub;
using Banyan.Server.Tests.Pages;
using Banyan.Tests;

namespace Banyan.Server.Tests.Clients;

/// <summary>"Sign in with Hugging Face" as npm's <c>@huggingface/hub</c> does it, unmodified, against this hub.</summary>
public class OAuthNpmTests(SharedHub shared)
{
    [Fact]
    public async Task Signs_a_user_in_to_an_app()
    {
        var clients = Path.Combine(SharedData.Repository, "tests", "Clients");
        if (!Directory.Exists(Path.Combine(clients, "node_modules", "@huggingface", "hub")))
            SharedData.Missing("the npm package @huggingface/hub is not installed: tests/prepare installs it (needs Node.js)");
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("appia");
        using var visit = await PageVisit.OfAsync(hub, "appia");
        var registered =
            await (await visit.SendAsync("/settings/applications", "/settings/applications", ("name", "Demo"),
                ("redirects", "https://demo.example.org/"), ("kind", "public"))).Content.ReadAsStringAsync();
        var client = registered.Split("client_id=")[1][..36];
        using var node =
            Process.Start(new ProcessStartInfo("node", ["oauth.mjs", hub.Address.TrimEnd('/'), client, "https://demo.example.org/"])
            {
                WorkingDirectory = clients,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        var errors = node.StandardError.ReadToEndAsync();
        var address = new Uri(await node.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await errors)).PathAndQuery;
        var answered = await visit.SendAsync(address, "/oauth/authorize", ("request", address[address.IndexOf('?')..]), ("do", "allow"));
        await node.StandardInput.WriteLineAsync(answered.Headers.Location!.ToString());
        var report = JsonNode.Parse(await node.StandardOutput.ReadToEndAsync() is { Length: > 0 } text ? text
            : throw new InvalidOperationException(await errors))!;
        await node.WaitForExitAsync();
        Assert.Equal("openid profile email read-repos", (string?)report["scope"]);
        Assert.Equal("mine", (string?)report["state"]);
        Assert.Equal("""{"name":"appia","auth":"app_token_as_user"}""", report["who"]!.ToJsonString());
        Assert.Equal("appia", (string?)report["userInfo"]!["preferred_username"]);
    }
}
