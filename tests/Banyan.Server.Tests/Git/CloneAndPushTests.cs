using System.Net;
using System.Net.Http.Json;
using Banyan.Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Git;

/// <summary>git itself clones, fetches and pushes, in every version of its protocol; the API sees the same history.</summary>
public sealed class CloneAndPushTests : IAsyncLifetime
{
    readonly GitPrograms _git = new();
    HubServer _hub = null!;

    public async ValueTask InitializeAsync()
    {
        _hub = await HubServer.StartAsync();
        await _hub.CreateRepoAsync("coder");
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _git.Dispose();
    }

    string Url(string? token = null, string repo = "ana/coder") => GitPrograms.Url(_hub, repo, token);

    async Task<string> CloneAsync(string name, string? token = null, params string[] options)
    {
        await _git.RunAsync("", ["clone", "-q", .. options, Url(token), name]);
        return name;
    }

    Task<string> IdAsync(string work, string revision) => _git.RunAsync(work, "rev-parse", revision);

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("2")]
    public async Task A_history_goes_there_and_comes_back(string version)
    {
        string[] protocol = ["-c", $"protocol.version={version}"];
        var work = await CloneAsync("work", _hub.Ana);
        for (var i = 0; i < 5; i++)
            await _git.CommitAsync(work, $"folder/file{i}.txt", $"text {i}\n", $"change {i}");
        await _git.RunAsync(work, "checkout", "-qb", "side", "HEAD~2");
        await _git.CommitAsync(work, "side/ünï.txt", "side\n");
        await _git.RunAsync(work, "checkout", "-q", "main");
        await _git.RunAsync(work, "merge", "-q", "--no-ff", "-m", "merge", "side");
        await _git.RunAsync(work, "tag", "-a", "v1", "-m", "first");
        await _git.RunAsync(work, "tag", "light");
        await _git.RunAsync(work, [.. protocol, "push", "-q", "origin", "main", "side", "v1", "light"]);

        await _git.RunAsync("", [.. protocol, "clone", "-q", Url(), "copy"]);
        Assert.Equal(await _git.RunAsync(work, "rev-parse", "main", "origin/side", "v1", "light"),
            await _git.RunAsync("copy", "rev-parse", "main", "origin/side", "v1", "light"));
        await _git.RunAsync("copy", "fsck", "--strict");
        Assert.Equal("main", await _git.RunAsync("copy", "branch", "--show-current"));

        // The API sees the same, and git sees at once what the API commits.
        var commits = await _hub.GetJsonAsync("/api/models/ana/coder/commits/main");
        Assert.Equal(await IdAsync(work, "main"), commits[0].GetProperty("id").GetString());
        var made = await _hub.SendAsync(HttpMethod.Post, "/api/models/ana/coder/commit/main", _hub.Ana, new StringContent(
            """
            {"key":"header","value":{"summary":"by the API"}}
            {"key":"file","value":{"path":"api.txt","content":"api","encoding":"utf-8"}}
            """));
        Assert.Equal(HttpStatusCode.OK, made.StatusCode);
        await _git.RunAsync("copy", [.. protocol, "pull", "-q"]);
        Assert.Equal("api", await File.ReadAllTextAsync(_git.PathOf("copy", "api.txt")));
        // What is fetched is little: nothing is sent again.
        await _git.CommitAsync("copy", "more.txt", "more\n");
        await _git.RunAsync("copy", [.. protocol, "push", "-q", Url(_hub.Ana), "main"]);
        await _git.RunAsync(work, [.. protocol, "fetch", "-q", "origin"]);
        Assert.Equal(await IdAsync("copy", "main"), await IdAsync(work, "origin/main"));
        await _git.RunAsync(work, "fsck", "--strict");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("2")]
    public async Task Part_of_a_history_or_of_its_files_is_enough(string version)
    {
        var work = await CloneAsync("work", _hub.Ana);
        for (var i = 0; i < 8; i++)
            await _git.CommitAsync(work, $"a/file{i % 3}.txt", $"{new string('x', 3000)} {i}\n", $"change {i}");
        await _git.RunAsync(work, "push", "-q", "origin", "main");
        await _git.RunAsync("", "config", "--global", "protocol.version", version);

        await CloneAsync("shallow", null, "--depth", "2");
        Assert.Equal("2", await _git.RunAsync("shallow", "rev-list", "--count", "main"));
        await _git.RunAsync("shallow", "fetch", "-q", "--depth", "4");
        Assert.Equal("4", await _git.RunAsync("shallow", "rev-list", "--count", "main"));
        await _git.RunAsync("shallow", "fetch", "-q", "--deepen", "1");
        Assert.Equal("5", await _git.RunAsync("shallow", "rev-list", "--count", "main"));
        await _git.RunAsync("shallow", "fetch", "-q", "--unshallow");
        Assert.Equal(await _git.RunAsync(work, "rev-list", "main"), await _git.RunAsync("shallow", "rev-list", "main"));
        await _git.RunAsync("shallow", "fsck", "--strict");
        await CloneAsync("since", null, "--shallow-since", "2000-01-01");
        Assert.Equal(await _git.RunAsync(work, "rev-list", "main"), await _git.RunAsync("since", "rev-list", "main"));
        var not = await IdAsync(work, "main~3");
        await _git.RunAsync(work, "push", "-q", "origin", $"{not}:refs/heads/old");
        await CloneAsync("exclude", null, "--single-branch", "--shallow-exclude", "old");
        Assert.Equal("3", await _git.RunAsync("exclude", "rev-list", "--count", "main"));

        await CloneAsync("blobless", null, "--filter=blob:none", "--no-checkout");
        Assert.Contains("?", await _git.RunAsync("blobless", "rev-list", "--objects", "--missing=print", "main"));
        await _git.RunAsync("blobless", "checkout", "-q", "main");
        Assert.Equal(await File.ReadAllTextAsync(_git.PathOf(work, "a", "file1.txt")),
            await File.ReadAllTextAsync(_git.PathOf("blobless", "a", "file1.txt")));
        await CloneAsync("treeless", null, "--filter=tree:0");
        Assert.Equal(await _git.RunAsync(work, "log", "--stat", "main"), await _git.RunAsync("treeless", "log", "--stat", "main"));
        await CloneAsync("short", null, "--filter=blob:limit=1k", "--no-checkout");
        Assert.Equal(
            (await _git.RunAsync(work, "rev-list", "--objects", "--filter=blob:limit=1k", "--filter-print-omitted", "main")).Split('\n')
                .Count(l => l.StartsWith('~')),
            (await _git.RunAsync("short", "rev-list", "--objects", "--missing=print", "main")).Split('\n').Count(l => l.StartsWith('?')));
        Assert.NotEqual(0, (await _git.TryAsync("", "clone", "-q", "--filter=sparse:oid=main:x", Url(), "sparse")).Code);
    }

    [Fact]
    public async Task Refs_move_as_they_may()
    {
        var work = await CloneAsync("work", _hub.Ana);
        await _git.CommitAsync(work, "a.txt", "a\n");
        await _git.RunAsync(work, "push", "-q", "origin", "main", "main:side", "main:gone");
        await _git.RunAsync(work, "push", "-q", "origin", ":gone");
        Assert.DoesNotContain("gone", await _git.RunAsync(work, "ls-remote", "origin"));
        Assert.Contains("default branch", (await _git.TryAsync(work, "push", "origin", ":main")).Output);
        Assert.Contains("cannot hold it beside", (await _git.TryAsync(work, "push", "origin", "main:side/below")).Output);
        Assert.Contains("taken here", (await _git.TryAsync(work, "push", "origin", "main:refs/notes/commits")).Output);
        Assert.Contains("no such pull request", (await _git.TryAsync(work, "push", "origin", "main:refs/pr/7")).Output);

        // A rewritten history goes there by force alone, all or nothing where that is asked for.
        await _git.RunAsync(work, "commit", "-q", "--amend", "-m", "again");
        Assert.NotEqual(0, (await _git.TryAsync(work, "push", "origin", "main")).Code);
        Assert.NotEqual(0, (await _git.TryAsync(work, "push", "--atomic", "origin", "+main", "main:side/below")).Code);
        Assert.NotEqual(await IdAsync(work, "main"), (await _git.RunAsync(work, "ls-remote", "origin", "refs/heads/main")).Split('\t')[0]);
        await _git.RunAsync(work, "push", "-q", "--force-with-lease", "-o", "ci.skip;x", "origin", "main");
        Assert.Equal(await IdAsync(work, "main"), (await _git.RunAsync(work, "ls-remote", "origin", "refs/heads/main")).Split('\t')[0]);

        // Somebody was faster.
        var other = await CloneAsync("other", _hub.Ana);
        await _git.CommitAsync(other, "b.txt", "b\n");
        await _git.RunAsync(other, "push", "-q", "origin", "main");
        await _git.CommitAsync(work, "c.txt", "c\n");
        Assert.Contains("rejected", (await _git.TryAsync(work, "push", "origin", "main")).Output);
    }

    [Fact]
    public async Task Who_may_not_read_finds_nothing_and_who_may_not_write_changes_nothing()
    {
        await _hub.CreateRepoAsync("secret", isPrivate: true);
        Assert.NotEqual(0, (await _git.TryAsync("", "clone", "-q", Url(null, "ana/secret"), "a")).Code);
        var (stranger, missing) = (await _git.TryAsync("", "clone", "-q", Url(_hub.Ben, "ana/secret"), "b"),
            await _git.TryAsync("", "clone", "-q", Url(_hub.Ben, "ana/nothing"), "b"));
        Assert.Contains("not found", stranger.Output);
        Assert.Equal(missing.Output.Replace("nothing", "secret", StringComparison.Ordinal), stranger.Output);
        await _git.RunAsync("", "clone", "-q", Url(_hub.Ana, "ana/secret"), "c");
        Assert.NotEqual(0, (await _git.TryAsync("", "clone", "-q", Url("wrong", "ana/secret"), "d")).Code);

        var work = await CloneAsync("work", _hub.Ben);
        await _git.CommitAsync(work, "a.txt", "a\n");
        Assert.Contains("may not write", (await _git.TryAsync(work, "push", "origin", "main")).Output);
        await _git.RunAsync(work, "remote", "set-url", "origin", Url());
        Assert.NotEqual(0, (await _git.TryAsync(work, "push", "origin", "main")).Code);
        await _git.RunAsync(work, "remote", "set-url", "origin",
            Url(await _hub.Accounts.AddTokenAsync("ana", "r", Banyan.Server.Accounts.TokenRole.Read, null, null, default)));
        Assert.NotEqual(0, (await _git.TryAsync(work, "push", "origin", "main")).Code);
        Assert.DoesNotContain(await IdAsync(work, "main"), await _git.RunAsync(work, "ls-remote", Url()));
    }

    [Fact]
    public async Task A_pull_request_is_fetched_and_pushed_by_its_author()
    {
        var made = await _hub.SendAsync(HttpMethod.Post, "/api/models/ana/coder/commit/main?create_pr=1", _hub.Ben, new StringContent(
            """
            {"key":"header","value":{"summary":"proposed"}}
            {"key":"file","value":{"path":"p.txt","content":"one","encoding":"utf-8"}}
            """));
        Assert.Equal(HttpStatusCode.OK, made.StatusCode);
        var work = await CloneAsync("work", _hub.Ben);
        await _git.RunAsync(work, "fetch", "-q", "origin", "refs/pr/1:proposal");
        await _git.RunAsync(work, "checkout", "-q", "proposal");
        await _git.CommitAsync(work, "p.txt", "two\n", "second thought");
        await _git.RunAsync(work, "push", "-q", "origin", "proposal:refs/pr/1");
        var events = await _hub.GetJsonAsync("/api/models/ana/coder/discussions/1");
        Assert.Contains(await IdAsync(work, "proposal"), events.GetRawText());
        Assert.Contains("not deleted", (await _git.TryAsync(work, "push", "origin", ":refs/pr/1")).Output);

        await _hub.AddUserAsync("eve");
        await _git.RunAsync(work, "remote", "set-url", "origin",
            Url(await _hub.Accounts.AddTokenAsync("eve", "t", Banyan.Server.Accounts.TokenRole.Write, null, null, default)));
        await _git.CommitAsync(work, "p.txt", "three\n");
        Assert.Contains("may not change this pull request", (await _git.TryAsync(work, "push", "origin", "proposal:refs/pr/1")).Output);
    }

    [Fact]
    public async Task What_does_not_fit_the_quota_is_refused_whole()
    {
        var limits = _hub.Server.Services.GetRequiredService<Banyan.Server.Quotas.StorageLimits>();
        await limits.SetDefaultQuotaAsync(200_000, default);
        var work = await CloneAsync("work", _hub.Ana);
        await _git.CommitAsync(work, "large.txt", new string('x', 300_000));
        var refused = await _git.TryAsync(work, "push", "origin", "main");
        Assert.True(refused.Code != 0 && refused.Output.Contains("of 200000 bytes", StringComparison.Ordinal), refused.Output);
        Assert.DoesNotContain(await IdAsync(work, "main"), await _git.RunAsync(work, "ls-remote", "origin"));
        await limits.SetDefaultQuotaAsync(null, default);
        await _git.RunAsync(work, "push", "-q", "origin", "main");
    }

    [Fact]
    public async Task What_no_ref_leads_to_is_not_given_out()
    {
        var work = await CloneAsync("work", _hub.Ana);
        await _git.CommitAsync(work, "secret.txt", "a password\n");
        var (commit, blob) = (await IdAsync(work, "main"), await IdAsync(work, "main:secret.txt"));
        await _git.RunAsync(work, "push", "-q", "origin", "main:leak");
        await _git.RunAsync(work, "fetch", "-q", Url(), blob);   // while a branch leads there
        await _git.RunAsync(work, "push", "-q", "origin", ":leak");
        await _git.InitAsync("thief");
        Assert.Contains("not our ref", (await _git.TryAsync("thief", "fetch", Url(), commit)).Output);
        Assert.Contains("not our ref", (await _git.TryAsync("thief", "fetch", Url(), blob)).Output);

        // Nor is it brought back by who may only propose.
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Post, "/api/models/ana/coder/commit/main?create_pr=1",
            _hub.Ben, new StringContent(
            """
            {"key":"header","value":{"summary":"proposed"}}
            {"key":"file","value":{"path":"p.txt","content":"one","encoding":"utf-8"}}
            """)));
        var head = (await _git.RunAsync("thief", "ls-remote", Url(), "refs/pr/1")).Split('\t')[0];
        // git would send the objects, which its user has; this one knows the id alone.
        byte[] command = System.Text.Encoding.ASCII.GetBytes($"{head} {commit} refs/pr/1\0report-status"), pack =
            [.. "PACK"u8, 0, 0, 0, 2, 0, 0, 0, 0];
        var body =
            new ByteArrayContent([.. System.Text.Encoding.ASCII.GetBytes($"{command.Length + 4:x4}"), .. command, .. "0000"u8, .. pack,
                .. System.Security.Cryptography.SHA1.HashData(pack)]);
        body.Headers.ContentType = new("application/x-git-receive-pack-request");
        var answer =
            await (await _hub.SendAsync(HttpMethod.Post, "/ana/coder.git/git-receive-pack", _hub.Ben, body)).Content.ReadAsStringAsync();
        Assert.Contains("neither in the pack nor in the repository", answer);
        Assert.Contains("ng refs/pr/1", answer);
    }

    [Fact]
    public async Task Large_files_go_by_git_lfs_and_a_pointer_alone_is_refused()
    {
        if ((await _git.TryAsync("", "lfs", "version")).Code != 0)
            Banyan.Tests.SharedData.Missing("git-lfs is not installed: tests/prepare installs it");
        var work = await CloneAsync("work", _hub.Ana);
        await _git.RunAsync(work, "lfs", "install", "--local");
        var large = System.Security.Cryptography.RandomNumberGenerator.GetBytes(300_000);
        await File.WriteAllBytesAsync(_git.PathOf(work, "model.safetensors"), large);
        await _git.CommitAsync(work, "readme.txt", "with a model\n");
        // Without its hook git-lfs sends nothing, and the pointer leads nowhere.
        Assert.Contains("git lfs push", (await _git.TryAsync(work, "-c", "core.hooksPath=/dev/null", "push", "origin", "main")).Output);
        await _git.RunAsync(work, "push", "-q", "origin", "main");
        var copy = await CloneAsync("copy");
        await _git.RunAsync(copy, "lfs", "install", "--local");
        await _git.RunAsync(copy, "lfs", "pull");
        Assert.Equal(large, await File.ReadAllBytesAsync(_git.PathOf(copy, "model.safetensors")));
        var resolved = await _hub.GetAsync("/ana/coder/resolve/main/model.safetensors");
        Assert.Equal(large, await resolved.Content.ReadAsByteArrayAsync());

        // Ben knows the hash of ana's private file, and has not its bytes.
        await _hub.CreateRepoAsync("vault", isPrivate: true);
        await _git.RunAsync(work, "push", "-q", Url(_hub.Ana, "ana/vault"), "+main");
        await _hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", _hub.Ana, JsonContent.Create(new { type = "model", name = "coder" }));
        await _hub.CreateRepoAsync("thief", token: _hub.Ben);
        await _git.RunAsync(copy, "lfs", "uninstall", "--local");
        var refused = await _git.TryAsync(copy, "push", Url(_hub.Ben, "ben/thief"), "+main");
        Assert.True(refused.Code != 0 && refused.Output.Contains("has not been uploaded to ben/thief", StringComparison.Ordinal),
            refused.Output);
    }
}
