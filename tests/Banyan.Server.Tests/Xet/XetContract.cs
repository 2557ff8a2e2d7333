using System.Net;
using System.Text;
using Banyan.Chunks;
using Banyan.Server.Content;
using Banyan.Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Xet;

public sealed class XetTests(LocalHub hub) : XetContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterXetTests(ClusterHub hub) : XetContract(hub), IClassFixture<ClusterHub>;

/// <summary>The Xet protocol as its clients speak it, over either database and object store.</summary>
public abstract class XetContract(HubKind kind) : HubContract(kind, "xet")
{
    ContentStore Contents => Hub.Server.Services.GetRequiredService<ContentStore>();

    [Fact]
    public async Task A_file_goes_up_and_comes_down_in_both_versions_and_in_ranges()
    {
        var wire = await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana);
        var file = CutFile.Of(CutFile.Random(3_000_000, 1));
        Assert.True((await HubServer.JsonOf(await wire.PostXorbAsync(file))).GetProperty("was_inserted").GetBoolean());
        Assert.False((await HubServer.JsonOf(await wire.PostXorbAsync(file))).GetProperty("was_inserted").GetBoolean());
        var frames = await XetWire.FramesAsync(await wire.PostShardAsync(file.ShardBytes()));
        Assert.Equal(["validating", "committing", "result"], frames.Select(f => f.GetProperty("type").GetString()));

        var stored = await Contents.FindAsync(new Sha256(file.File.Sha256!.Value.AsSpan()), default);
        Assert.Equal(file.File.Hash, stored!.XetHash);
        foreach (var version in (int[])[1, 2])
        {
            Assert.Equal(file.Bytes, await wire.DownloadAsync(file.File.Hash, version));
            foreach (var (from, to) in ((int, int)[])[(0, 1), (2_999_999, 3_000_000), (70_000, 1_900_001), (0, 3_000_000)])
                Assert.Equal(file.Bytes[from..to], await wire.DownloadAsync(file.File.Hash, version, from, to));
        }
        var past = await wire.SendAsync(HttpMethod.Get, $"/v2/reconstructions/{file.File.Hash}", range: "bytes=3000000-3000001");
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, past.StatusCode);
        Assert.Equal(3_000_000, (await wire.SendAsync(HttpMethod.Head, $"/v1/files/{file.File.Hash}")).Content.Headers.ContentLength);
        Assert.Equal(file.Xorb.StoredLength,
            (await wire.SendAsync(HttpMethod.Head, $"/v1/xorbs/default/{file.Xorb.Hash}")).Content.Headers.ContentLength);
        // Who may write elsewhere is not told that it is here.
        var stranger = await XetWire.OpenAsync(Hub.Client, await Hub.CreateRepoAsync("elsewhere", token: Hub.Ben), Hub.Ben);
        Assert.Equal(HttpStatusCode.NotFound,
            (await stranger.SendAsync(HttpMethod.Head, $"/v1/xorbs/default/{file.Xorb.Hash}")).StatusCode);
    }

    [Fact]
    public async Task Who_changes_some_bytes_learns_what_to_cut_again_and_names_the_file_without_the_rest()
    {
        var wire = await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana);
        var file = CutFile.Of(CutFile.Random(6_000_000, 77));
        await wire.UploadAsync(file);
        async Task<System.Text.Json.JsonElement> Ask(string ranges)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, $"/xet/v2/file-chunk-hashes/{file.File.Hash}");
            request.Headers.Authorization = new("Bearer", wire.AccessToken);
            request.Headers.Add("X-Range-Dirty", ranges);
            return await HubServer.JsonOf(await Hub.Client.SendAsync(request));
        }
        foreach (var (ranges, windows) in new[] { ("bytes=0-0", 1), ("bytes=3000000-3000100,1000000-1000010", 2),
            ("bytes=5999999-99999999", 1), ("bytes=2000000-2000001,2000001-2000300", 1) })
        {
            var answer = await Ask(ranges);
            Assert.Equal((6_000_000, file.Xorb.Chunks.Length),
                (answer.GetProperty("fileSize").GetInt64(), answer.GetProperty("totalChunks").GetInt32()));
            Assert.Equal((windows, windows + 1),
                (answer.GetProperty("windows").GetArrayLength(), answer.GetProperty("hashRanges").GetArrayLength()));

            // The client changes bytes in the windows, cuts those anew, and joins: the hash is that of the whole changed file.
            var changed = file.Bytes.ToArray();
            foreach (var range in ranges["bytes=".Length..].Split(','))
                changed[int.Parse(range.Split('-')[0], System.Globalization.CultureInfo.InvariantCulture)] ^= 0x55;
            MerkleRun? whole = null;
            for (var i = 0; i <= windows; i++)
            {
                whole = Joined(whole, Run(answer.GetProperty("hashRanges")[i]));
                if (i == windows)
                    break;
                var bounds = answer.GetProperty("windows")[i].GetProperty("dirtyByteRange");
                var (start, end) = (bounds[0].GetInt32(), bounds[1].GetInt32());
                whole = Joined(whole,
                    MerkleRun.Of(CutFile.Of(changed[start..end]).Xorb.Chunks.Select(c => new Chunk(c.Hash, 0))
                        .Zip(Lengths(changed[start..end]), (c, l) => c with { Length = l }).ToArray(), start == 0, end == changed.Length));
            }
            Assert.Equal(CutFile.Of(changed).File.Hash, whole!.FileHash());
        }
        foreach (var bad in new[] { "bytes=6000000-6000001", "bytes=5-3", "lines=1-2", "bytes=" })
        {
            var request = new HttpRequestMessage(HttpMethod.Get, $"/xet/v2/file-chunk-hashes/{file.File.Hash}");
            request.Headers.Authorization = new("Bearer", wire.AccessToken);
            request.Headers.Add("X-Range-Dirty", bad);
            await HubServer.AssertErrorAsync(await Hub.Client.SendAsync(request), HttpStatusCode.BadRequest);
        }
        // Who reads another repository learns nothing of this file.
        var other = await XetWire.OpenAsync(Hub.Client, await Hub.CreateRepoAsync("elsewhere", token: Hub.Ben), Hub.Ben);
        Assert.Equal(HttpStatusCode.NotFound,
            (await other.SendAsync(HttpMethod.Get, $"/v2/file-chunk-hashes/{file.File.Hash}")).StatusCode);
    }

    static ulong[] Lengths(byte[] bytes)
    {
        var xorb = CutFile.Of(bytes).Xorb;
        return [.. Enumerable.Range(0, xorb.Chunks.Length).Select(i => (ulong)xorb.RawLengthOf(i))];
    }

    static MerkleRun Joined(MerkleRun? first, MerkleRun? second) =>
        first is null ? second! : second is null ? first : MerkleRun.Join(first, second);

    /// <summary>A run as it came; null where there is nothing.</summary>
    static MerkleRun? Run(System.Text.Json.JsonElement json) =>
        json.ValueKind == System.Text.Json.JsonValueKind.Null ? null : MerkleRun.From(
        [.. json.GetProperty("nodes").EnumerateArray()
            .Select(n => new Chunk(XetHash.Parse(n.GetProperty("hash").GetString()!), n.GetProperty("size").GetUInt64()))],
        [.. json.GetProperty("levels").EnumerateArray().Select(l => (l[0].GetInt32(), l[1].GetInt32()))],
        json.GetProperty("at_start").GetBoolean(), json.GetProperty("at_end").GetBoolean());

    [Fact]
    public async Task Older_clients_paths_lead_to_the_same()
    {
        var wire = await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana);
        var seed = 10;
        foreach (var (xorbs, shards, reconstructions) in ((string, string, string)[])
            [("/xorb/default", "/shard", "/reconstruction"), ("/xorbs/default", "/shards", "/reconstructions"),
                ("/v1/xorbs/default", "/v1/shards", "/v1/reconstructions")])
        {
            var file = CutFile.Of(CutFile.Random(200_000, seed++), footer: seed % 2 == 0);
            await HubServer.JsonOf(await wire.PostXorbAsync(file, xorbs));
            Assert.Equal(1,
                (await HubServer.JsonOf(await wire.PostShardAsync(file.ShardBytes(), shards))).GetProperty("result").GetInt32());
            Assert.Equal(0,
                (await HubServer.JsonOf(await wire.PostShardAsync(file.ShardBytes(), shards))).GetProperty("result").GetInt32());
            await HubServer.JsonOf(await wire.SendAsync(HttpMethod.Get, $"{reconstructions}/{file.File.Hash}"));
            var many = await HubServer.JsonOf(await wire.SendAsync(HttpMethod.Get, $"/v1/reconstructions?file_id={file.File.Hash}"));
            Assert.Equal(file.Xorb.Hash.ToString(),
                many.GetProperty("files").GetProperty(file.File.Hash.ToString())[0].GetProperty("hash").GetString());
        }
    }

    [Fact]
    public async Task What_one_user_sent_is_found_by_anothers_chunks_and_by_nothing_else()
    {
        var file = CutFile.Of(CutFile.Random(4_000_000, 20));
        await (await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana)).UploadAsync(file);

        var other = await XetWire.OpenAsync(Hub.Client, await Hub.CreateRepoAsync("other", token: Hub.Ben), Hub.Ben);
        foreach (var prefix in (string[])["default", "default-merkledb"])
        {
            var answer = await other.SendAsync(HttpMethod.Get, $"/v1/chunks/{prefix}/{file.Xorb.Chunks[0].Hash}");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var bytes = await answer.Content.ReadAsByteArrayAsync();
            var known = Assert.Single(Shard.Read(bytes).Xorbs);
            Assert.Equal(file.Xorb.Hash, known.Hash);
            // Keyed: whoever has the chunks recognises them, nobody reads their hashes.
            var key = bytes.AsSpan(bytes.Length - 200 + 72, 32).ToArray();
            Assert.Equal(file.Xorb.Chunks.Select(c => c.Hash.Keyed(key)), known.Chunks.Select(c => c.Hash));
            Assert.DoesNotContain(file.Xorb.Chunks[0].Hash, known.Chunks.Select(c => c.Hash));
            var expires = DateTimeOffset.FromUnixTimeSeconds(BitConverter.ToInt64(bytes, bytes.Length - 200 + 112));
            Assert.InRange(expires - DateTimeOffset.UtcNow, TimeSpan.FromDays(20), TimeSpan.FromDays(23));
        }
        // A chunk inside the file is not one that may be asked for.
        var inner = file.Xorb.Chunks.First(c => c != file.Xorb.Chunks[0] && c.Hash.LastWord % 1024 != 0).Hash;
        Assert.Equal(HttpStatusCode.NotFound, (await other.SendAsync(HttpMethod.Get, $"/v1/chunks/default/{inner}")).StatusCode);

        // Ben has the same bytes: he sends a shard alone, and has the file.
        await HubServer.JsonOf(await other.PostShardAsync(file.ShardBytes(), "/v1/shards"));
        Assert.Equal(file.Bytes, await other.DownloadAsync(file.File.Hash, 2));
    }

    [Fact]
    public async Task An_empty_file_and_a_file_of_one_repeated_chunk()
    {
        var wire = await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana);
        var shard = new MemoryStream();
        new Shard([new ShardFile(XetHash.Zero, [], [.. System.Security.Cryptography.SHA256.HashData([])])], []).Write(shard);
        await HubServer.JsonOf(await wire.PostShardAsync(shard.ToArray(), "/v1/shards"));
        Assert.Equal(0, (await Contents.FindAsync(XetHash.Zero, default))!.Size);

        var zeros = CutFile.Of(new byte[Chunker.MaxLength]);
        await HubServer.JsonOf(await wire.PostXorbAsync(zeros));
        var term = zeros.File.Terms[0];
        var chunk = new Chunk(zeros.Xorb.Chunks[0].Hash, Chunker.MaxLength);
        var bytes = new byte[5 * Chunker.MaxLength];
        var five = new ShardFile(MerkleTree.FileHash([chunk, chunk, chunk, chunk, chunk]), [term, term, term, term, term],
            [.. System.Security.Cryptography.SHA256.HashData(bytes)]);
        shard = new MemoryStream();
        new Shard([five], []).Write(shard);
        await HubServer.JsonOf(await wire.PostShardAsync(shard.ToArray(), "/v1/shards"));
        Assert.Equal(bytes, await wire.DownloadAsync(five.Hash, 2));
        Assert.Equal(bytes[100_000..300_000], await wire.DownloadAsync(five.Hash, 1, 100_000, 300_000));
    }

    [Fact]
    public async Task Tokens_open_theirRepository_and_their_scope_only()
    {
        var file = CutFile.Of(CutFile.Random(300_000, 30));
        await (await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana)).UploadAsync(file);

        // Nobody but ana gets one for her private repository.
        await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/models/{Repo}/xet-read-token/main", Hub.Ben),
            HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/models/{Repo}/xet-write-token/main"),
            HttpStatusCode.NotFound, "RepoNotFound");

        // A token for another repository does not reach the file, however well its hash is known.
        var elsewhere = await XetWire.OpenAsync(Hub.Client, await Hub.CreateRepoAsync("ben", token: Hub.Ben), Hub.Ben);
        foreach (var path in (string[])[$"/v1/reconstructions/{file.File.Hash}", $"/v2/reconstructions/{file.File.Hash}",
            $"/v1/reconstructions?file_id={file.File.Hash}"])
            Assert.Equal(HttpStatusCode.NotFound, (await elsewhere.SendAsync(HttpMethod.Get, path)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await elsewhere.SendAsync(HttpMethod.Head, $"/v1/files/{file.File.Hash}")).StatusCode);

        // A reading token does not write; the same for no token, a hub token and a changed one.
        var reader = await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana, write: false);
        Assert.Equal(file.Bytes, await reader.DownloadAsync(file.File.Hash, 2));
        await HubServer.AssertErrorAsync(await reader.PostXorbAsync(file), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await reader.PostShardAsync(file.ShardBytes()), HttpStatusCode.Forbidden);
        foreach (var token in (string?[])[null, Hub.Ana,
            reader.AccessToken.Replace(reader.AccessToken[5], (char)(reader.AccessToken[5] ^ 1)), "a.b", "."])
            await HubServer.AssertErrorAsync(await Hub.GetAsync($"/xet/v2/reconstructions/{file.File.Hash}", token),
                HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task An_address_opens_its_range_and_no_other()
    {
        var wire = await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana);
        var file = CutFile.Of(CutFile.Random(2_000_000, 40));
        await wire.UploadAsync(file);
        var plan =
            await HubServer.JsonOf(await wire.SendAsync(HttpMethod.Get, $"/v2/reconstructions/{file.File.Hash}", range: "bytes=0-9"));
        var fetch = plan.GetProperty("xorbs").EnumerateObject().Single().Value[0];
        var url = fetch.GetProperty("url").GetString()!;
        var last = fetch.GetProperty("ranges")[0].GetProperty("bytes").GetProperty("end").GetInt64();

        using var anonymous = new HttpClient();
        async Task<HttpStatusCode> Get(string address, string range)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.TryAddWithoutValidation("Range", range);
            return (await anonymous.SendAsync(request)).StatusCode;
        }
        Assert.Equal(HttpStatusCode.PartialContent, await Get(url, $"bytes=0-{last}"));
        Assert.Equal(HttpStatusCode.Forbidden, await Get(url, $"bytes=0-{last + 1}"));
        Assert.Equal(HttpStatusCode.Forbidden, await Get(url, $"bytes={last + 1}-{last + 100}"));
        Assert.Equal(HttpStatusCode.Forbidden, await Get(url[..^20] + (url[^20] == 'a' ? 'b' : 'a') + url[^19..], $"bytes=0-{last}"));
    }

    [Fact]
    public async Task The_rest_answers_in_json()
    {
        Assert.Equal(HttpStatusCode.OK,
            (await Hub.SendAsync(HttpMethod.Post, "/xet/v1/telemetry", content: new StringContent("{}", Encoding.UTF8))).StatusCode);
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/xet/v3/anything"), HttpStatusCode.NotImplemented, "NotImplemented");
    }
}
