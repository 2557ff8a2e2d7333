using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Banyan.Client;
using Banyan.Server.Listing;
using Banyan.Server.Repos;
using Banyan.Server.Search;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class SqliteListTests : ListContract;

public sealed class PostgresListTests(PostgresServer server) : ListContract
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateHubAsync();
}

/// <summary>
/// Lists of thousands of repositories, made of nothing but rows: every page holds what a search by hand finds, in its order.
/// </summary>
public abstract class ListContract : IAsyncLifetime
{
    const int Count = 6000;

    sealed record Made(long Id, string Name, bool Private, long Downloads, long Likes, long UpdatedAt, long Parameters,
        string[] Tags, bool IsAnas);

    HubServer _hub = null!;

    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync(await DatabaseAsync());

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    /// <summary>Many are alike, few have the tag "rare"; some are private; ana's and a stranger's.</summary>
    async Task<List<Made>> FillAsync()
    {
        var database = _hub.Server.Services.GetRequiredService<HubDatabase>();
        var (ana, ben) = ((await _hub.Accounts.FindAsync("ana", default))!.Id, (await _hub.Accounts.FindAsync("ben", default))!.Id);
        var random = new Random(3);
        string[] words = ["llama", "coder", "gemma", "phi", "mini", "chat", "base"];
        var made = Enumerable.Range(1000, Count).Select(i =>
        {
            var mine = i % 10 == 0;
            var name = $"{(mine ? "ana" : "ben")}/{words[i % 7]}-{words[i / 7 % 7]}-{i}";
            return new Made(i, name, i % 17 == 0, random.Next(50), random.Next(9), random.Next(300), i * 1_000_000L,
                [i % 2 == 0 ? "common" : "license:mit", .. i % 500 == 0 ? ["rare"] : Array.Empty<string>()], mine);
        }).ToList();
        await database.WriteAsync(async t =>
        {
            // Ids of their own: identity columns take them where they are asked to.
            await InsertAsync(
                t, $"repos (id, type, owner_id, name, name_key, private, gated, disabled, default_branch, downloads, likes, created_at, updated_at) {database.WithOwnIds}",
                made.Select(m =>
                    $"{m.Id}, 'model', {(m.IsAnas ? ana : ben)}, '{m.Name[4..]}', '{m.Name[4..]}', {m.Private}, NULL, false, 'main', {m.Downloads}, {m.Likes}, {m.Id}, {m.UpdatedAt}"));
            await InsertAsync(
                t, "listings (repo_id, type, name_key, parameters, facts, details)",
                made.Select(m =>
                    $"{m.Id}, 'model', '{m.Name}', {m.Parameters}, '{JsonSerializer.Serialize(new { tags = m.Tags })}', '{{}}'"));
            await InsertAsync(t, "listing_tags (tag_key, repo_id, tag)",
                made.SelectMany(m => m.Tags.Select(tag => $"'{tag}', {m.Id}, '{tag}'")));
            foreach (var m in made)
                await database.KeepWordsAsync(t,
                    new(m.Id, m.Downloads, [], [WordIndex.Type(RepoType.Model), .. m.Tags.Select(WordIndex.Tag), .. Grams.Of(m.Name)], []));
        }, default);
        if (database is PostgresDatabase)   // which does it by itself where autovacuum is on
            await database.ReadAsync(c => c.ExecuteAsync("ANALYZE repos, listings, listing_tags, listing_words"), default);
        return made;
    }

    /// <summary>Many rows at a time: one by one, a hundred thousand of them are a minute of a server's work.</summary>
    static async Task InsertAsync(DbTransaction transaction, string into, IEnumerable<string> rows)
    {
        foreach (var some in rows.Chunk(500))
        {
            await using var command = transaction.Connection!.CreateCommand();
            (command.Transaction, command.CommandText) = (transaction, $"INSERT INTO {into} VALUES ({string.Join("), (", some)})");
            await command.ExecuteNonQueryAsync();
        }
    }

    async Task<List<string>> PagesAsync(string query, string? token)
    {
        var names = new List<string>();
        for (var url = $"/api/models?{query}"; url is not null;)
        {
            var page = await _hub.GetAsync(url, token);
            names.AddRange((await HubServer.JsonOf(page)).EnumerateArray().Select(m => m.GetProperty("id").GetString()!));
            url = page.Headers.TryGetValues("Link", out var link) ? link.Single()[1..link.Single().IndexOf('>')] : null;
        }
        return names;
    }

    [Fact]
    public async Task Every_page_is_what_a_search_by_hand_finds()
    {
        var made = await FillAsync();
        Func<Made, bool> any = _ => true;
        foreach (var (query, condition) in new (string, Func<Made, bool>)[]
        {
            ("limit=900", any),
            ("filter=rare&limit=5", m => m.Tags.Contains("rare")),
            ("filter=common&filter=rare&limit=5", m => m.Tags.Contains("rare") && m.Tags.Contains("common")),
            ("filter=common&limit=700", m => m.Tags.Contains("common")),
            ("filter=nothing", _ => false),
            ("search=LLAMA coder&limit=50", m => m.Name.Contains("llama") && m.Name.Contains("coder")),
            ("search=er-phi-1&limit=50", m => m.Name.Contains("er-phi-1")),
            ("search=ni&limit=999", m => m.Name.Contains("ni")),
            ("search=q_q", _ => false),
            ("search=a%25", _ => false),
            ("author=Ana&limit=100", m => m.IsAnas),
            ("author=nobody", _ => false),
            ("num_parameters=min:1.5B,max:2B&limit=100", m => m.Parameters is >= 1_500_000_000 and <= 2_000_000_000),
            ("num_parameters=max:1.2B&filter=license:mit&limit=20", m => m.Parameters <= 1_200_000_000 && m.Tags.Contains("license:mit")),
            ("gated=true", _ => false),
        })
            foreach (var (sort, key) in new (string, Func<Made, long>)[] { ("downloads", m => -m.Downloads), ("likes", m => -m.Likes),
                ("lastModified", m => -m.UpdatedAt), ("createdAt", m => -m.Id), ("createdAt&direction=1", m => m.Id) })
                foreach (var (token, sees) in new (string?, Func<Made, bool>)[] { (null, m => !m.Private),
                    (_hub.Ana, m => !m.Private || m.IsAnas) })
                {
                    var expected = made.Where(m => sees(m) && condition(m)).OrderBy(key)
                        .ThenBy(m => sort.EndsWith('1') ? m.Id : -m.Id).Select(m => m.Name);
                    Assert.Equal(expected, await PagesAsync($"{query}&sort={sort}&expand=author", token));
                }
        foreach (var name in new[] { "filter=rare", "author=ana" })
            Assert.Equal(
                made.Where(m => !m.Private && (name == "author=ana" ? m.IsAnas : m.Tags.Contains("rare"))).Select(m => m.Name)
                    .Order(StringComparer.Ordinal),
                (await PagesAsync($"{name}&sort=name&direction=1&limit=70", null)).Order(StringComparer.Ordinal));
        foreach (var cursor in new[] { "x", "%C3%A9", Convert.ToBase64String("1 x"u8).TrimEnd('=') })
            await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models?cursor={cursor}"), System.Net.HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_change_is_listed_before_the_next_list()
    {
        var repo = await _hub.CreateRepoAsync("first");
        async Task<string> Found(string query) => string.Join(' ', await PagesAsync(query, _hub.Ana));
        Assert.Equal("", await Found("filter=alpha"));
        await _hub.CommitFilesAsync(repo, _hub.Ana,
            ("README.md", "---\ntags: [alpha, Beta]\nlibrary_name: tiny\npipeline_tag: fill-mask\n---\n"));
        foreach (var query in new[] { "filter=ALPHA", "filter=beta&library=tiny", "pipeline_tag=fill-mask", "search=irs" })
            Assert.Equal("ana/first", await Found(query));
        // A card cannot claim what the index alone says.
        Assert.Equal("", await Found("filter=library:tiny"));
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("README.md", "---\ntags: [gamma]\n---\n"));
        Assert.Equal(("", "ana/first"), (await Found("filter=alpha"), await Found("filter=gamma")));
        await HubServer.JsonOf(await _hub.PostAsync("/api/repos/move", new { fromRepo = repo, toRepo = "ana/second" }, _hub.Ana));
        Assert.Equal(("", "ana/second"), (await Found("search=first"), await Found("search=second")));
        var told = (await _hub.GetJsonAsync("/api/models?search=second&full=true&cardData=true"))[0];
        Assert.Equal("""{"tags":["gamma"]}""", told.GetProperty("cardData").GetRawText());
        Assert.Equal([".gitattributes", "README.md"],
            told.GetProperty("siblings").EnumerateArray().Select(s => s.GetProperty("rfilename").GetString()));
        Assert.Equal(await HeadAsync("ana/second"), told.GetProperty("sha").GetString());
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", _hub.Ana,
            System.Net.Http.Json.JsonContent.Create(new { name = "second" })));
        Assert.Equal("", await Found("filter=gamma"));
        var left = await _hub.Server.Services.GetRequiredService<HubDatabase>().ReadAsync(
            c => c.ExecuteScalarAsync<long>("SELECT (SELECT COUNT(*) FROM listing_tags) + (SELECT COUNT(*) FROM unlisted)"), default);
        Assert.Equal("0", left.ToString(CultureInfo.InvariantCulture));
    }

    async Task<string> HeadAsync(string repo) =>
        (await _hub.GetJsonAsync($"/api/models/{repo}/refs", _hub.Ana)).GetProperty("branches")[0].GetProperty("targetCommit").GetString()!;
}
