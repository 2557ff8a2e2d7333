using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Banyan.Chunks;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Xet;

/// <summary>A file cut as a client cuts it: one xorb and the shard that says so.</summary>
sealed record CutFile(byte[] Bytes, XorbLayout Xorb, byte[] XorbBytes, ShardFile File)
{
    public static CutFile Of(byte[] bytes, bool footer = false)
    {
        var stored = new MemoryStream();
        var writer = new XorbWriter(stored, new ChunkCodec());
        var chunks = new List<Chunk>();
        for (var at = 0; at < bytes.Length; at += (int)chunks[^1].Length)
        {
            var chunk = bytes.AsSpan(at, Chunker.FirstChunkLength(bytes.AsSpan(at)));
            chunks.Add(new Chunk(XetHash.OfChunk(chunk), (ulong)chunk.Length));
            writer.Add(chunks[^1].Hash, chunk);
        }
        var layout = writer.Finish();
        var term = new ShardTerm(layout.Hash, (uint)bytes.Length, 0, (uint)chunks.Count, MerkleTree.VerificationHash([.. chunks.Select(c => c.Hash)]));
        return new CutFile(
            bytes, layout, stored.ToArray()[..(footer ? (int)stored.Length : (int)layout.StoredLength)],
            new ShardFile(MerkleTree.FileHash(chunks.ToArray()), [term], [.. SHA256.HashData(bytes)]));
    }

    /// <summary>Random bytes, which no sample of another seed shares.</summary>
    public static byte[] Random(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public byte[] ShardBytes(Func<ShardFile, ShardFile>? change = null)
    {
        var shard = new MemoryStream();
        new Shard([change?.Invoke(File) ?? File], []).Write(shard);
        return shard.ToArray();
    }
}

/// <summary>Speaks the Xet protocol as its clients do.</summary>
sealed class XetWire(HubServer hub, string repo, string token)
{
    public string Cas { get; private set; } = "";
    public string AccessToken { get; private set; } = "";

    public static async Task<XetWire> OpenAsync(HubServer hub, string repo, string token, bool write = true, string type = "models")
    {
        var wire = new XetWire(hub, repo, token);
        await wire.RenewAsync(type, write);
        return wire;
    }

    async Task RenewAsync(string type, bool write)
    {
        var answer = await hub.GetJsonAsync($"/api/{type}/{repo}/xet-{(write ? "write" : "read")}-token/None", token);
        (Cas, AccessToken) = (answer.GetProperty("casUrl").GetString()!, answer.GetProperty("accessToken").GetString()!);
    }

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body = null, string? range = null)
    {
        var request = new HttpRequestMessage(method, Cas + path) { Content = body is null ? null : new ByteArrayContent(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", AccessToken);
        if (range is not null)
            request.Headers.Range = RangeHeaderValue.Parse(range);
        return hub.Client.SendAsync(request);
    }

    public Task<HttpResponseMessage> PostXorbAsync(CutFile file, string path = "/v1/xorbs/default") => SendAsync(HttpMethod.Post, $"{path}/{file.Xorb.Hash}", file.XorbBytes);

    public Task<HttpResponseMessage> PostShardAsync(byte[] shard, string path = "/v2/shards") => SendAsync(HttpMethod.Post, path, shard);

    public async Task UploadAsync(CutFile file)
    {
        await HubServer.JsonOf(await PostXorbAsync(file));
        Assert.Equal("result", (await FramesAsync(await PostShardAsync(file.ShardBytes())))[^1].GetProperty("type").GetString());
    }

    public static async Task<List<JsonElement>> FramesAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }

    /// <summary>Fetches a file or a range of it by what version 1 or 2 of the reconstruction says.</summary>
    public async Task<byte[]> DownloadAsync(XetHash file, int version, int from = 0, int? to = null)
    {
        var plan = await HubServer.JsonOf(await SendAsync(HttpMethod.Get, $"/v{version}/reconstructions/{file}", range: to is null ? null : $"bytes={from}-{to - 1}"));
        var chunks = new Dictionary<(string Xorb, long Chunk), byte[]>();
        foreach (var xorb in plan.GetProperty(version == 1 ? "fetch_info" : "xorbs").EnumerateObject())
            foreach (var fetch in xorb.Value.EnumerateArray())
            {
                var range = version == 1 ? fetch : Assert.Single(fetch.GetProperty("ranges").EnumerateArray());
                var bytes = range.GetProperty(version == 1 ? "url_range" : "bytes");
                await FetchAsync(
                    xorb.Name, fetch.GetProperty("url").GetString()!, range.GetProperty(version == 1 ? "range" : "chunks").GetProperty("start").GetInt64(),
                    bytes.GetProperty("start").GetInt64(), bytes.GetProperty("end").GetInt64(), chunks);
            }
        var result = new MemoryStream();
        foreach (var term in plan.GetProperty("terms").EnumerateArray())
        {
            var before = result.Length;
            for (var c = term.GetProperty("range").GetProperty("start").GetInt64(); c < term.GetProperty("range").GetProperty("end").GetInt64(); c++)
                result.Write(chunks[(term.GetProperty("hash").GetString()!, c)]);
            Assert.Equal(term.GetProperty("unpacked_length").GetInt64(), result.Length - before);
        }
        var offset = plan.GetProperty("offset_into_first_range").GetInt32();
        return to is null ? result.ToArray() : result.ToArray()[offset..(offset + to.Value - from)];
    }

    static async Task FetchAsync(string xorb, string url, long chunk, long first, long last, Dictionary<(string, long), byte[]> chunks)
    {
        using var anonymous = new HttpClient();
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Range = new RangeHeaderValue(first, last);
        var response = await anonymous.SendAsync(request);
        Assert.Equal(System.Net.HttpStatusCode.PartialContent, response.StatusCode);
        var stored = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(last - first + 1, stored.Length);
        var codec = new ChunkCodec();
        for (var at = 0; at < stored.Length;)
        {
            var header = ChunkHeader.Read(stored.AsSpan(at));
            var raw = new byte[header.Length];
            codec.Decompress(header, stored.AsSpan(at + ChunkHeader.Size, header.StoredLength), raw);
            chunks[(xorb, chunk++)] = raw;
            at += ChunkHeader.Size + header.StoredLength;
        }
    }
}
