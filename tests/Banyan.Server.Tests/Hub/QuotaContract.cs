using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Support;
using Banyan.Server.Tests.Xet;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class QuotaTests(LocalHub hub) : QuotaContract(hub), IClassFixture<LocalHub>
{
    [Fact]
    public async Task The_disk_keeps_what_is_to_stay_free()
    {
        var free = 1_000_000L;
        await using var hub = await HubServer.StartAsync(change: o => o with { FreeSpace = () => free, DiskSize = 5_000_000 });
        var repo = await hub.CreateRepoAsync("floor");
        await hub.Server.Services.GetRequiredService<StorageLimits>().SetFloorAsync(900_000, default);
        var bytes = CutFile.Random(60_000, 7);
        var href = await BatchAsync(hub, repo, bytes);
        free = 950_000;
        await HubServer.AssertErrorAsync(await hub.SendAsync(HttpMethod.Put, href!, content: new ByteArrayContent(bytes)),
            HttpStatusCode.InsufficientStorage, "NoSpace");
        Assert.Null(await BatchAsync(hub, repo, bytes));
        await HubServer.AssertErrorAsync(await hub.CommitAsync(repo, hub.Ana, "x", null, HubServer.File("a.txt", new string('x', 60_000))),
            HttpStatusCode.InsufficientStorage, "NoSpace");
        await HubServer.JsonOf(await hub.CommitAsync(repo, hub.Ana, "x", null, HubServer.File("a.txt", "small")));
        free = 2_000_000;
        Assert.Equal(HttpStatusCode.OK, (await hub.SendAsync(HttpMethod.Put, href!, content: new ByteArrayContent(bytes))).StatusCode);
    }
}

public sealed class DefaultFloorTests
{
    [Theory]
    [InlineData(1_000_000_000_000, 2_000_000_000)]
    [InlineData(20_000_000_000, 400_000_000)]
    [InlineData(100_000_000, 2_000_000)]
    public async Task Some_of_the_disk_stays_free_where_nobody_set_it(long disk, long floor)
    {
        var free = floor + 100_000;
        await using var hub = await HubServer.StartAsync(change: o => o with { FreeSpace = () => free, DiskSize = disk });
        var limits = hub.Server.Services.GetRequiredService<StorageLimits>();
        Assert.Equal(floor, await limits.FloorAsync(default));
        var repo = await hub.CreateRepoAsync("floor");
        free = floor + 500;
        await HubServer.AssertErrorAsync(await hub.CommitAsync(repo, hub.Ana, "x", null, HubServer.File("a.txt", new string('x', 1000))),
            HttpStatusCode.InsufficientStorage, "NoSpace");
        await limits.SetFloorAsync(0, default);
        await HubServer.JsonOf(await hub.CommitAsync(repo, hub.Ana, "x", null, HubServer.File("a.txt", new string('x', 1000))));
    }
}

public sealed class ClusterQuotaTests(ClusterHub hub) : QuotaContract(hub), IClassFixture<ClusterHub>;

/// <summary>How much a namespace keeps is bounded by whoever runs the hub, before bytes are taken and however they come.</summary>
public abstract class QuotaContract(HubKind kind) : HubContract(kind, "kept")
{
    private protected static async Task<string?> BatchAsync(HubServer hub, string repo, byte[] bytes)
    {
        var batch = await hub.PostJsonAsync(
            $"/{repo}.git/info/lfs/objects/batch",
            new
            {
                operation = "upload",
                transfers = new[] { "basic" },
                objects = new[] { new { oid = HubServer.Sha256(bytes), size = bytes.Length } }
            }, hub.Ana);
        var answer = batch.GetProperty("objects")[0];
        if (answer.TryGetProperty("actions", out var actions))
            return actions.GetProperty("upload").GetProperty("href").GetString();
        Assert.Equal(507, answer.GetProperty("error").GetProperty("code").GetInt32());
        return null;
    }

    Task<HttpResponseMessage> SetAsync(string path, object body, string token) =>
        Hub.SendAsync(HttpMethod.Put, path, token, JsonContent.Create(body));

    async Task<long> UsedAsync() => (await Hub.GetJsonAsync("/api/users/ana/storage", Hub.Ana)).GetProperty("used").GetInt64();

    [Fact]
    public async Task A_quota_is_set_by_an_admin_and_told_to_members()
    {
        await HubServer.AssertErrorAsync(await SetAsync("/api/users/ben/storage", new { quota = 5 }, Hub.Ana), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/settings/storage", Hub.Ana), HttpStatusCode.Forbidden);
        await Hub.Accounts.SetAdminAsync("ana", true, default);
        foreach (var bad in new object[] { new { }, new { quota = 5 }, new { defaultQuota = -1 }, new { defaultQuota = "much" },
            new { defaultRepoLimit = 1.5 } })
            await HubServer.AssertErrorAsync(await SetAsync("/api/settings/storage", bad, Hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.JsonOf(await SetAsync("/api/settings/storage", new { defaultQuota = 1000, freeSpaceFloor = 10 }, Hub.Ana));
        var hub = await HubServer.JsonOf(await SetAsync("/api/settings/storage", new { freeSpaceFloor = 0 }, Hub.Ana));
        Assert.Equal("1000 0 10000",
            $"{hub.GetProperty("defaultQuota")} {hub.GetProperty("freeSpaceFloor")} {hub.GetProperty("defaultRepoLimit")}");
        await HubServer.JsonOf(await SetAsync("/api/organizations/acme/storage", new { quota = 7000 }, Hub.Ana));
        Assert.Equal(7000, (await Hub.GetJsonAsync("/api/organizations/acme/storage", Hub.Ana)).GetProperty("quota").GetInt64());
        var bens = await Hub.GetJsonAsync("/api/users/ben/storage", Hub.Ben);
        Assert.Equal("0 1000 True", $"{bens.GetProperty("used")} {bens.GetProperty("quota")} {bens.GetProperty("isDefault")}");
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/organizations/acme/storage", Hub.Ben), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/users/acme/storage", Hub.Ana), HttpStatusCode.NotFound);
        await HubServer.JsonOf(await SetAsync("/api/settings/storage", new { defaultQuota = (long?)null }, Hub.Ana));
        Assert.Equal(JsonValueKind.Null, (await Hub.GetJsonAsync("/api/users/ben/storage", Hub.Ben)).GetProperty("quota").ValueKind);
    }

    [Fact]
    public async Task A_namespace_has_so_many_repositories_and_no_more()
    {
        await Hub.Accounts.SetAdminAsync("ben", true, default);
        var set = await HubServer.JsonOf(await SetAsync("/api/settings/storage", new { defaultRepoLimit = 2 }, Hub.Ben));
        Assert.Equal(2, set.GetProperty("defaultRepoLimit").GetInt64());
        await Hub.CreateRepoAsync("second", type: "dataset");
        Task<HttpResponseMessage> CreateAsync(string name, string? organization = null) =>
            Hub.PostAsync("/api/repos/create", new { name, organization }, Hub.Ana);
        Assert.Contains("ana may have 2 repositories",
            await HubServer.AssertErrorAsync(await CreateAsync("third"), HttpStatusCode.InsufficientStorage, "QuotaExceeded"));
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/models/ana/third", Hub.Ana), HttpStatusCode.NotFound, "RepoNotFound");
        // One that is there is answered as ever; one that another namespace has does not come here.
        await HubServer.AssertErrorAsync(await CreateAsync(Repo.Split('/')[1]), HttpStatusCode.Conflict);
        await HubServer.JsonOf(await CreateAsync("guest", "acme"));
        await HubServer.AssertErrorAsync(await Hub.PostAsync("/api/repos/move", new { fromRepo = "acme/guest", toRepo = "ana/guest" },
            Hub.Ana), HttpStatusCode.InsufficientStorage, "QuotaExceeded");
        await HubServer.JsonOf(await Hub.PostAsync("/api/repos/move", new { fromRepo = Repo, toRepo = "ana/renamed" }, Hub.Ana));
        // An admin of the hub moves what has to be moved, and gives one namespace more.
        await HubServer.JsonOf(await Hub.PostAsync("/api/repos/move", new { fromRepo = "acme/guest", toRepo = "ana/guest" }, Hub.Ben));
        await HubServer.JsonOf(await SetAsync("/api/users/ana/storage", new { repoLimit = 4 }, Hub.Ben));
        await HubServer.JsonOf(await CreateAsync("fourth"));
        var told = await Hub.GetJsonAsync("/api/users/ana/storage", Hub.Ana);
        Assert.Equal("4 of 4", $"{told.GetProperty("repos")} of {told.GetProperty("repoLimit")}");
        // A removed one is room again.
        await HubServer.AssertErrorAsync(await CreateAsync("fifth"), HttpStatusCode.InsufficientStorage, "QuotaExceeded");
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", Hub.Ana,
            JsonContent.Create(new { name = "fourth" })));
        await HubServer.JsonOf(await CreateAsync("fifth"));
    }

    [Fact]
    public async Task Bytes_above_a_quota_are_refused_before_they_come()
    {
        var limits = Hub.Server.Services.GetRequiredService<StorageLimits>();
        var ana = (await Hub.Accounts.FindAsync("ana", default))!.Id;
        var bytes = CutFile.Random(100_000, 1);
        var href = await BatchAsync(Hub, Repo, bytes);
        await limits.SetQuotaAsync(ana, 200_000, default);
        Assert.Equal(HttpStatusCode.OK, (await Hub.SendAsync(HttpMethod.Put, href!, content: new ByteArrayContent(bytes))).StatusCode);
        await HubServer.JsonOf(await Hub.CommitAsync(Repo, Hub.Ana, "x", null, HubServer.Large("a.bin", bytes)));
        Assert.InRange(await UsedAsync(), 100_000, 110_000);

        var more = CutFile.Random(150_000, 2);
        Assert.Null(await BatchAsync(Hub, Repo, more));
        // Two that fit alone, and not together: the second is refused, and neither came before.
        var two = new[] { CutFile.Random(60_000, 3), CutFile.Random(60_000, 4) };
        var hrefs = new[] { await BatchAsync(Hub, Repo, two[0]), await BatchAsync(Hub, Repo, two[1]) };
        Assert.Equal(HttpStatusCode.OK, (await Hub.SendAsync(HttpMethod.Put, hrefs[0]!, content: new ByteArrayContent(two[0]))).StatusCode);
        Assert.Contains("ana uses",
            await HubServer.AssertErrorAsync(await Hub.SendAsync(HttpMethod.Put, hrefs[1]!, content: new ByteArrayContent(two[1])),
                HttpStatusCode.InsufficientStorage, "QuotaExceeded"));
        // Small files count as well; who removes some may.
        await HubServer.AssertErrorAsync(await Hub.CommitAsync(Repo, Hub.Ana, "x", null, HubServer.File("b.txt", new string('x', 90_000))),
            HttpStatusCode.InsufficientStorage, "QuotaExceeded");
        await limits.SetQuotaAsync(ana, 10, default);
        await HubServer.JsonOf(await Hub.CommitAsync(Repo, Hub.Ana, "x", null, ("deletedFile", new { path = "a.bin" })));
        await HubServer.AssertErrorAsync(await Hub.PostAsync("/api/repos/create", new { name = "another" }, Hub.Ana),
            HttpStatusCode.InsufficientStorage, "QuotaExceeded");
        // What a repository held is room again once it is gone.
        await limits.SetQuotaAsync(ana, 200_000, default);
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", Hub.Ana,
            JsonContent.Create(new { name = Repo })));
        Assert.Equal(0, await UsedAsync());
    }

    [Fact]
    public async Task Bytes_that_become_no_file_count_all_the_same()
    {
        var limits = Hub.Server.Services.GetRequiredService<StorageLimits>();
        var ana = (await Hub.Accounts.FindAsync("ana", default))!.Id;
        var before = await UsedAsync();
        // Parts of an object that nobody completes.
        var bytes = CutFile.Random((8 << 20) + 5000, 5);
        var batch = await Hub.PostJsonAsync(
            $"/{Repo}.git/info/lfs/objects/batch",
            new
            {
                operation = "upload",
                transfers = new[] { "multipart" },
                objects = new[] { new { oid = HubServer.Sha256(bytes), size = bytes.Length } }
            }, Hub.Ana);
        var upload = batch.GetProperty("objects")[0].GetProperty("actions").GetProperty("upload");
        var second = upload.GetProperty("header").GetProperty("00002").GetString()!;
        Assert.Equal(HttpStatusCode.OK,
            (await Hub.SendAsync(HttpMethod.Put, second, content: new ByteArrayContent(bytes[(8 << 20)..]))).StatusCode);
        Assert.Equal(before + 5000, await UsedAsync());
        await limits.SetQuotaAsync(ana, before + 6000, default);
        await HubServer.AssertErrorAsync(
            await Hub.SendAsync(HttpMethod.Put, upload.GetProperty("header").GetProperty("00001").GetString()!,
                content: new ByteArrayContent(bytes[..(8 << 20)])),
            HttpStatusCode.InsufficientStorage, "QuotaExceeded");
        await limits.SetQuotaAsync(ana, null, default);

        // Xorbs whose shard never comes; with it they are the file's.
        var wire = await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana);
        var file = CutFile.Of(CutFile.Random(500_000, 6));
        await HubServer.JsonOf(await wire.PostXorbAsync(file));
        Assert.InRange(await UsedAsync() - before - 5000, 400_000, 520_000);
        await limits.SetQuotaAsync(ana, before + 600_000, default);
        await XetWire.FramesAsync(await wire.PostShardAsync(file.ShardBytes()));
        Assert.Equal(before + 5000 + 500_000, await UsedAsync());
        Assert.Equal(1, await Hub.Server.Services.GetRequiredService<HubDatabase>()
            .ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM incoming"), default));
    }
}
