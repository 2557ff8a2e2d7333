using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Banyan.Client;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Git;
using Banyan.Server.Repos;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class AbuseTests(LocalHub hub) : AbuseContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterAbuseTests(ClusterHub hub) : AbuseContract(hub), IClassFixture<ClusterHub>;

/// <summary>
/// What a user may send that would wear the hub out, and what a leaver leaves: bounded, refused by name, and nobody else waits.
/// </summary>
public abstract class AbuseContract(HubKind kind) : HubContract(kind, "abused")
{
    HubDatabase Database => Hub.Server.Services.GetRequiredService<HubDatabase>();

    const string Forever = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*[b]\n";

    static object Files(int count) => Enumerable.Range(0, count)
        .Select(i => new { path = $"{new string('a', 200)}/{i}/{new string('a', 200)}", sample = "", size = 5 }).ToArray();

    [Theory]
    [InlineData("gitIgnore", 1000, HttpStatusCode.BadRequest)]
    [InlineData("gitAttributes", 1000, HttpStatusCode.BadRequest)]
    [InlineData("gitIgnore", 5000, HttpStatusCode.BadRequest)]
    [InlineData("gitIgnore", 10_000, HttpStatusCode.RequestEntityTooLarge)]
    public async Task Patterns_that_would_take_forever_are_refused(string name, int lines, HttpStatusCode status)
    {
        var text = string.Concat(Enumerable.Repeat(name == "gitIgnore" ? Forever : Forever.TrimEnd() + " filter=lfs\n", lines));
        var body = new Dictionary<string, object> { ["files"] = Files(1024), [name] = text };
        await HubServer.AssertErrorAsync(await Hub.PostAsync($"/api/models/{Repo}/preupload/main", body, Hub.Ana), status);
    }

    [Fact]
    public async Task A_file_whose_attributes_would_take_forever_gets_a_line_of_its_own()
    {
        await Hub.CommitFilesAsync(Repo, Hub.Ana,
            (".gitattributes", string.Concat(Enumerable.Repeat(Forever.TrimEnd() + " filter=lfs\n", 5000))));
        var bytes = RandomNumberGenerator.GetBytes(2000);
        await Hub.UploadAsync(Repo, bytes);
        var paths = Enumerable.Range(0, 300).Select(i => $"{new string('a', 200)}/{i}/{new string('a', 200)}").ToArray();
        await HubServer.JsonOf(await Hub.CommitAsync(Repo, Hub.Ana, "large", null, [.. paths.Select(p => HubServer.Large(p, bytes))]));
        var attributes = await (await Hub.GetAsync($"/{Repo}/raw/main/.gitattributes", Hub.Ana)).Content.ReadAsStringAsync();
        Assert.EndsWith($"{paths[^1]} filter=lfs diff=lfs merge=lfs -text\n", attributes);
    }

    [Fact]
    public async Task Many_objects_are_stored_while_others_commit()
    {
        var repo = (await Hub.Server.Services.GetRequiredService<RepoStore>().FindAsync(RepoType.Model, Repo, default))!.Id;
        var others = 0;
        IEnumerable<(GitKind, byte[])> Objects()
        {
            for (var i = 0; i < 3 * GitObjects.BatchObjects; i++)
            {
                // Were they all stored in one transaction, this one would wait for it for ever.
                if (i % GitObjects.BatchObjects == 10)
                    others += Task.Run(() =>
                        Database.WriteAsync(t => t.Connection!.ExecuteAsync("UPDATE repos SET downloads = downloads + 1 WHERE id = @repo",
                            new { repo }, t), default)).Result;
                yield return (GitKind.Blob, Encoding.UTF8.GetBytes($"{i}"));
            }
        }
        Assert.True(await Hub.Server.Services.GetRequiredService<GitObjects>().StoreAsync(repo, null, Objects(), default));
        Assert.Equal(3, others);
    }

    [Fact]
    public async Task A_commit_of_many_files_is_whole_and_comes_twice_as_one()
    {
        var files = Enumerable.Range(0, 700).Select(i => HubServer.File($"f/{i % 7}/{i}.txt", $"{i}")).ToArray();
        var first = await HubServer.JsonOf(await Hub.CommitAsync(Repo, Hub.Ana, "many", null, files));
        var again = await HubServer.JsonOf(await Hub.CommitAsync(Repo, Hub.Ana, "many", null, files));
        Assert.Equal(first.GetProperty("commitOid").GetString(), again.GetProperty("commitOid").GetString());
        Assert.Equal("693", await (await Hub.GetAsync($"/{Repo}/resolve/main/f/0/693.txt", Hub.Ana)).Content.ReadAsStringAsync());
        var all =
            await Task.WhenAll(Enumerable.Range(0, 4)
                .Select(c => Hub.CommitAsync(Repo, Hub.Ana, $"c{c}", null,
                    [.. Enumerable.Range(0, 300).Select(i => HubServer.File($"c{c}/{i}.txt", "x"))])));
        Assert.All(all, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        Assert.Equal(700 + 4 * 300 + 1, (await Hub.GetJsonAsync($"/api/models/{Repo}/tree/main?recursive=true", Hub.Ana)).EnumerateArray()
            .Count(e => e.GetProperty("type").GetString() == "file"));
    }

    [Fact]
    public async Task Refs_that_git_cannot_hold_beside_each_other_are_refused()
    {
        Task<HttpResponseMessage> Branch(string name) =>
            Hub.PostAsync($"/api/models/{Repo}/branch/{Uri.EscapeDataString(name)}", new { }, Hub.Ana);
        await HubServer.JsonOf(await Branch("exp"));
        Assert.Contains("refs/heads/exp", await HubServer.AssertErrorAsync(await Branch("exp/lora"), HttpStatusCode.BadRequest));
        await HubServer.AssertErrorAsync(await Branch("exp/lora/deep"), HttpStatusCode.BadRequest);
        await HubServer.JsonOf(await Branch("expo/lora"));
        Assert.Contains("refs/heads/expo/lora", await HubServer.AssertErrorAsync(await Branch("expo"), HttpStatusCode.BadRequest));
        await HubServer.AssertErrorAsync(await Branch("main/x"), HttpStatusCode.BadRequest);
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Delete, $"/api/models/{Repo}/branch/exp", Hub.Ana));
        await HubServer.JsonOf(await Branch("exp/lora"));
        await HubServer.JsonOf(await Hub.PostAsync($"/api/models/{Repo}/tag/main", new { tag = "exp" }, Hub.Ana));   // a tag is elsewhere
        await HubServer.AssertErrorAsync(await Hub.PostAsync($"/api/models/{Repo}/tag/main", new { tag = "exp/1" }, Hub.Ana),
            HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_revision_with_slashes_is_found_as_it_is_written()
    {
        await HubServer.JsonOf(await Hub.PostAsync($"/api/models/{Repo}/branch/team%2Fana%2Fnew", new { }, Hub.Ana));
        var line =
            "{\"key\":\"header\",\"value\":{\"summary\":\"x\"}}\n{\"key\":\"file\",\"value\":{\"path\":\"d/a.txt\",\"content\":\"there\",\"encoding\":\"utf-8\"}}\n";
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Post, $"/api/models/{Repo}/commit/team/ana/new", Hub.Ana,
            new StringContent(line)));
        foreach (var rev in new[] { "team/ana/new", "team%2Fana%2Fnew", "refs/heads/team/ana/new", "refs%2Fheads%2Fteam%2Fana%2Fnew" })
        {
            Assert.Equal("there", await (await Hub.GetAsync($"/{Repo}/resolve/{rev}/d/a.txt", Hub.Ana)).Content.ReadAsStringAsync());
            Assert.Equal("d/a.txt",
                (await Hub.GetJsonAsync($"/api/models/{Repo}/tree/{rev}/d", Hub.Ana))[0].GetProperty("path").GetString());
            Assert.Equal(2, (await Hub.GetJsonAsync($"/api/models/{Repo}/commits/{rev}", Hub.Ana)).GetArrayLength());
            Assert.Equal(1,
                (await Hub.PostJsonAsync($"/api/models/{Repo}/paths-info/{rev}", new { paths = new[] { "d/a.txt" } },
                    Hub.Ana)).GetArrayLength());
            Assert.Equal(40,
                (await Hub.GetJsonAsync($"/api/models/{Repo}/revision/{rev}", Hub.Ana)).GetProperty("sha").GetString()!.Length);
        }
        await HubServer.AssertErrorAsync(await Hub.GetAsync($"/{Repo}/resolve/team/ben/new/d/a.txt", Hub.Ana),
            HttpStatusCode.NotFound, "RevisionNotFound");
    }

    [Fact]
    public async Task A_discussion_s_answer_stays_small_however_often_it_is_edited()
    {
        await Hub.PostJsonAsync($"/api/models/{Repo}/discussions", new { title = "Long", description = "x" }, Hub.Ana);
        var url = $"/api/models/{Repo}/discussions/1";
        var longest = new string('x', 65_000);
        var id = (await Hub.PostJsonAsync($"{url}/comment", new { comment = longest }, Hub.Ana)).GetProperty("newMessage")
            .GetProperty("id").GetString();
        for (var i = 0; i < 6; i++)
            await Hub.PostJsonAsync($"{url}/comment/{id}/edit", new { content = $"{i} {longest}" }, Hub.Ana);
        var shown = await Hub.GetJsonAsync(url, Hub.Ana);
        var history = shown.GetProperty("events")[1].GetProperty("data").GetProperty("history");
        Assert.Equal(["3", "4"], history.EnumerateArray().Select(h => h.GetProperty("raw").GetString()![..1]));
        Assert.InRange(shown.GetRawText().Length, 0, 1 << 20);
        // Comments come to an end too, and what is there is still told.
        HttpResponseMessage answer;
        var said = 0;
        for (; (answer = await Hub.PostAsync($"{url}/comment", new { comment = longest }, Hub.Ana)).IsSuccessStatusCode; said++)
            Assert.InRange(said, 0, 40);
        Assert.Contains("full", await HubServer.AssertErrorAsync(answer, HttpStatusCode.BadRequest));
        Assert.Equal(said + 2, (await Hub.GetJsonAsync(url, Hub.Ana)).GetProperty("events").GetArrayLength());
    }

    [Fact]
    public async Task Names_that_end_in_a_line_break_are_none()
    {
        await HubServer.AssertErrorAsync(await Hub.PostAsync("/api/repos/create", new { name = "x\n" }, Hub.Ana),
            HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Hub.PostAsync("/api/organizations", new { name = "x\n" }, Hub.Ana),
            HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Hub.PostAsync("/api/repos/move", new { fromRepo = Repo, toRepo = "ana/x\n" }, Hub.Ana),
            HttpStatusCode.BadRequest);
        await Assert.ThrowsAsync<AccountException>(() => Hub.Accounts.AddAsync("user", "x\n", null, null, default));
        foreach (var name in new[] { "x\n", "x\u0085", "x\u202e" })
            await HubServer.AssertErrorAsync(await Hub.PostAsync($"/api/models/{Repo}/branch/{Uri.EscapeDataString(name)}", new { },
                Hub.Ana), HttpStatusCode.BadRequest);
        Assert.Null(
            Server.Files.LfsPointer.Read(
                Encoding.ASCII.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 1\n\n")));
    }

    [Fact]
    public async Task A_cursor_names_only_what_its_token_sees()
    {
        foreach (var name in new[] { "p1", "p2", "zz-secret" })
            await Hub.CreateRepoAsync(name, isPrivate: name != "p1" && name != "p2");
        var lesser = await Hub.Accounts.AddTokenAsync("ana", "lesser", TokenRole.FineGrained, [new("ana/p1", Right.Read)], null, default);
        foreach (var direction in new[] { "1", "-1" })
        {
            var url = $"/api/models?author=ana&sort=name&direction={direction}&limit=1";
            var seen = new List<string>();
            for (var pages = 0; url is not null; pages++)
            {
                Assert.InRange(pages, 0, 5);
                var answer = await Hub.GetAsync(url, lesser);
                seen.AddRange((await HubServer.JsonOf(answer)).EnumerateArray().Select(r => r.GetProperty("id").GetString()!));
                url = answer.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<', '>')[1] : null;
                if (url is not null)
                {
                    var cursor = Uri.UnescapeDataString(url.Split("cursor=")[1].Split('&')[0]);
                    Assert.DoesNotContain("secret", Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(cursor)));
                    Assert.DoesNotContain("abused", Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(cursor)));
                }
            }
            Assert.Equal(direction == "1" ? ["ana/p1", "ana/p2"] : ["ana/p2", "ana/p1"], seen);
        }
    }

    [Fact]
    public async Task An_admin_suspends_a_user_and_takes_over_what_a_leaver_owns()
    {
        await Hub.Accounts.SetAdminAsync("ana", true, default);
        var hers = await Hub.CreateRepoAsync("hers", isPrivate: true, token: Hub.Ben);
        await Hub.CreateRepoAsync("data", "dataset", token: Hub.Ben);
        await HubServer.AssertErrorAsync(await Hub.PostAsync("/api/users/ana/suspend", new { }, Hub.Ben), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await Hub.PostAsync("/api/users/ana/suspend", new { }, Hub.Ana), HttpStatusCode.BadRequest);

        await HubServer.JsonOf(await Hub.PostAsync("/api/users/ben/suspend", new { }, Hub.Ana));
        Assert.Contains("suspended",
            await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/models/{hers}", Hub.Ben), HttpStatusCode.Forbidden));
        Assert.True((await Hub.GetJsonAsync("/api/users", Hub.Ana)).EnumerateArray().Single(u => u.GetProperty("name").GetString() == "ben")
            .GetProperty("suspended").GetBoolean());
        await HubServer.JsonOf(await Hub.PostAsync("/api/users/ben/resume", new { }, Hub.Ana));
        Assert.Equal(HttpStatusCode.OK, (await Hub.GetAsync($"/api/models/{hers}", Hub.Ben)).StatusCode);

        Assert.Equal(2, (await Hub.GetJsonAsync("/api/organizations/ben/settings/repositories", Hub.Ana)).GetArrayLength());
        await HubServer.AssertErrorAsync(await Hub.SendAsync(HttpMethod.Delete, "/api/users/ben", Hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.JsonOf(await Hub.PostAsync("/api/repos/move", new { fromRepo = hers, toRepo = "acme/kept" }, Hub.Ana));
        Assert.True((await Hub.GetJsonAsync("/api/models/acme/kept", Hub.Ana)).GetProperty("private").GetBoolean());
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", Hub.Ana,
            JsonContent.Create(new { name = "ben/data", type = "dataset" })));
        await Hub.CreateRepoAsync("last", token: Hub.Ben);
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Delete, "/api/users/ben?moveReposTo=acme", Hub.Ana));
        Assert.Equal("acme/last", (await Hub.GetJsonAsync("/api/models/acme/last", Hub.Ana)).GetProperty("id").GetString());
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/whoami-v2", Hub.Ben), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Of_a_removed_repository_nothing_stays_and_its_name_is_free()
    {
        var repo = (await Hub.Server.Services.GetRequiredService<RepoStore>().FindAsync(RepoType.Model, Repo, default))!;
        await HubServer.JsonOf(await Hub.CommitAsync(Repo, Hub.Ana, "many", null,
            [.. Enumerable.Range(0, 600).Select(i => HubServer.File($"{i}.txt", $"{i}"))]));
        await Hub.PostJsonAsync($"/api/models/{Repo}/discussions", new { title = "Why?", description = "x" }, Hub.Ana);
        await HubServer.JsonOf(await Hub.PostAsync($"/api/models/{Repo}/like", new { }, Hub.Ana));
        // The hub dies in between: what is left goes with the next collection.
        await Database.WriteAsync(t => t.Connection!.ExecuteAsync("UPDATE repos SET removed_at = 1 WHERE id = @Id", new { repo.Id }, t),
            default);
        await Hub.Server.Services.GetRequiredService<RepoChanges>().FinishAsync(default);
        foreach (var table in new[] { "git_objects", "refs", "repo_contents", "discussions", "likes", "repo_names" })
            Assert.Equal(0,
                await Database.ReadAsync(c => c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM {table} WHERE repo_id = @Id",
                    new { repo.Id }), default));
        Assert.Equal(Repo, await Hub.CreateRepoAsync("abused"));
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", Hub.Ana,
            JsonContent.Create(new { name = "abused" })));
        await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/models/{Repo}", Hub.Ana), HttpStatusCode.NotFound, "RepoNotFound");
    }

    [Fact]
    public async Task What_strangers_ask_for_in_vain_is_not_remembered()
    {
        var cache = new StateCache<string, string?>(Database);
        var reads = 0;
        Task<string?> Read(string key, CancellationToken _) => Task.FromResult(++reads % 100 == 0 ? null : key == "there" ? key : null);
        for (var i = 0; i < 3; i++)
            Assert.Null(await cache.GetAsync("not there", Read, default));
        Assert.Equal(3, reads);
        // A token as long as a header may be is none, and nobody looks for it.
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/whoami-v2", new string('a', 20_000)), HttpStatusCode.Unauthorized);
    }
}
