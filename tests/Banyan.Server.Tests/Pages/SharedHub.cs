using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;

[assembly: AssemblyFixture(typeof(SharedHub))]

namespace Banyan.Server.Tests.Pages;

/// <summary>One hub for the tests of pages, with repositories that none of them changes. Started by the first that asks.</summary>
public sealed class SharedHub : IAsyncDisposable
{
    /// <summary>A user who looks after the hub.</summary>
    internal const string Administrator = "olga";

    /// <summary>Tries to run as script, or to load from elsewhere, in all the ways that are known.</summary>
    internal const string Hostile = "<script>alert(1)</script>";

    readonly Lazy<Task<HubServer>> _hub = new(StartAsync);

    internal Task<HubServer> GetAsync() => _hub.Value;

    static async Task<HubServer> StartAsync()
    {
        var hub = await HubServer.StartAsync(change: o => o with { TuneFolder = Path.Combine(o.DataFolder, "runs") });
        await hub.AddUserAsync(Administrator);
        await hub.Accounts.SetAdminAsync(Administrator, true, default);
        await hub.CreateRepoAsync("coder");
        await hub.CommitFilesAsync("ana/coder", hub.Ana, ("README.md", Card), ("src/model.py", "def forward(x):\n    return x\n"),
            ("config.json", """{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}"""));
        await hub.CreateRepoAsync("secret", isPrivate: true);
        await hub.CommitFilesAsync("ana/secret", hub.Ana, ("README.md", "# A secret plan"));
        await hub.CreateRepoAsync("gated", organization: "acme");
        await hub.CommitFilesAsync("acme/gated", hub.Ana, ("README.md", "---\nlicense: mit\n---\n# Behind the gate"));
        await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Put, "/api/models/acme/gated/settings", hub.Ana,
            System.Net.Http.Json.JsonContent.Create(new { gated = "manual" })));
        await hub.CreateRepoAsync("words", "dataset");
        await hub.CommitFilesAsync("datasets/ana/words", hub.Ana,
            ("README.md", "---\nlanguage: hi\ntask_categories: [translation]\n---\n# Words"),
            ("data.csv", "word,count\nbanyan,3\n\"with, comma\",4\n"));
        await hub.CreateRepoAsync("rows", "dataset");
        var media =
            await File.ReadAllBytesAsync(Path.Combine(Banyan.Tests.SharedData.Repository, "tests", "Banyan.Server.Tests", "Viewer", "Data",
                "media", "media.parquet"));
        await hub.UploadAsync("datasets/ana/rows", media);
        await HubServer.JsonOf(await hub.CommitAsync("datasets/ana/rows", hub.Ana, "rows", null,
            HubServer.Large("data/media.parquet", media),
            HubServer.File("data/cut.parquet", "PAR1 and no more"),
            HubServer.File("lines.jsonl",
                string.Concat(Enumerable.Range(0, 120)
                    .Select(i =>
                        $"{{\"n\": {i}, \"words\": \"row {i}{(i == 77 ? " " + Hostile.Replace("\"", "") : "")}\", \"kind\": \"k{i % 3}\"}}\n")))));
        return hub;
    }

    const string Card = """
        ---
        license: apache-2.0
        pipeline_tag: text-generation
        language: [en, hi]
        base_model: acme/base
        tags: [code]
        ---
        # Coder

        Writes **code**. See [the source](src/model.py), ![a chart](chart.png), and | this.

        Also [`config.json`](config.json).

        | a | b |
        |---|---|
        | 1 | 2 |
        """;

    /// <summary>Gets a page as a browser does.</summary>
    internal async Task<(int Status, string Html, HttpResponseMessage Response)> PageAsync(string path)
    {
        var response = await (await GetAsync()).SendAsync(HttpMethod.Get, path,
            headers: [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response);
    }

    public async ValueTask DisposeAsync()
    {
        if (_hub is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await _hub.Value).DisposeAsync();
    }
}
