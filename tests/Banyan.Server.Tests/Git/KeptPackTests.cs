using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Git;

/// <summary>What was packed is sent again as it is: to whoever wants all of it, and to nobody else.</summary>
public sealed class KeptPackTests : IAsyncLifetime
{
    readonly GitPrograms _git = new();
    HubServer _hub = null!;
    string _url = "";

    public async ValueTask InitializeAsync()
    {
        _hub = await HubServer.StartAsync(change: o => o with { LeastPacked = 10 });
        await _hub.CreateRepoAsync("coder");
        _url = GitPrograms.Url(_hub, "ana/coder", _hub.Ana);
        await _git.InitAsync("work");
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _git.Dispose();
    }

    KeptPacks Kept => _hub.Server.Services.GetRequiredService<KeptPacks>();

    Task<long> RepoAsync() => _hub.Server.Services.GetRequiredService<HubDatabase>()
        .ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT id FROM repos WHERE name = 'coder'"), default);

    async Task CommitsAsync(int count, string name)
    {
        for (var i = 0; i < count; i++)
            await _git.CommitAsync("work", $"{name}/file{i}.txt", $"{name} {i}\n");
    }

    /// <summary>Waits until there are so many packs.</summary>
    async Task<IReadOnlyList<KeptPack>> PacksAsync(int count)
    {
        var repo = await RepoAsync();
        while (true)
        {
            var packs = await Kept.ListAsync(repo, TestContext.Current.CancellationToken);
            if (packs.Count == count)
                return packs;
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A clone, whose objects are exactly what its refs lead to.</summary>
    async Task<string> CloneAsync(string name, params string[] options)
    {
        await _git.RunAsync("", ["clone", "-q", "--mirror", .. options, _url, name]);
        await _git.RunAsync(name, "fsck", "--strict");
        var all = await _git.RunAsync(name, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)");
        var reached = await _git.RunAsync(name, "rev-list", "--objects", "--all", "--no-object-names");
        Assert.Equal(reached.Split('\n').Order(StringComparer.Ordinal), all.Split('\n').Order(StringComparer.Ordinal));
        return await _git.RunAsync(name, "for-each-ref", "--format=%(objectname) %(refname)");
    }

    [Theory]
    [InlineData("UPDATE git_pack_parts SET content = zeroblob(length(content))")]
    [InlineData("DELETE FROM git_pack_parts")]
    [InlineData("UPDATE git_pack_ids SET ids = zeroblob(20)")]
    public async Task A_pack_that_is_damaged_is_found_and_dropped(string damage)
    {
        await CommitsAsync(6, "a");
        await _git.RunAsync("work", "push", "-q", "--force", _url, "main");
        await PacksAsync(1);
        var database = _hub.Server.Services.GetRequiredService<HubDatabase>();
        var check = new HubCheck(database, _hub.Server.Services.GetRequiredService<IObjectStore>(), TimeProvider.System);
        Assert.Empty((await check.RunAsync(new(), null, default)).Findings);

        await database.WriteAsync(t => t.ExecuteAsync(damage), default);
        var finding = Assert.Single((await check.RunAsync(new(), null, default)).Findings);
        Assert.Contains("it was dropped", finding.Remedy, StringComparison.Ordinal);
        Assert.Empty((await check.RunAsync(new(), null, default)).Findings);
        await CloneAsync("healed");
    }

    [Fact]
    public async Task A_pack_that_was_pushed_is_cloned_with_what_came_later()
    {
        await CommitsAsync(6, "a");
        await _git.RunAsync("work", "push", "-q", "--force", _url, "main");
        var first = Assert.Single(await PacksAsync(1));
        Assert.Equal(24, first.Objects);
        await CloneAsync("one");

        // Few are sent one by one; a file that is what it was before is not sent twice, which index-pack --strict refuses.
        await _git.CommitAsync("work", "a/file0.txt", "other\n");
        await _git.CommitAsync("work", "a/file0.txt", "a 0\n");
        await _git.RunAsync("work", "tag", "-a", "-m", "first", "v1");
        await _git.RunAsync("work", "push", "-q", _url, "main", "v1");
        Assert.Contains("refs/tags/v1", await CloneAsync("two", "-c", "transfer.fsckObjects=true"), StringComparison.Ordinal);
        Assert.Single(await PacksAsync(1));

        // Many come behind the first, the rest between them first.
        await CommitsAsync(6, "b");
        await _git.RunAsync("work", "push", "-q", _url, "main");
        var packs = await PacksAsync(2);
        Assert.Equal(await _git.RunAsync("work", "rev-parse", "main"), packs[1].Tips[0].ToString());
        await CloneAsync("three", "-c", "transfer.fsckObjects=true");
        // A reader who has the first pack's history gets the second.
        await _git.RunAsync("one", "-c", "transfer.fsckObjects=true", "fetch", "-q", _url, "+refs/heads/*:refs/heads/*");
        await _git.RunAsync("one", "fsck", "--strict");
        Assert.Equal(await _git.RunAsync("work", "rev-parse", "main"), await _git.RunAsync("one", "rev-parse", "main"));
    }

    [Fact]
    public async Task What_nothing_leads_to_any_more_is_not_sent()
    {
        await CommitsAsync(4, "a");
        await _git.RunAsync("work", "push", "-q", "--force", _url, "main");
        await PacksAsync(1);
        await _git.RunAsync("work", "checkout", "-qb", "secret");
        await CommitsAsync(6, "secret");
        await _git.RunAsync("work", "push", "-q", _url, "secret");
        await PacksAsync(2);
        Assert.Contains("secret", await CloneAsync("before"), StringComparison.Ordinal);

        // A branch alone, a clone after it went, and a history that was forced away.
        await CloneAsync("alone", "--single-branch", "--branch", "main");
        await _git.RunAsync("work", "push", "-q", "--delete", _url, "secret");
        Assert.DoesNotContain("secret", await CloneAsync("after"), StringComparison.Ordinal);
        await _git.RunAsync("work", "checkout", "-q", "--orphan", "new");
        await CommitsAsync(6, "new");
        await _git.RunAsync("work", "push", "-q", "--force", _url, "new:main");
        // Its pack takes the place of those that lead nowhere.
        while (Assert.Single(await PacksAsync(1)) is { } pack && pack.Tips[0].ToString() != await _git.RunAsync("work", "rev-parse", "new"))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await CloneAsync("forced");
    }

    [Fact]
    public async Task What_came_by_the_API_is_packed_after_it_was_cloned()
    {
        for (var i = 0; i < 6; i++)
            await _hub.CommitFilesAsync("ana/coder", _hub.Ana, ($"folder/file{i}.txt", $"text {i}"));
        var refs = await CloneAsync("first");
        var pack = Assert.Single(await PacksAsync(1));
        Assert.True(pack.Objects > 18);
        Assert.Equal(refs, await CloneAsync("second", "-c", "transfer.fsckObjects=true"));
        await _hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", _hub.Ana,
            System.Net.Http.Json.JsonContent.Create(new { name = "coder", type = "model" }));
    }

    [Fact]
    public async Task Versions_of_a_file_are_packed_as_what_changed()
    {
        var lines = Enumerable.Range(0, 1000)
            .Select(i => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(i)))).ToArray();
        for (var i = 0; i < 12; i++)
        {
            lines[i * 50] = $"version {i}";
            await _hub.CommitFilesAsync("ana/coder", _hub.Ana, ("notes/long.txt", string.Join('\n', lines)));
        }
        var refs = await CloneAsync("first");
        await PacksAsync(1);
        // One version of 65 KB, compressed to half, and what changed in eleven.
        Assert.InRange(await _hub.Server.Services.GetRequiredService<HubDatabase>()
            .ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT SUM(LENGTH(content)) FROM git_pack_parts"), default), 30_000, 50_000);
        Assert.Equal(refs, await CloneAsync("second", "-c", "transfer.fsckObjects=true"));
    }
}
