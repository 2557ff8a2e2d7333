using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class GroupTests(LocalHub hub) : GroupContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterGroupTests(ClusterHub hub) : GroupContract(hub), IClassFixture<ClusterHub>;

/// <summary>What a resource group holds is for its members, by their role there, and the organization's admins.</summary>
public abstract class GroupContract(HubKind kind) : HubContract(kind, "elsewhere")
{
    const string Groups = "/api/organizations/acme/resource-groups";

    Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token, object? body = null) =>
        Hub.SendAsync(method, path, token, body is null ? null : JsonContent.Create(body));

    async Task<string> MemberAsync(string name, Right role)
    {
        var token = await Hub.AddUserAsync(name);
        await Hub.Accounts.SetMemberAsync("acme", name, role, default);
        return token;
    }

    async Task<string> GroupAsync(string name, params (string User, string Role)[] users) =>
        (await Hub.PostJsonAsync(Groups, new { name, users = users.Select(u => new { user = u.User, role = u.Role }) }, Hub.Ana))
        .GetProperty("id").GetString()!;

    async Task<string> SecretAsync(string name, string group, string? token = null) => (await Hub.PostJsonAsync("/api/repos/create",
        new { name, organization = "acme", @private = true, resourceGroupId = group }, token ?? Hub.Ana)).GetProperty("name").GetString()!;

    [Fact]
    public async Task Only_its_members_and_the_admins_see_read_and_change_what_it_holds()
    {
        var (writer, reader, scribe, head) = (await MemberAsync("writer", Right.Write), await MemberAsync("reader", Right.Read),
            await MemberAsync("scribe", Right.Read), await MemberAsync("head", Right.Read));
        var group = await GroupAsync("Research", ("reader", "read"), ("scribe", "write"), ("head", "admin"));
        var secret = await SecretAsync("secret", group);
        await Hub.CommitFilesAsync(secret, Hub.Ana, ("README.md", "# A zebracorn"));
        // member of the organization with a stronger role, yet not in the group: as a stranger
        foreach (var (token, may) in new (string?, Right)[] { (null, Right.None), (Hub.Ben, Right.None), (writer, Right.None),
            (reader, Right.Read), (scribe, Right.Write), (head, Right.Admin), (Hub.Ana, Right.Admin) })
        {
            var seen = may >= Right.Read;
            foreach (var path in new[] { $"/api/models/{secret}", $"/{secret}/resolve/main/README.md", $"/{secret}",
                $"/{secret}/discussions", $"/api/models/{secret}/tree/main" })
                Assert.Equal(seen ? HttpStatusCode.OK : HttpStatusCode.NotFound, (await Hub.GetAsync(path, token)).StatusCode);
            Assert.Equal(seen ? HttpStatusCode.OK : token is null ? HttpStatusCode.Unauthorized : HttpStatusCode.NotFound,
                (await Hub.GetAsync($"/{secret}.git/info/refs?service=git-upload-pack", token)).StatusCode);
            foreach (var list in new[] { "/api/models?author=acme", "/api/models?search=secret", "/models?search=zebracorn", "/acme" })
                Assert.Equal(seen,
                    (await (await Hub.GetAsync(list, token)).Content.ReadAsStringAsync())
                    .Contains("acme/secret", StringComparison.Ordinal));
            Assert.Equal(may >= Right.Write ? HttpStatusCode.OK : seen ? HttpStatusCode.Forbidden : HttpStatusCode.NotFound,
                (await Hub.CommitAsync(secret, token, "change", null, HubServer.File("a.txt", may.ToString()))).StatusCode);
            Assert.Equal(may == Right.Admin ? HttpStatusCode.OK : seen ? HttpStatusCode.Forbidden : HttpStatusCode.NotFound,
                (await SendAsync(HttpMethod.Put, $"/api/models/{secret}/settings", token, new { @private = true })).StatusCode);
        }
        foreach (var (token, names) in new[] { (writer, ""), (reader, "acme/secret"), (Hub.Ana, "acme/secret") })
        {
            Assert.Equal(names, string.Join(' ', (await Hub.GetJsonAsync("/api/organizations/acme/settings/repositories", token))
                .EnumerateArray().Select(r => r.GetProperty("id").GetString())));
            Assert.Equal(names.Length > 0 ? "Research" : "", string.Join(' ', (await Hub.GetJsonAsync(Groups, token)).EnumerateArray()
                .Select(g => g.GetProperty("name").GetString())));
        }
        using (var visit = await PageVisit.OfAsync(Hub, "writer"))
            Assert.DoesNotContain("secret", (await visit.GetAsync("/settings/storage?of=acme")).Html);
        using (var visit = await PageVisit.OfAsync(Hub, "reader"))
            Assert.Contains("secret", (await visit.GetAsync("/settings/storage?of=acme")).Html);
        // public: everyone reads, the group writes
        await HubServer.JsonOf(await SendAsync(HttpMethod.Put, $"/api/models/{secret}/settings", head, new { @private = false }));
        Assert.Equal(HttpStatusCode.OK, (await Hub.GetAsync($"/{secret}/resolve/main/README.md")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await Hub.CommitAsync(secret, writer, "change", null, HubServer.File("a.txt", "x"))).StatusCode);
        // who leaves the organization leaves its groups, also when coming back
        await Hub.Accounts.RemoveMemberAsync("acme", "scribe", default);
        await Hub.Accounts.SetMemberAsync("acme", "scribe", Right.Read, default);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await Hub.CommitAsync(secret, scribe, "change", null, HubServer.File("a.txt", "x"))).StatusCode);
    }

    [Fact]
    public async Task Repositories_are_made_in_it_moved_in_and_out_and_not_left_behind()
    {
        var (writer, scribe, head) = (await MemberAsync("writer", Right.Write), await MemberAsync("scribe", Right.Read),
            await MemberAsync("head", Right.Read));
        var (group, other) = (await GroupAsync("Research", ("scribe", "write"), ("head", "admin")), await GroupAsync("Sales"));
        var made = await SecretAsync("made", group, scribe);
        foreach (var (token, id, status) in new[] { (writer, group, 404), (scribe, other, 404), (Hub.Ben, group, 404),
            (scribe, "x", 404), (scribe, "", 403) })
            Assert.Equal(status, (int)(await Hub.PostAsync("/api/repos/create",
                new { name = "no", organization = "acme", resourceGroupId = id }, token)).StatusCode);
        // a group of another organization is none of this one
        await HubServer.JsonOf(await Hub.PostAsync("/api/organizations", new { name = "lab" }, Hub.Ana));
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.PostAsync("/api/repos/create",
            new { name = "no", organization = "lab", resourceGroupId = group }, Hub.Ana)).StatusCode);
        var of = await Hub.GetJsonAsync($"/api/models/{made}/resource-group", scribe);
        Assert.Equal($$"""{"id":"{{group}}","name":"Research","numUsers":2}""", of.GetRawText());

        Task<HttpResponseMessage> Put(string? id, string token) =>
            SendAsync(HttpMethod.Post, $"/api/models/{made}/resource-group", token, new { resourceGroupId = id });
        Assert.Equal(HttpStatusCode.Forbidden, (await Put(null, scribe)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Put(other, head)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Put(group, writer)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(HttpMethod.Delete, $"{Groups}/{group}", Hub.Ana)).StatusCode);
        await HubServer.JsonOf(await Put(other, Hub.Ana));
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.GetAsync($"/api/models/{made}", head)).StatusCode);
        await HubServer.JsonOf(await Put(null, Hub.Ana));
        Assert.Equal(HttpStatusCode.OK, (await Hub.GetAsync($"/api/models/{made}", writer)).StatusCode);
        await HubServer.JsonOf(await Put(group, Hub.Ana));
        // renamed by the group's admin where it is; elsewhere it is in no group
        await HubServer.JsonOf(await Hub.PostAsync("/api/repos/move",
            new { fromRepo = made, toRepo = "acme/named", type = "model" }, head));
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.GetAsync("/api/models/acme/named", writer)).StatusCode);
        await HubServer.JsonOf(await Hub.PostAsync("/api/repos/move",
            new { fromRepo = "acme/named", toRepo = "lab/named", type = "model" }, Hub.Ana));
        Assert.Equal("null", (await Hub.GetJsonAsync("/api/models/lab/named/resource-group", Hub.Ana)).GetRawText());
        await HubServer.JsonOf(await SendAsync(HttpMethod.Delete, $"{Groups}/{group}", Hub.Ana));
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.GetAsync($"{Groups}/{group}", Hub.Ana)).StatusCode);
    }

    [Fact]
    public async Task It_is_managed_by_the_admins_of_the_organization_and_its_own_and_by_no_lesser_token()
    {
        var (writer, head) = (await MemberAsync("writer", Right.Write), await MemberAsync("head", Right.Read));
        var group = await GroupAsync("Research", ("head", "admin"));
        async Task Refused(int status, HttpMethod method, string path, string? token, object? body = null) =>
            Assert.Equal(status, (int)(await SendAsync(method, path, token, body)).StatusCode);
        var users = new { users = new[] { new { user = "writer", role = "read" } } };
        foreach (var token in new[] { writer, Hub.Ben })
        {
            await Refused(403, HttpMethod.Post, Groups, token, new { name = "Mine" });
            await Refused(404, HttpMethod.Post, $"{Groups}/{group}/users", token, users);
            await Refused(404, HttpMethod.Get, $"{Groups}/{group}", token);
        }
        await Refused(403, HttpMethod.Get, Groups, Hub.Ben);
        await Refused(403, HttpMethod.Delete, $"{Groups}/{group}", head);
        foreach (var role in new[] { TokenRole.Read, TokenRole.FineGrained })
            await Refused(403, HttpMethod.Post, $"{Groups}/{group}/users",
                await Hub.Accounts.AddTokenAsync("head", "t", role, role == TokenRole.Read ? null : [new("acme", Right.Admin)],
                    null, default), users);
        await Refused(403, HttpMethod.Post, $"{Groups}/{group}/users", head, new { users = new[] { new { user = "ben", role = "read" } } });
        foreach (var bad in new object[] { new { name = "" }, new { name = "a\nb" }, new { name = new string('x', 101) },
            new { name = "y", users = new[] { new { user = "head", role = "contributor" } } } })
            await Refused(400, HttpMethod.Post, Groups, Hub.Ana, bad);
        await Refused(409, HttpMethod.Post, Groups, Hub.Ana, new { name = "RESEARCH" });
        await HubServer.JsonOf(await SendAsync(HttpMethod.Post, $"{Groups}/{group}/users", head, users));
        var set = await HubServer.JsonOf(await SendAsync(HttpMethod.Patch, $"{Groups}/{group}/users/writer", head, new { role = "write" }));
        Assert.Equal(["head admin", "writer write"], set.GetProperty("users").EnumerateArray()
            .Select(u => $"{u.GetProperty("name").GetString()} {u.GetProperty("role").GetString()}"));
        await HubServer.JsonOf(await SendAsync(HttpMethod.Delete, $"{Groups}/{group}/users/writer", head));
        // what is private in it is told by no notification or webhook to who is not in it
        var secret = await SecretAsync("secret", group);
        using var form = new FormUrlEncodedContent([new("watch", "all")]);
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.SendAsync(HttpMethod.Post, $"/{secret}/watch", writer, form)).StatusCode);
        var told = await Hub.Server.Services.GetRequiredService<HubDatabase>().ReadAsync(async c => (await c.QueryAsync<string>(
            $"""
            SELECT u.name FROM accounts u, repos r WHERE r.name = 'secret' AND u.kind = 'user'
              AND {Banyan.Server.Notifications.NotificationStore.MayKnow("'watching'")} ORDER BY u.name
            """, new { no = false })).AsList(), default);
        Assert.Equal(["ana", "head"], told);
    }

    [Fact]
    public async Task It_is_made_and_managed_on_pages()
    {
        await MemberAsync("reader", Right.Read);
        using var ana = await PageVisit.OfAsync(Hub, "ana");
        const string Page = "/settings/organizations";
        async Task<string> Do(PageVisit visit, string what, int status, params (string, string)[] fields)
        {
            var answer = await visit.SendAsync($"{Page}?of=acme", Page, [("do", what), ("of", "acme"), .. fields]);
            Assert.Equal(status, (int)answer.StatusCode);
            return await answer.Content.ReadAsStringAsync();
        }
        var made = await Do(ana, "group", 200, ("name", "Research <b>"), ("about", "What is not out yet"));
        Assert.Contains("Research &lt;b&gt;", made);
        Assert.Contains("Resource groups of acme", made);
        Assert.DoesNotContain("name=\"of\" value=\"of\"", made);
        var group = made.Split("name=\"group\" value=\"")[1].Split('"')[0];
        Assert.Contains("administers it", await Do(ana, "group-set", 200, ("group", group), ("user", "reader"), ("role", "admin")));
        using (var reader = await PageVisit.OfAsync(Hub, "reader"))
        {
            Assert.Contains(group, (await reader.GetAsync("/new")).Html);
            var answer = await reader.SendAsync("/new", "/new", ("owner", "acme"), ("name", "grouped"), ("type", "model"),
                ("visibility", "private"), ("group", group));
            Assert.Equal((HttpStatusCode.SeeOther, "/acme/grouped"), (answer.StatusCode, answer.Headers.Location!.OriginalString));
            Assert.Contains("acme/grouped", (await reader.GetAsync($"{Page}?of=acme")).Html);
            await Do(reader, "group-remove", 403, ("group", group));
            await Do(reader, "group-out", 200, ("group", group), ("user", "reader"));
            Assert.Equal(404, (await reader.GetAsync("/acme/grouped")).Status);
            Assert.Contains("There is no resource group",
                await Do(reader, "group-set", 400, ("group", group), ("user", "reader"), ("role", "admin")));
        }
        Assert.Contains("take them out first", await Do(ana, "group-remove", 400, ("group", group)));
        var settings = await ana.SendAsync("/acme/grouped/settings", "/acme/grouped/settings", ("do", "group"), ("group", ""));
        Assert.Equal(HttpStatusCode.OK, settings.StatusCode);
        Assert.Equal(JsonValueKind.Null, (await Hub.GetJsonAsync("/api/models/acme/grouped/resource-group", Hub.Ana)).ValueKind);
        Assert.DoesNotContain("Research", await Do(ana, "group-remove", 200, ("group", group)));
    }
}
