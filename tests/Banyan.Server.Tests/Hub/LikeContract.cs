using System.Net;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Hub;

public sealed class SqliteLikeTests : LikeContract;

public sealed class PostgresLikeTests(PostgresServer server) : LikeContract
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateHubAsync();
}

/// <summary>Likes are given, taken back, counted and listed to whom they may be; and what a namespace keeps is told to its own.</summary>
public abstract class LikeContract : IAsyncLifetime
{
    HubServer _hub = null!;

    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync(await DatabaseAsync());

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    async Task LikeAsync(HttpMethod method, string repo, string token) =>
        await HubServer.JsonOf(await _hub.SendAsync(method, $"/api/models/{repo}/like", token));

    async Task<string> LikedAsync(string user, string? token) =>
        string.Join(' ', (await _hub.GetJsonAsync($"/api/users/{user}/likes", token)).EnumerateArray()
            .Select(l => $"{l.GetProperty("repo").GetProperty("type")}:{l.GetProperty("repo").GetProperty("name")}"));

    [Fact]
    public async Task A_like_is_counted_once_until_it_is_taken_back()
    {
        var (first, second) = (await _hub.CreateRepoAsync("first"), await _hub.CreateRepoAsync("second"));
        await LikeAsync(HttpMethod.Post, second, _hub.Ana);
        await LikeAsync(HttpMethod.Post, second, _hub.Ana);
        await LikeAsync(HttpMethod.Post, second, _hub.Ben);
        await LikeAsync(HttpMethod.Post, first, _hub.Ben);
        async Task<long> CountAsync(string repo) => (await _hub.GetJsonAsync($"/api/models/{repo}")).GetProperty("likes").GetInt64();
        Assert.Equal((1, 2), (await CountAsync(first), await CountAsync(second)));
        Assert.Equal(["ana", "ben"], (await _hub.GetJsonAsync($"/api/models/{second}/likers")).EnumerateArray()
            .Select(l => l.GetProperty("user").GetString()).Order());
        Assert.Equal([second, first], (await _hub.GetJsonAsync("/api/models?sort=likes")).EnumerateArray()
            .Select(m => m.GetProperty("id").GetString()));
        await LikeAsync(HttpMethod.Delete, second, _hub.Ben);
        await LikeAsync(HttpMethod.Delete, second, _hub.Ben);
        Assert.Equal(1, await CountAsync(second));
        Assert.Equal(("model:ana/second", "model:ana/first"), (await LikedAsync("ana", null), await LikedAsync("ben", null)));
    }

    [Fact]
    public async Task What_may_not_be_seen_is_not_liked_and_not_told_of()
    {
        var secret = await _hub.CreateRepoAsync("secret", isPrivate: true);
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Post, $"/api/models/{secret}/like", _hub.Ben),
            HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models/{secret}/likers", _hub.Ben),
            HttpStatusCode.NotFound, "RepoNotFound");
        await LikeAsync(HttpMethod.Post, secret, _hub.Ana);
        Assert.Equal(("", "", "model:ana/secret"),
            (await LikedAsync("ana", null), await LikedAsync("ana", _hub.Ben), await LikedAsync("ana", _hub.Ana)));
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/users/nobody/likes"), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_a_namespace_keeps_is_told_to_whom_it_belongs()
    {
        var repo = await _hub.CreateRepoAsync("full");
        await _hub.UploadAsync(repo, new byte[5000]);
        await _hub.CreateRepoAsync("empty", "dataset", isPrivate: true);
        var kept = (await _hub.GetJsonAsync("/api/settings/repositories", _hub.Ana)).EnumerateArray()
            .Select(r =>
                $"{r.GetProperty("type")} {r.GetProperty("id")} {r.GetProperty("visibility")} {r.GetProperty("storage")} {r.GetProperty("storagePercent")}");
        Assert.Equal(["model ana/full public 5000 100", "dataset ana/empty private 0 0"], kept);
        Assert.Equal(0, (await _hub.GetJsonAsync("/api/organizations/acme/settings/repositories", _hub.Ana)).GetArrayLength());
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/organizations/acme/settings/repositories", _hub.Ben),
            HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/organizations/nobody/settings/repositories", _hub.Ben),
            HttpStatusCode.NotFound);
    }
}
