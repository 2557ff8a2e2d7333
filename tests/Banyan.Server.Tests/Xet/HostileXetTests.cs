using System.Buffers.Binary;
using System.Net;
using Banyan.Chunks;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Xet;

/// <summary>Clients that lie: each gets its status, and nothing of it is stored.</summary>
public sealed class HostileXetTests : IAsyncLifetime
{
    HubServer _hub = null!;
    XetWire _wire = null!;

    public async ValueTask InitializeAsync()
    {
        _hub = await HubServer.StartAsync();
        _wire = await XetWire.OpenAsync(_hub.Client, await _hub.CreateRepoAsync("target"), _hub.Ana);
    }

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    async Task<(long Files, long Grants, long Xorbs, int Objects)> StoredAsync()
    {
        var database = _hub.Server.Services.GetRequiredService<HubDatabase>();
        Task<long> Count(string table) => database.ReadAsync(c => c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM {table}"), default);
        var objects = await _hub.Server.Services.GetRequiredService<IObjectStore>().ListAsync("", default).CountAsync();
        return (await Count("contents"), await Count("repo_contents"), await Count("xorbs"), objects);
    }

    async Task RefusedAsync(Func<Task<HttpResponseMessage>> send, string because)
    {
        var before = await StoredAsync();
        var message = await HubServer.AssertErrorAsync(await send(), HttpStatusCode.BadRequest);
        Assert.Contains(because, message);
        Assert.Equal(before, await StoredAsync());
    }

    static byte[] Bytes(int length, int seed) => CutFile.Random(length, seed);

    [Fact]
    public async Task Xorbs_that_are_not_what_they_say()
    {
        var file = CutFile.Of(Bytes(300_000, 1), footer: true);
        Task<HttpResponseMessage> Post(byte[] xorb, XetHash? hash = null) =>
            _wire.SendAsync(HttpMethod.Post, $"/v1/xorbs/default/{hash ?? file.Xorb.Hash}", xorb);

        await RefusedAsync(() => Post(file.XorbBytes, XetHash.OfChunk([1])), "was announced");
        await RefusedAsync(() => Post([]), "empty");
        await RefusedAsync(() => Post(file.XorbBytes[..1000]), "ends inside chunk 0");
        await RefusedAsync(() => Post([9, .. file.XorbBytes[1..]]), "version 9");
        var changed = file.XorbBytes.ToArray();
        changed[500] ^= 1;      // a byte of the first chunk: the footer no longer fits
        await RefusedAsync(() => Post(changed), "footer");
        await RefusedAsync(() => _wire.SendAsync(HttpMethod.Post, "/v1/xorbs/default/nothing", file.XorbBytes), "no hash");

        // A chunk that inflates to more than it says, and to more than a chunk may have.
        var zeros = CutFile.Of(new byte[Chunker.MaxLength]);
        var bomb = zeros.XorbBytes.ToArray();
        (bomb[5], bomb[6], bomb[7]) = (0, 16, 0);       // 4 KiB
        await RefusedAsync(() => Post(bomb), "4096");
        (bomb[5], bomb[6], bomb[7]) = (0xFF, 0xFF, 0xFF);
        await RefusedAsync(() => Post(bomb), "131072");
    }

    [Fact]
    public async Task A_xorb_without_end_is_cut_off()
    {
        var before = await StoredAsync();
        var chunk = CutFile.Of(Bytes(Chunker.MinLength, 2)).XorbBytes;
        // 8,193 chunks of 8 KiB: one too many, and more bytes than a xorb has.
        var endless = new byte[chunk.Length * 8193];
        for (var i = 0; i < 8193; i++)
            chunk.CopyTo(endless, i * chunk.Length);
        var answer = await _wire.SendAsync(HttpMethod.Post, $"/v1/xorbs/default/{XetHash.OfChunk([1])}", endless);
        Assert.Contains(answer.StatusCode, (HttpStatusCode[])[HttpStatusCode.BadRequest, HttpStatusCode.RequestEntityTooLarge]);
        Assert.Equal(before, await StoredAsync());
    }

    [Fact]
    public async Task Shards_that_lie()
    {
        var file = CutFile.Of(Bytes(500_000, 3));
        await HubServer.JsonOf(await _wire.PostXorbAsync(file));
        var term = file.File.Terms[0];

        foreach (var path in (string[])["/v1/shards", "/v2/shards"])
        {
            Task Lie(Func<ShardFile, ShardFile> change, string because) =>
                RefusedAsync(() => _wire.PostShardAsync(file.ShardBytes(change), path), because);

            await Lie(f => f with { Sha256 = [.. new byte[32]] }, "was announced");
            await Lie(f => f with { Hash = XetHash.OfChunk([1]) }, "make a file of hash");
            await Lie(f => f with { Terms = [term with { Verification = XetHash.OfChunk([1]) }] }, "wrong verification hash");
            await Lie(f => f with { Terms = [term with { Verification = null }] }, "no verification hash");
            await Lie(f => f with { Terms = [term with { Xorb = XetHash.OfChunk([1]) }] }, "not uploaded");
            await Lie(f => f with { Terms = [term with { EndChunk = term.EndChunk + 1 }] }, "which has");
            await Lie(f => f with { Terms = [term with { FirstChunk = uint.MaxValue - 1, EndChunk = uint.MaxValue }] }, "at most");
            await Lie(f => f with { Terms = [term with { FirstChunk = 3, EndChunk = 3 }] }, "takes chunks");
            await Lie(f => f with { Terms = [term with { RawLength = term.RawLength - 1 }] }, "is said to have");
            await RefusedAsync(() => _wire.PostShardAsync([], path), "Not a shard");
            await RefusedAsync(() => _wire.PostShardAsync(file.ShardBytes()[..^60], path), "ends at byte");

            // 2^32 - 1 terms in a few hundred bytes.
            var counts = file.ShardBytes();
            BinaryPrimitives.WriteUInt32LittleEndian(counts.AsSpan(48 + 36), uint.MaxValue);
            await RefusedAsync(() => _wire.PostShardAsync(counts, path), "4294967295 terms");
        }
        // The truth is taken after all that.
        Assert.Equal("result",
            (await XetWire.FramesAsync(await _wire.PostShardAsync(file.ShardBytes())))[^1].GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_shard_of_two_files_is_taken_whole_or_not_at_all()
    {
        var (good, bad) = (CutFile.Of(Bytes(200_000, 4)), CutFile.Of(Bytes(200_000, 5)));
        await HubServer.JsonOf(await _wire.PostXorbAsync(good));
        await HubServer.JsonOf(await _wire.PostXorbAsync(bad));
        var shard = new MemoryStream();
        new Shard([good.File, bad.File with { Sha256 = [.. new byte[32]] }], []).Write(shard);
        await HubServer.AssertErrorAsync(await _wire.PostShardAsync(shard.ToArray()), HttpStatusCode.BadRequest);
        Assert.Equal(0, (await StoredAsync()).Grants);
        Assert.Equal(HttpStatusCode.NotFound, (await _wire.SendAsync(HttpMethod.Get, $"/v2/reconstructions/{good.File.Hash}")).StatusCode);
    }

    [Fact]
    public async Task A_shard_that_makes_a_terabyte_of_a_megabyte_is_refused_before_it_is_hashed()
    {
        var zeros = CutFile.Of(new byte[Chunker.MaxLength]);
        var chunk = zeros.XorbBytes[..(int)zeros.Xorb.StoredLength];
        var many = new byte[chunk.Length * 8000];
        var nodes = new Chunk[8000];
        for (var i = 0; i < nodes.Length; i++)
        {
            chunk.CopyTo(many, i * chunk.Length);
            nodes[i] = new Chunk(zeros.Xorb.Chunks[0].Hash, Chunker.MaxLength);
        }
        var hash = MerkleTree.XorbHash(nodes);
        await HubServer.JsonOf(await _wire.SendAsync(HttpMethod.Post, $"/v1/xorbs/default/{hash}", many));
        var term = new ShardTerm(hash, 8000u * Chunker.MaxLength, 0, 8000, MerkleTree.VerificationHash([.. nodes.Select(n => n.Hash)]));
        var shard = new MemoryStream();
        new Shard([new ShardFile(XetHash.OfChunk([1]), [.. Enumerable.Repeat(term, 1100)], null)], []).Write(shard);
        await RefusedAsync(() => _wire.PostShardAsync(shard.ToArray(), "/v1/shards"), "a file has at most");
    }

    [Fact]
    public async Task A_body_that_does_not_come_ends_in_a_timeout()
    {
        var before = await StoredAsync();
        var address = new Uri(_hub.Address);
        using var socket = new System.Net.Sockets.TcpClient(address.Host, address.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(
            $"POST /xet/v1/xorbs/default/{XetHash.OfChunk([1])} HTTP/1.1\r\nHost: {address.Authority}\r\nAuthorization: Bearer {_wire.AccessToken}\r\nContent-Length: 1000000\r\n\r\n1234"));
        using var answer = new StreamReader(stream);
        Assert.Contains(" 408 ", await answer.ReadLineAsync());
        Assert.Equal(before, await StoredAsync());
    }
}
