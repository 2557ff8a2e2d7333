using System.Net.Http.Headers;
using System.Text.Json;
using Banyan.Chunks;

namespace Banyan.Server.Tests.Xet;

/// <summary>Speaks the Xet protocol as its clients do.</summary>
sealed class XetWire(HttpClient client, string repo, string token)
{
    public string Cas { get; private set; } = "";
    public string AccessToken { get; private set; } = "";

    public static async Task<XetWire> OpenAsync(HttpClient client, string repo, string token, bool write = true, string type = "models")
    {
        var wire = new XetWire(client, repo, token);
        await wire.RenewAsync(type, write);
        return wire;
    }

    async Task RenewAsync(string type, bool write)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/{type}/{repo}/xet-{(write ? "write" : "read")}-token/None");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var answer = await JsonOf(await client.SendAsync(request));
        (Cas, AccessToken) = (answer.GetProperty("casUrl").GetString()!, answer.GetProperty("accessToken").GetString()!);
    }

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body = null, string? range = null)
    {
        var request = new HttpRequestMessage(method, Cas + path) { Content = body is null ? null : new ByteArrayContent(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", AccessToken);
        if (range is not null)
            request.Headers.Range = RangeHeaderValue.Parse(range);
        return client.SendAsync(request);
    }

    public Task<HttpResponseMessage> PostXorbAsync(CutFile file, string path = "/v1/xorbs/default") =>
        SendAsync(HttpMethod.Post, $"{path}/{file.Xorb.Hash}", file.XorbBytes);

    public Task<HttpResponseMessage> PostShardAsync(byte[] shard, string path = "/v2/shards") => SendAsync(HttpMethod.Post, path, shard);

    public async Task UploadAsync(CutFile file)
    {
        await JsonOf(await PostXorbAsync(file));
        var end = (await FramesAsync(await PostShardAsync(file.ShardBytes())))[^1];
        if (end.GetProperty("type").GetString() != "result")
            throw new HttpRequestException($"the shard was not taken: {end}");
    }

    public static async Task<List<JsonElement>> FramesAsync(HttpResponseMessage response)
    {
        var text = await TextOf(response);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }

    static async Task<string> TextOf(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? text
            : throw new HttpRequestException($"{(int)response.StatusCode}: {text}", null, response.StatusCode);
    }

    static async Task<JsonElement> JsonOf(HttpResponseMessage response) => JsonDocument.Parse(await TextOf(response)).RootElement;

    /// <summary>Fetches a file or a range of it by what version 1 or 2 of the reconstruction says.</summary>
    public async Task<byte[]> DownloadAsync(XetHash file, int version, int from = 0, int? to = null)
    {
        var plan =
            await JsonOf(await SendAsync(HttpMethod.Get, $"/v{version}/reconstructions/{file}",
                range: to is null ? null : $"bytes={from}-{to - 1}"));
        var chunks = new Dictionary<(string Xorb, long Chunk), byte[]>();
        foreach (var xorb in plan.GetProperty(version == 1 ? "fetch_info" : "xorbs").EnumerateObject())
            foreach (var fetch in xorb.Value.EnumerateArray())
            {
                var range = version == 1 ? fetch : Assert.Single(fetch.GetProperty("ranges").EnumerateArray());
                var bytes = range.GetProperty(version == 1 ? "url_range" : "bytes");
                await FetchAsync(
                    xorb.Name, fetch.GetProperty("url").GetString()!,
                    range.GetProperty(version == 1 ? "range" : "chunks").GetProperty("start").GetInt64(),
                    bytes.GetProperty("start").GetInt64(), bytes.GetProperty("end").GetInt64(), chunks);
            }
        var result = new MemoryStream();
        foreach (var term in plan.GetProperty("terms").EnumerateArray())
        {
            var before = result.Length;
            for (var c = term.GetProperty("range").GetProperty("start").GetInt64(); c < term.GetProperty("range")
                .GetProperty("end").GetInt64(); c++)
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
        var response = (await anonymous.SendAsync(request)).EnsureSuccessStatusCode();
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
