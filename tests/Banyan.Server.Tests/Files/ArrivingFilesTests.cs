using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Banyan.Server.Files;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Maintenance;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;
using Banyan.Server.Tests.Xet;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Files;

/// <summary>Two nodes of one hub, over PostgreSQL and S3: what one puts together, a commit on the other waits for.</summary>
public sealed class ArrivingFilesTests(PostgresServer postgres, S3Server s3) : IAsyncLifetime
{
    readonly TestClock _clock = new();
    HubServer _one = null!, _two = null!;
    string _repo = "";

    public async ValueTask InitializeAsync()
    {
        var (database, store) = (await postgres.CreateHubAsync(), await s3.OptionsAsync($"nodes-{Guid.NewGuid():N}/"));
        HubOptions Change(HubOptions options) => options with { S3 = store, Clock = _clock };
        _one = await HubServer.StartAsync(database, change: Change);
        _two = await HubServer.StartAsync(database, change: Change);
        _repo = await _one.CreateRepoAsync("nodes", isPrivate: true);
    }

    public async ValueTask DisposeAsync()
    {
        await _two.DisposeAsync();
        await _one.DisposeAsync();
    }

    static ArrivingFiles Arriving(HubServer node) => node.Server.Services.GetRequiredService<ArrivingFiles>();

    HubDatabase Database => _one.Server.Services.GetRequiredService<HubDatabase>();

    Task<long> RepoIdAsync() => Database.ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT id FROM repos WHERE name = 'nodes'"), default);

    Task<HttpResponseMessage> CommitAsync(HubServer node, byte[] bytes) =>
        node.CommitAsync(_repo, _one.Ana, $"commit {bytes.Length}", null, HubServer.Large($"{bytes.Length}.bin", bytes));

    Task WaitingAsync(HubServer node) => node.Server.UntilAsync(() => Task.FromResult(Arriving(node).Waiting == 1));

    [Fact]
    public async Task Parts_come_to_both_nodes_and_either_puts_them_together()
    {
        var bytes = CutFile.Random((16 << 20) + 1000, 1);
        var oid = HubServer.Sha256(bytes);
        var batch = await _one.PostJsonAsync(
            $"/{_repo}.git/info/lfs/objects/batch",
            new { operation = "upload", transfers = new[] { "multipart" }, objects = new[] { new { oid, size = bytes.Length } } },
            _one.Ana);
        var upload = batch.GetProperty("objects")[0].GetProperty("actions").GetProperty("upload");
        var (header, parts) = (upload.GetProperty("header"), new List<object>());
        var length = int.Parse(header.GetProperty("chunk_size").GetString()!);
        for (var number = 1; number <= 3; number++)
        {
            var answer = await (number % 2 == 0 ? _one : _two).SendAsync(
                HttpMethod.Put, new Uri(header.GetProperty($"{number:D5}").GetString()!).PathAndQuery,
                content: new ByteArrayContent(bytes[((number - 1) * length)..Math.Min(bytes.Length, number * length)]));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            parts.Add(new { partNumber = number, etag = answer.Headers.ETag!.Tag });
        }
        await HubServer.JsonOf(await _two.PostAsync(new Uri(upload.GetProperty("href").GetString()!).PathAndQuery, new { oid, parts }));
        Assert.Equal(0, await Database.ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM arrivals"), default));
        await HubServer.JsonOf(await CommitAsync(_one, bytes));
        foreach (var node in (HubServer[])[_one, _two])
            Assert.Equal(bytes,
                await (await node.GetAsync($"/{_repo}/resolve/main/{bytes.Length}.bin", _one.Ana)).Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_commit_waits_for_the_file_it_names_and_for_no_other()
    {
        var (bytes, other) = (CutFile.Random(300_000, 2), CutFile.Random(100_000, 3));
        var arrival = await Arriving(_one).BeginAsync(await RepoIdAsync(), new(SHA256.HashData(bytes)), default);
        var commit = CommitAsync(_two, bytes);
        await WaitingAsync(_two);
        await _one.UploadAsync(_repo, other);
        await HubServer.JsonOf(await CommitAsync(_two, other));
        Assert.Equal(1, Arriving(_two).Waiting);
        Assert.False(commit.IsCompleted);

        await _one.UploadAsync(_repo, bytes);
        await arrival.DisposeAsync();
        await HubServer.JsonOf(await commit);
        Assert.Equal(0, Arriving(_two).Waiting);
    }

    [Fact]
    public async Task A_file_that_did_not_arrive_is_missing()
    {
        var bytes = CutFile.Random(1000, 4);
        var arrival = await Arriving(_one).BeginAsync(await RepoIdAsync(), new(SHA256.HashData(bytes)), default);
        var commit = CommitAsync(_two, bytes);
        await WaitingAsync(_two);
        await arrival.DisposeAsync();
        Assert.Contains("has not been uploaded", await HubServer.AssertErrorAsync(await commit, HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task A_node_that_died_is_not_waited_for()
    {
        var bytes = CutFile.Random(1000, 5);
        await LeaveAsync(bytes, ArrivingFiles.Lease);
        var commit = CommitAsync(_two, bytes);
        await WaitingAsync(_two);
        _clock.Ahead += ArrivingFiles.Lease;
        Assert.Contains("has not been uploaded", await HubServer.AssertErrorAsync(await commit, HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task Who_would_wait_too_long_is_told_to_come_again()
    {
        var bytes = CutFile.Random(1000, 6);
        await LeaveAsync(bytes, TimeSpan.FromHours(1));
        var commit = CommitAsync(_two, bytes);
        await WaitingAsync(_two);
        _clock.Ahead += ArrivingFiles.Patience + TimeSpan.FromSeconds(1);
        var answer = await commit;
        Assert.Contains("still being put together", await HubServer.AssertErrorAsync(answer, HttpStatusCode.ServiceUnavailable));
        Assert.Equal(TimeSpan.FromSeconds(30), answer.Headers.RetryAfter!.Delta);
        // It does, and the file is there.
        await _one.UploadAsync(_repo, bytes);
        await Database.WriteAsync(t => t.ExecuteAsync("DELETE FROM arrivals"), default);
        await HubServer.JsonOf(await CommitAsync(_two, bytes));
    }

    /// <summary>What a node that dies leaves.</summary>
    async Task LeaveAsync(byte[] bytes, TimeSpan lease)
    {
        var repo = await RepoIdAsync();
        await Database.WriteAsync(
            t => t.ExecuteAsync("INSERT INTO arrivals (id, repo_id, sha256, until) VALUES ('left', @repo, @sha256, @until)",
                new { repo, sha256 = SHA256.HashData(bytes), until = (_clock.GetUtcNow() + lease).ToUnixTimeMilliseconds() }), default);
    }
}
