using System.Globalization;
using System.Text.RegularExpressions;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class SqliteSearchTests : SearchContract;

public sealed class PostgresSearchTests(PostgresServer server) : SearchContract
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateHubAsync();
}

/// <summary>Search finds what is meant, in cards too and in any script, and tells nobody of what he may not see.</summary>
public abstract partial class SearchContract : IAsyncLifetime
{
    HubServer _hub = null!;

    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync(await DatabaseAsync());

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    /// <summary>Names on a page, in its order.</summary>
    async Task<List<string>> NamesAsync(string path, string? token = null)
    {
        var page = await _hub.SendAsync(HttpMethod.Get, path, token, headers: [("Accept", "text/html")]);
        var html = await page.Content.ReadAsStringAsync();
        Assert.True(page.IsSuccessStatusCode, html);
        return [.. Row().Matches(html).Select(m => m.Groups[1].Value)];
    }

    async Task<List<string>> SearchAsync(string query) => await NamesAsync($"/search?q={Uri.EscapeDataString(query)}");

    [Fact]
    public async Task The_right_one_is_among_the_first_three()
    {
        foreach (var (name, _, header, text) in Relevance.Models)
            await _hub.CommitFilesAsync(await _hub.CreateRepoAsync(name), _hub.Ana,
                ("README.md", $"---\n{header}\n---\n# {name}\n\n{text}\n"));
        // Places follow downloads when words are kept anew.
        await _hub.Server.Services.GetRequiredService<HubDatabase>().WriteAsync(
            async t =>
            {
                await t.ExecuteAsync("UPDATE repos SET downloads = @Downloads WHERE name = @Name",
                    Relevance.Models.Select(m => new { m.Downloads, m.Name }));
                await t.ExecuteAsync("INSERT INTO unlisted (repo_id, mark) SELECT id, 0 FROM repos WHERE true ON CONFLICT DO NOTHING");
            },
            default);
        await _hub.Server.Services.GetRequiredService<Banyan.Server.Listing.ListIndex>().CatchUpAsync(default);
        var missed = new List<string>();
        foreach (var (query, meant) in Relevance.Queries)
            if (await SearchAsync(query) is var found && !found.Take(3).Contains($"ana/{meant}"))
                missed.Add($"'{query}' means {meant} and finds {string.Join(' ', found.Take(3))}");
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Relevance.Queries.Length - missed.Count} of {Relevance.Queries.Length}\n{string.Join('\n', missed)}"));
        Assert.True(Relevance.Queries.Length >= 60 && missed.Count <= Relevance.Queries.Length / 20, string.Join('\n', missed));

        // What a list can be narrowed by, and what is left then.
        var list =
            await (await _hub.SendAsync(HttpMethod.Get, "/models?search=speech",
                headers: [("Accept", "text/html")])).Content.ReadAsStringAsync();
        Assert.Contains("language=sw", list);
        Assert.Equal(["ana/kiswahili-asr"], await NamesAsync("/models?search=speech&language=sw"));
        Assert.All(await NamesAsync("/models?commercial=true"), name => Assert.DoesNotContain("nllb", name));
        // Every page in turn, and nothing twice.
        Assert.Equal(Relevance.Models.Length, (await EveryPageAsync("/models")).Distinct().Count());
        var pages = await EveryPageAsync("/models?search=language");
        Assert.Equal(pages.Distinct(), pages);
    }

    async Task<List<string>> EveryPageAsync(string path)
    {
        var names = new List<string>();
        for (string? next = path; next is not null;)
        {
            var html = await (await _hub.SendAsync(HttpMethod.Get, next, headers: [("Accept", "text/html")])).Content.ReadAsStringAsync();
            names.AddRange(Row().Matches(html).Select(m => m.Groups[1].Value));
            next = Next().Match(html) is { Success: true } link ? System.Net.WebUtility.HtmlDecode(link.Groups[1].Value) : null;
        }
        return names;
    }

    [Fact]
    public async Task What_fits_is_found_with_the_file_that_does()
    {
        foreach (var (name, licence, sizes) in new (string, string, (string, int)[])[]
        {
            ("small", "mit", [("small-Q4_K_M.gguf", 600_000), ("small-Q8_0.gguf", 900_000), ("small-F16.gguf", 1_700_000)]),
            ("large", "mit", [("large-Q4_K_M.gguf", 2_000_000)]),
            ("shards", "mit", [("shards-Q8_0-00001-of-00002.gguf", 700_000), ("shards-Q8_0-00002-of-00002.gguf", 700_001)]),
            ("closed", "cc-by-nc-4.0", [("closed-Q4_0.gguf", 500_000)]), ("none", "mit", []),
        })
        {
            var repo = await _hub.CreateRepoAsync(name);
            await _hub.CommitFilesAsync(repo, _hub.Ana, ("README.md", $"---\nlicense: {licence}\nlanguage: hi\n---\n"));
            foreach (var (file, size) in sizes)
            {
                byte[] bytes = [.. Enumerable.Range(0, size).Select(i => (byte)(i * 31 + file.Length))];
                await _hub.UploadAsync(repo, bytes);
                await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "weights", null, HubServer.Large(file, bytes)));
            }
        }
        Assert.Equal(["ana/closed", "ana/shards", "ana/small"], (await NamesAsync("/models?download=1.5MB&language=hi")).Order());
        Assert.Equal(["ana/small"], await NamesAsync("/models?download=1MB&commercial=true"));
        Assert.Equal([], await NamesAsync("/models?fits=100MB"));
        Assert.Equal(4, (await NamesAsync("/models?fits=0.3")).Count);
        Assert.Equal(["ana/shards", "ana/small"], (await NamesAsync("/models?format=q8_0")).Order());
        var html =
            await (await _hub.SendAsync(HttpMethod.Get, "/models?download=1MB&commercial=true",
                headers: [("Accept", "text/html")])).Content.ReadAsStringAsync();
        Assert.Contains("small-Q8_0.gguf", html);        // the largest that does
        Assert.DoesNotContain("small-F16.gguf", html);
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, (await _hub.GetAsync("/api/models?fits=much")).StatusCode);
    }

    [Fact]
    public async Task Of_what_is_private_no_word_is_told()
    {
        var secret = await _hub.CreateRepoAsync("plan", isPrivate: true);
        await _hub.CommitFilesAsync(secret, _hub.Ana, ("README.md", "# Zanzibarium\n"));
        await _hub.CommitFilesAsync(await _hub.CreateRepoAsync("open"), _hub.Ana,
            ("README.md", "---\ntags: [zanzibariun]\n---\nNothing else."));
        Assert.Equal(["ana/plan"], await NamesAsync("/search?q=zanzibarium", _hub.Ana));
        // For a stranger it is a word that nobody has, one slip from one that somebody has.
        Assert.Equal(["ana/open"], await SearchAsync("zanzibarium"));
        Assert.Equal([], await SearchAsync("\"AND* OR head:x) '\\ &|!<->"));
    }

    [GeneratedRegex("""<a class="name" href="/([^"]+)">""")]
    private static partial Regex Row();

    [GeneratedRegex("""<a rel="next" href="([^"]+)">""")]
    private static partial Regex Next();
}
