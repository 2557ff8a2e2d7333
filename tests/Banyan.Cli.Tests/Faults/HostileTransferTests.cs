using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Banyan.Chunks;
using Banyan.Server.Tests.Xet;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// Clients that lie over Xet and git-lfs, many at a time: each gets its status, nothing of it can be read or committed, and the process
/// does not grow by more than what its buffers take.
/// </summary>
public sealed class HostileTransferTests : IAsyncLifetime
{
    const int AtOnce = 16;

    /// <summary>What each of the attacks may make the process grow by, sixteen at a time.</summary>
    const long MostGrowth = 250L << 20;

    readonly HostileHub _hub = new();
    XetWire _wire = null!;

    public async ValueTask InitializeAsync()
    {
        await _hub.StartAsync();
        _wire = await XetWire.OpenAsync(_hub.Client, HostileHub.Repo, _hub.Token);
        // Warm: what the first uploads allocate is not what an attack does.
        await _wire.UploadAsync(CutFile.Of(CutFile.Random(3_000_000, 1)));
        Assert.Equal(HttpStatusCode.OK, await PutAsync(CutFile.Random(3_000_000, 2), CutFile.Random(3_000_000, 2)));
    }

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    Task FlatAsync(string attack, Func<int, Task> one) =>
        _hub.FlatAsync(attack, MostGrowth, () => Task.WhenAll(Enumerable.Range(0, AtOnce).Select(i => Task.Run(() => one(i)))));

    async Task<string> UploadAddressAsync(byte[] announced, long length)
    {
        var batch = await _hub.Client.PostAsJsonAsync($"/{HostileHub.Repo}.git/info/lfs/objects/batch",
            new
            {
                operation = "upload",
                transfers = new[] { "basic" },
                objects = new[] { new { oid = HubUser.Oid(announced), size = length } }
            });
        using var json = JsonDocument.Parse(await batch.Content.ReadAsStringAsync());
        return json.RootElement.GetProperty("objects")[0].GetProperty("actions").GetProperty("upload").GetProperty("href").GetString()!;
    }

    async Task<HttpStatusCode> PutAsync(byte[] announced, byte[] sent)
    {
        using var client = new HttpClient();
        return (await client.PutAsync(await UploadAddressAsync(announced, announced.Length), new ByteArrayContent(sent))).StatusCode;
    }

    [Fact]
    public async Task Lies_about_bytes_are_refused_and_memory_stays_flat()
    {
        var before = await _hub.StoredAsync();
        var bytes = CutFile.Random(24_000_000, 3);
        await FlatAsync("git-lfs: another SHA-256", async i =>
        {
            var announced = bytes.ToArray();
            announced[^1] ^= (byte)(i + 1);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, await PutAsync(announced, bytes));
        });
        await FlatAsync("git-lfs: a gigabyte where 1,000 bytes were announced", async i =>
            await HostileHub.RefusedAsync(_hub.Client, HttpMethod.Put, await UploadAddressAsync([(byte)i], 1000),
                HostileHub.Endless("", 'a', 1 << 30), HttpStatusCode.BadRequest, HttpStatusCode.RequestEntityTooLarge));

        var xorb = CutFile.Of(CutFile.Random(40_000_000, 4));
        await FlatAsync("xorb: another hash",
            async i => Assert.Equal(HttpStatusCode.BadRequest,
                (await _wire.SendAsync(HttpMethod.Post, $"/v1/xorbs/default/{XetHash.OfChunk([(byte)i])}", xorb.XorbBytes)).StatusCode));
        var zeros = CutFile.Of(new byte[Chunker.MaxLength]).XorbBytes;
        var inflating = new byte[zeros.Length * XorbLayout.MaxChunks];
        for (var i = 0; i < XorbLayout.MaxChunks; i++)
            zeros.CopyTo(inflating, i * zeros.Length);
        await FlatAsync($"xorb: {inflating.Length >> 20} MB that inflate to a gigabyte",
            async i => Assert.Equal(HttpStatusCode.BadRequest,
                (await _wire.SendAsync(HttpMethod.Post, $"/v1/xorbs/default/{XetHash.OfChunk([(byte)i])}", inflating)).StatusCode));
        await FlatAsync("xorb: a gigabyte",
            i => HostileHub.RefusedAsync(_hub.Client, HttpMethod.Post, $"{_wire.Cas}/v1/xorbs/default/{XetHash.OfChunk([(byte)i])}",
                HostileHub.Endless("", '\0', 1 << 30), _wire.AccessToken, HttpStatusCode.BadRequest, HttpStatusCode.RequestEntityTooLarge));

        Assert.Equal(before, await _hub.StoredAsync());
        await _hub.AssertCleanAsync();
    }

    [Fact]
    public async Task Shards_of_countless_terms_are_refused_or_cost_what_they_weigh()
    {
        var before = await _hub.StoredAsync();
        await FlatAsync("shard: a gigabyte",
            i => HostileHub.RefusedAsync(_hub.Client, HttpMethod.Post, $"{_wire.Cas}/v2/shards", HostileHub.Endless("", '\0', 1 << 30),
                _wire.AccessToken, HttpStatusCode.BadRequest, HttpStatusCode.RequestEntityTooLarge));

        // A chunk of a kilobyte, taken again and again: as many terms as a shard may hold.
        var tiny = CutFile.Of(CutFile.Random(1024, 5));
        Assert.True((await _wire.PostXorbAsync(tiny)).IsSuccessStatusCode);
        var many = Written(new ShardFile(XetHash.OfChunk([1]), [.. Enumerable.Repeat(tiny.File.Terms[0], 600_000)], null));
        await FlatAsync("shard: 600,000 terms of a kilobyte", i => ShardRefusedAsync(many, 1 + i % 2));
        BinaryPrimitives.WriteUInt32LittleEndian(many.AsSpan(48 + 36), uint.MaxValue);
        await FlatAsync("shard: 2^32 terms", i => ShardRefusedAsync(many, 1 + i % 2));
        Assert.Equal(before with { Xorbs = before.Xorbs + 1 }, await _hub.StoredAsync());

        // As fine as an honest file may be: it is taken, and asking for it many times at once costs no more.
        const int terms = 50_000;
        var small = CutFile.Of(CutFile.Random(Chunker.MinLength, 6));
        Assert.True((await _wire.PostXorbAsync(small)).IsSuccessStatusCode);
        var chunk = new Chunk(small.Xorb.Chunks[0].Hash, Chunker.MinLength);
        var file = new ShardFile(MerkleTree.FileHash(Enumerable.Repeat(chunk, terms).ToArray()),
            [.. Enumerable.Repeat(small.File.Terms[0], terms)], null);
        await _hub.FlatAsync($"shard: {terms} terms, the truth", MostGrowth,
            async () => Assert.Equal("result",
                (await XetWire.FramesAsync(await _wire.PostShardAsync(Written(file))))[^1].GetProperty("type").GetString()));
        await FlatAsync("reconstruction of countless terms", async i =>
        {
            var version = 1 + i % 2;
            using var answer =
                await _hub.Client.SendAsync(Authorized(HttpMethod.Get, $"{_wire.Cas}/v{version}/reconstructions/{file.Hash}"),
                    HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            await (await answer.Content.ReadAsStreamAsync()).CopyToAsync(Stream.Null);
        });
        await _hub.AssertCleanAsync();
    }

    [Fact]
    public async Task Endless_questions_and_slow_bodies_are_let_go()
    {
        var before = await _hub.StoredAsync();
        var batch = $"/{HostileHub.Repo}.git/info/lfs/objects/batch";
        await FlatAsync("batch: a gigabyte of JSON",
            _ => HostileHub.RefusedAsync(_hub.Client, HttpMethod.Post, batch, HostileHub.Endless("{\"objects\": [", ' ', 1 << 30),
                HttpStatusCode.RequestEntityTooLarge));
        await FlatAsync("batch: JSON in itself",
            _ => HostileHub.RefusedAsync(_hub.Client, HttpMethod.Post, batch, new StringContent(new string('[', 400_000)),
                HttpStatusCode.UnprocessableEntity));
        var oid = new string('a', 64);
        var objects = new StringBuilder("{\"operation\": \"upload\", \"transfers\": [\"multipart\"], \"objects\": [");
        for (var i = 0; i < 11_000; i++)
            objects.Append(i == 0 ? "" : ",").Append("{\"oid\": \"").Append(oid).Append("\", \"size\": 1}");
        await FlatAsync("batch: 11,000 objects",
            _ => HostileHub.RefusedAsync(_hub.Client, HttpMethod.Post, batch, new StringContent(objects + "]}"),
                HttpStatusCode.UnprocessableEntity));
        // A terabyte each, each in a thousand parts: an answer of gigabytes.
        var greedy = objects.ToString().Replace("\"size\": 1}", $"\"size\": {1L << 40}}}");
        greedy = string.Join("},", greedy.Split("},")[..4_000]) + "}]}";
        await FlatAsync("batch: objects of countless parts", async _ =>
        {
            using var content = new StringContent(greedy);
            using var answer = await _hub.Client.SendAsync(new HttpRequestMessage(HttpMethod.Post, batch) { Content = content },
                HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            await (await answer.Content.ReadAsStreamAsync()).CopyToAsync(Stream.Null);
        });

        var ids = string.Concat(Enumerable.Repeat($"file_id={oid}&", 100));
        await FlatAsync("questions about nothing", async _ =>
        {
            foreach (var path in (string[])[$"/v2/reconstructions/{oid}", $"/v1/reconstructions?{ids}", $"/v1/chunks/default/{oid}",
                "/v1/chunks/default/.."])
                Assert.True(
                    (int)(await _wire.SendAsync(HttpMethod.Get, path,
                        range: path.StartsWith("/v2") ? "bytes=0-9223372036854775806" : null)).StatusCode is 404 or 400 or 501);
        });

        var address = new Uri(await UploadAddressAsync([1, 2, 3], 1_000_000)).PathAndQuery;
        await _hub.FlatAsync("slow bodies", MostGrowth, async () =>
        {
            var slow = Enumerable.Range(0, 30).SelectMany(_ => (Task[])[
                _hub.SlowAsync("POST", $"/xet/v1/xorbs/default/{oid}", _wire.AccessToken),
                _hub.SlowAsync("POST", "/xet/v2/shards", _wire.AccessToken), _hub.SlowAsync("PUT", address, _hub.Token)]).ToArray();
            while (!slow.All(s => s.IsCompleted))
            {
                await _hub.AssertServesAsync();
                await Task.WhenAny(Task.WhenAll(slow), Task.Delay(200));
            }
            await Task.WhenAll(slow);
        });
        Assert.Equal(before, await _hub.StoredAsync());
        await _hub.AssertCleanAsync();
    }

    /// <summary>By its status, or by its last line where checking took so long that it had begun to answer.</summary>
    async Task ShardRefusedAsync(byte[] shard, int version)
    {
        var answer = await _wire.PostShardAsync(shard, $"/v{version}/shards");
        if (version == 2 && answer.StatusCode == HttpStatusCode.OK)
            Assert.Equal("error", (await XetWire.FramesAsync(answer))[^1].GetProperty("type").GetString());
        else
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    HttpRequestMessage Authorized(HttpMethod method, string address) =>
        new(method, address) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", _wire.AccessToken) } };

    static byte[] Written(ShardFile file)
    {
        var shard = new MemoryStream();
        new Shard([file], []).Write(shard);
        return shard.ToArray();
    }
}
