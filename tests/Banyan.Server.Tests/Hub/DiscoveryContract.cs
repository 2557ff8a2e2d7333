using System.Net;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class DiscoveryTests(LocalHub hub) : DiscoveryContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterDiscoveryTests(ClusterHub hub) : DiscoveryContract(hub), IClassFixture<ClusterHub>;

/// <summary>What search engines and feed readers are told: all that everyone may see, and nothing else.</summary>
public abstract class DiscoveryContract(HubKind kind) : HubContract(kind, "hidden")
{
    async Task<XDocument> XmlAsync(string path, string? token = null)
    {
        var response = await Hub.GetAsync(path, token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return XDocument.Parse(await response.Content.ReadAsStringAsync());
    }

    static IEnumerable<string> Values(XDocument xml, string element) =>
        xml.Descendants().Where(e => e.Name.LocalName == element).Select(e => e.Value);

    async Task<string[]> MappedAsync()
    {
        var found = new List<string>();
        foreach (var part in Values(await XmlAsync("/sitemap.xml"), "loc"))
            found.AddRange(Values(await XmlAsync(part[Hub.Address.Length..]), "loc").Select(l => l[Hub.Address.Length..]));
        return [.. found.Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task The_sitemap_names_what_everyone_may_see_in_parts()
    {
        await Hub.CreateRepoAsync("shown");
        await Hub.CreateRepoAsync("words", "dataset");
        await Hub.CreateRepoAsync("gated");
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Put, "/api/models/ana/gated/settings", Hub.Ana,
            System.Net.Http.Json.JsonContent.Create(new { gated = "manual" })));
        var database = Hub.Server.Services.GetRequiredService<HubDatabase>();
        // As of a hub that has had a million repositories: what is left is in two parts, with an end of a batch and of a part between.
        await database.WriteAsync(t => t.ExecuteAsync(
            $"""
            INSERT INTO repos (id, type, owner_id, name, name_key, private, disabled, default_branch, downloads, created_at, updated_at) {database.WithOwnIds}
            SELECT @id, 'space', id, @name, @name, @hidden, @no, 'main', 0, 0, @at FROM accounts WHERE name = 'acme'
            """,
            Enumerable.Range(0, 1003)
                .Select(i => new
                {
                    id = i < 2 ? 999_999L + i : 1_000_010L + i,
                    name = $"s{i}",
                    hidden = i == 1002,
                    no = false,
                    at = 1_700_000_000_000L + i
                })), default);
        string[] expected = ["/acme", "/ana", "/ana/gated", "/ana/shown", "/ben", "/datasets/ana/words",
            .. Enumerable.Range(0, 1002).Select(i => $"/spaces/acme/s{i}").Order(StringComparer.Ordinal)];
        Assert.Equal(expected, await MappedAsync());
        var index = await XmlAsync("/sitemap.xml");
        Assert.Equal(["repositories-0", "repositories-19", "repositories-20", "profiles-0"],
            Values(index, "loc").Select(l => l.Split("?part=")[1]));
        Assert.Contains("2023-11-14T22:13:20.000Z", Values(index, "lastmod"));
        Assert.Equal("2023-11-14T22:13:20.000Z", Values(await XmlAsync("/sitemap.xml?part=repositories-19"), "lastmod").Single());
        // Nothing of a token: who asks it sees what everyone does.
        Assert.DoesNotContain("hidden", (await XmlAsync("/sitemap.xml?part=repositories-0", Hub.Ana)).ToString());
        foreach (var part in new[] { "x", "repositories", "repositories--1", "repositories-1x", "repositories-99999999999999999999",
            "repositories-9223372036854775807", "secrets-0" })
            await HubServer.AssertErrorAsync(await Hub.GetAsync($"/sitemap.xml?part={part}"), HttpStatusCode.NotFound);
        Assert.Empty(Values(await XmlAsync("/sitemap.xml?part=repositories-7"), "loc"));
        await Hub.Accounts.SuspendAsync("ben", true, default);
        Assert.DoesNotContain("/ben", Values(await XmlAsync("/sitemap.xml?part=profiles-0"), "loc").Select(l => l[Hub.Address.Length..]));
    }

    [Fact]
    public async Task Robots_are_kept_out_where_only_users_read()
    {
        var open = await (await Hub.GetAsync("/robots.txt")).Content.ReadAsStringAsync();
        Assert.Contains($"Sitemap: {Hub.Address}/sitemap.xml", open);
        Assert.DoesNotContain("Disallow: /\n", open);
        await Hub.Accounts.SetAdminAsync("ana", true, default);
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Put, "/api/settings/hub", Hub.Ana,
            System.Net.Http.Json.JsonContent.Create(new { readers = "members" })));
        Assert.Equal("User-agent: *\nDisallow: /\n", await (await Hub.GetAsync("/robots.txt")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Feeds_tell_what_their_readers_may_see()
    {
        await Hub.CreateRepoAsync("shown");
        await HubServer.JsonOf(await Hub.CommitAsync("ana/shown", Hub.Ana, "first \u0001\ud83c\udf33 <b>", null,
            HubServer.File("a.txt", "1")));
        await HubServer.JsonOf(await Hub.CommitAsync(Repo, Hub.Ana, "a secret step", null, HubServer.File("a.txt", "1")));
        var number =
            (await Hub.PostJsonAsync("/api/models/ana/shown/discussions", new { title = "Why so", description = "a question" },
                Hub.Ben)).GetProperty("num").GetInt32();
        await Hub.PostJsonAsync($"/api/models/ana/shown/discussions/{number}/comment", new { comment = "since then" }, Hub.Ana);

        foreach (var path in new[] { "/feed", "/feed/new", "/feed/ana" })
        {
            var feed = await XmlAsync(path, Hub.Ana);
            Assert.Contains("ana/shown (model)", Values(feed, "title"));
            Assert.DoesNotContain("hidden", feed.ToString());
        }
        Assert.DoesNotContain("ana/shown", (await XmlAsync("/feed/acme")).ToString());
        Assert.Equal(["Commits to ana/shown", "first \ud83c\udf33 <b>", "initial commit"],
            Values(await XmlAsync("/ana/shown/feed"), "title"));
        var said = await XmlAsync("/ana/shown/discussions/feed");
        Assert.Equal(["Discussions of ana/shown", "Discussion 1, comment: Why so", "Discussion 1, comment: Why so"], Values(said, "title"));
        Assert.Equal(["ana", "ben"], Values(said, "name"));
        Assert.Contains("a secret step", Values(await XmlAsync($"/{Repo}/feed", Hub.Ana), "title"));
        foreach (var path in new[] { $"/{Repo}/feed", $"/{Repo}/discussions/feed", "/feed/nobody" })
            await HubServer.AssertErrorAsync(await Hub.GetAsync(path, Hub.Ben), HttpStatusCode.NotFound, "RepoNotFound");
        // Ids tell entries apart, and an entry has the same one each time.
        var ids = Values(await XmlAsync("/ana/shown/discussions/feed"), "id").ToArray();
        Assert.Equal(ids.Distinct(), Values(said, "id"));
        Assert.All(ids, id => Assert.Matches($"^{Regex.Escape(Hub.Address)}/ana/shown/discussions/", id));
    }
}
