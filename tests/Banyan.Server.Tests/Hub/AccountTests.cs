using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Hub;

public sealed class AccountTests : IAsyncLifetime
{
    HubServer _hub = null!;

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync();

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    [Fact]
    public async Task Whoami_tells_user_organizations_and_token()
    {
        var me = await _hub.GetJsonAsync("/api/whoami-v2", _hub.Ana);
        Assert.Equal("ana", me.GetProperty("name").GetString());
        Assert.Equal("user", me.GetProperty("type").GetString());
        Assert.Equal("acme", me.GetProperty("orgs")[0].GetProperty("name").GetString());
        Assert.Equal("write", me.GetProperty("auth").GetProperty("accessToken").GetProperty("role").GetString());
        Assert.Matches("^hf_[A-Za-z0-9]{34,}$", _hub.Ana);
    }

    [Fact]
    public async Task An_admin_adds_and_removes_users_over_the_api()
    {
        var body = new { name = "eve", fullname = "Eve", email = "eve@example.org" };
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/users", body, _hub.Ana), HttpStatusCode.Forbidden);
        await _hub.Accounts.SetAdminAsync("ana", true, default);
        var read = await _hub.Accounts.AddTokenAsync("ana", "r", TokenRole.Read, null, null, default);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/users", body, read), HttpStatusCode.Forbidden);
        var eve = (await _hub.PostJsonAsync("/api/users", body, _hub.Ana)).GetProperty("token").GetString();
        Assert.Equal("eve", (await _hub.GetJsonAsync("/api/whoami-v2", eve)).GetProperty("name").GetString());
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/users", body, _hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/users", eve), HttpStatusCode.Forbidden);
        Assert.Equal("ana True, ben False, eve False",
            string.Join(", ", (await _hub.GetJsonAsync("/api/users", _hub.Ana)).EnumerateArray()
                .Select(u => $"{u.GetProperty("name")} {u.GetProperty("isAdmin")}")));
        // What is private stays so for an admin too.
        await _hub.CreateRepoAsync("hers", isPrivate: true, token: eve);
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/models/eve/hers", _hub.Ana), HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Delete, "/api/users/eve", _hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Delete, "/api/users/ana", _hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Delete, "/api/users/acme", _hub.Ana), HttpStatusCode.NotFound);
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, "/api/users/ben", _hub.Ana));
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/whoami-v2", _hub.Ben), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Git_credentials_are_taken_too()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/api/whoami-v2");
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic",
            Convert.ToBase64String(Encoding.UTF8.GetBytes($"ana:{_hub.Ana}")));
        Assert.Equal(HttpStatusCode.OK, (await _hub.Client.SendAsync(request)).StatusCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("hf_nothing")]
    public async Task Without_a_token_that_lives_there_is_nobody(string? token)
    {
        var message = await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/whoami-v2", token), HttpStatusCode.Unauthorized);
        if (token is not null)
            Assert.Equal("Invalid credentials in Authorization header", message);
    }

    [Fact]
    public async Task A_revoked_and_an_expired_token_end_at_once()
    {
        var expired = await _hub.Accounts.AddTokenAsync("ana", "old", TokenRole.Write, null,
            TimeProvider.System.GetUtcNow().AddSeconds(-1), default);
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/whoami-v2", expired), HttpStatusCode.Unauthorized);

        var token = await _hub.Accounts.AddTokenAsync("ana", "short", TokenRole.Write, null, null, default);
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync("/api/whoami-v2", token)).StatusCode);
        var id = (await _hub.Accounts.TokensAsync("ana", default)).Single(t => t.Name == "short").Id;
        await _hub.Accounts.RevokeTokenAsync(id, default);
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/whoami-v2", token), HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("api")]
    [InlineData("Datasets")]
    [InlineData("a--b")]
    [InlineData("a..b")]
    [InlineData("-a")]
    [InlineData("a.git")]
    [InlineData("a/b")]
    [InlineData("ANA")]
    [InlineData("")]
    public async Task A_name_that_is_none_or_taken_is_refused(string name) =>
        await Assert.ThrowsAsync<AccountException>(() => _hub.Accounts.AddAsync("user", name, null, null, default));

    [Fact]
    public async Task The_name_of_a_removed_user_stays_taken()
    {
        var token = await _hub.AddUserAsync("carla");
        await _hub.Accounts.RemoveAsync("user", "carla", default);
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/whoami-v2", token), HttpStatusCode.Unauthorized);
        Assert.Null(await _hub.Accounts.FindAsync("carla", default));
        await Assert.ThrowsAsync<AccountException>(() => _hub.Accounts.AddAsync("user", "Carla", null, null, default));
    }

    [Fact]
    public async Task Repositories_are_created_where_one_may()
    {
        var made = await _hub.PostJsonAsync("/api/repos/create", new { name = "coder", type = "model" }, _hub.Ana);
        Assert.Equal($"{_hub.Address}/ana/coder", made.GetProperty("url").GetString());
        var again = await _hub.PostAsync("/api/repos/create", new { name = "Coder" }, _hub.Ana);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        Assert.Contains($"\"url\":\"{_hub.Address}/ana/coder\"", await again.Content.ReadAsStringAsync());

        Assert.Equal("acme/code",
            (await _hub.PostJsonAsync("/api/repos/create", new { name = "code", organization = "acme", type = "dataset" },
                _hub.Ana)).GetProperty("name").GetString());
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/create", new { name = "x", organization = "acme" }, _hub.Ben),
            HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/create", new { name = "x", organization = "ana" }, _hub.Ben),
            HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/create", new { name = "x" }), HttpStatusCode.Unauthorized);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/create", new { name = "..x" }, _hub.Ana),
            HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/create", new { name = "x", type = "bucket" }, _hub.Ana),
            HttpStatusCode.BadRequest);

        var read = await _hub.Accounts.AddTokenAsync("ana", "r", TokenRole.Read, null, null, default);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/create", new { name = "x" }, read), HttpStatusCode.Forbidden);
        var fine = await _hub.Accounts.AddTokenAsync("ana", "f", TokenRole.FineGrained, [new("acme", Right.Write)], null, default);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/create", new { name = "x" }, fine), HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.OK,
            (await _hub.PostAsync("/api/repos/create", new { name = "x", organization = "acme" }, fine)).StatusCode);
    }

    [Fact]
    public async Task Tokens_are_managed_by_one_that_may_write_all()
    {
        async Task<string> Add(object body) =>
            (await _hub.PostJsonAsync("/api/settings/tokens", body, _hub.Ana)).GetProperty("token").GetString()!;
        var read = await Add(new { name = "reads", role = "read", days = 3 });
        var fine = await Add(new { name = "fine", role = "fine-grained", scopes = new { acme = "write" } });
        Assert.Equal("read", (await _hub.GetJsonAsync("/api/whoami-v2", read)).GetProperty("auth").GetProperty("accessToken")
            .GetProperty("role").GetString());
        Assert.Equal(HttpStatusCode.OK,
            (await _hub.PostAsync("/api/repos/create", new { name = "x", organization = "acme" }, fine)).StatusCode);
        foreach (var lesser in new[] { read, fine })
        {
            await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/settings/tokens", new { name = "more", role = "write" }, lesser),
                HttpStatusCode.Forbidden);
            await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/settings/tokens", lesser), HttpStatusCode.Forbidden);
            await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/organizations", new { name = "mine" }, lesser),
                HttpStatusCode.Forbidden);
        }
        var listed = await _hub.GetJsonAsync("/api/settings/tokens", _hub.Ana);
        Assert.Equal(["test", "reads", "fine"], listed.EnumerateArray().Select(t => t.GetProperty("displayName").GetString()));
        Assert.DoesNotContain(read, listed.GetRawText());
        var id = listed[1].GetProperty("id").GetString();
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Delete, $"/api/settings/tokens/{id}", _hub.Ben),
            HttpStatusCode.NotFound);
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, $"/api/settings/tokens/{id}", _hub.Ana));
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/whoami-v2", read), HttpStatusCode.Unauthorized);
        foreach (var bad in new object[] { new { }, new { name = "x", role = "root" }, new { name = "x", role = "fine-grained" },
            new { name = "x", role = "fine-grained", scopes = new { acme = "all" } }, new { name = "x", role = "read", days = 0 } })
            await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/settings/tokens", bad, _hub.Ana), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Organizations_are_made_and_changed_by_their_admins()
    {
        await HubServer.JsonOf(await _hub.PostAsync("/api/organizations", new { name = "lab", fullname = "The lab" }, _hub.Ben));
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/organizations", new { name = "LAB" }, _hub.Ana),
            HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/organizations", new { name = "api" }, _hub.Ana),
            HttpStatusCode.BadRequest);
        Task<HttpResponseMessage> Set(string user, object body, string token) =>
            _hub.SendAsync(HttpMethod.Put, $"/api/organizations/lab/members/{user}", token, System.Net.Http.Json.JsonContent.Create(body));
        Task<HttpResponseMessage> Remove(string path, string token) =>
            _hub.SendAsync(HttpMethod.Delete, $"/api/organizations/{path}", token);
        await HubServer.AssertErrorAsync(await Set("ana", new { role = "admin" }, _hub.Ana), HttpStatusCode.Forbidden);
        await HubServer.JsonOf(await Set("ana", new { role = "write" }, _hub.Ben));
        Assert.Equal(HttpStatusCode.OK,
            (await _hub.PostAsync("/api/repos/create", new { name = "x", organization = "lab" }, _hub.Ana)).StatusCode);
        await HubServer.AssertErrorAsync(await Set("ben", new { role = "read" }, _hub.Ana), HttpStatusCode.Forbidden);
        // Somebody must be able to change it.
        await HubServer.AssertErrorAsync(await Set("ben", new { role = "read" }, _hub.Ben), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Remove("lab/members/ben", _hub.Ben), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Set("nobody", new { role = "read" }, _hub.Ben), HttpStatusCode.NotFound);

        var overview = await _hub.GetJsonAsync("/api/organizations/lab/overview");
        Assert.Equal(("The lab", 2, 1),
            (overview.GetProperty("fullname").GetString(), overview.GetProperty("numUsers").GetInt32(),
                overview.GetProperty("numModels").GetInt32()));
        Assert.Equal(["ana", "ben"], (await _hub.GetJsonAsync("/api/organizations/lab/members")).EnumerateArray()
            .Select(m => m.GetProperty("user").GetString()));
        Assert.Equal(["acme", "lab"], (await _hub.GetJsonAsync("/api/users/ana/overview")).GetProperty("orgs").EnumerateArray()
            .Select(o => o.GetProperty("name").GetString()));
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/users/lab/overview"), HttpStatusCode.NotFound);

        await HubServer.AssertErrorAsync(await Remove("lab", _hub.Ben), HttpStatusCode.BadRequest);   // owns a repository
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", _hub.Ben,
            System.Net.Http.Json.JsonContent.Create(new { name = "x", organization = "lab" })));
        await HubServer.JsonOf(await Remove("lab/members/ana", _hub.Ben));
        await HubServer.JsonOf(await Remove("lab", _hub.Ben));
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/organizations/lab/overview"), HttpStatusCode.NotFound);
        // taken once
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/organizations", new { name = "lab" }, _hub.Ben),
            HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task What_is_not_there_says_so_in_json()
    {
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/collections/x"), HttpStatusCode.NotImplemented, "NotImplemented");
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/nobody/nothing/here"), HttpStatusCode.NotFound);
        Assert.Contains("\"error\":{\"message\"", await (await _hub.GetAsync("/v1/nothing")).Content.ReadAsStringAsync());
    }
}
