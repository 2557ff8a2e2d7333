using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Banyan.Chunks;
using Banyan.Client.Hub;
using Banyan.Client.Wire;

namespace Banyan.Client.Xet;

/// <summary>The chunk store of a hub (the Xet API), for one repo and revision. Tokens are renewed before they expire.</summary>
sealed class CasClient(HubClient hub, RepoId repo, string revision, bool write) : IDisposable
{
    static readonly TimeSpan s_answer = TimeSpan.FromSeconds(60), s_uploadAnswer = TimeSpan.FromMinutes(15), s_spare =
        TimeSpan.FromSeconds(30);

    readonly SemaphoreSlim _renewing = new(1);
    XetToken? _token;
    bool _onlyV1;

    async Task<XetToken> TokenAsync(bool renew, CancellationToken cancellationToken)
    {
        await _renewing.WaitAsync(cancellationToken);
        try
        {
            if (_token is { } valid && !renew && DateTimeOffset.FromUnixTimeSeconds(valid.Expires) - s_spare > DateTimeOffset.UtcNow)
                return valid;
            var path = $"{repo.Api}/xet-{(write ? "write" : "read")}-token/{Uri.EscapeDataString(revision)}";
            var token = await hub.JsonAsync(() => new HttpRequestMessage(HttpMethod.Get, hub.At(path)), XetJson.Default.XetToken,
                $"{repo}", cancellationToken);
            if (!Uri.TryCreate(token.CasUrl, UriKind.Absolute, out var cas) || cas.Scheme is not ("http" or "https")
                || string.IsNullOrEmpty(token.AccessToken))
                throw new HubClientException(HubProblem.WrongAnswer, $"the hub says that its chunks are at '{token.CasUrl}'");
            return _token = token;
        }
        finally
        {
            _renewing.Release();
        }
    }

    async Task<HttpResponseMessage> SendAsync(Func<Uri, HttpRequestMessage> request, string path, TimeSpan within,
        CancellationToken cancellationToken)
    {
        for (var renew = false; ; renew = true)
        {
            var token = await TokenAsync(renew, cancellationToken);
            var answer = await hub.SendAsync(() =>
            {
                var message = request(new Uri($"{token.CasUrl.TrimEnd('/')}/{path}"));
                message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.AccessToken);
                return message;
            }, within, cancellationToken);
            if (renew || answer.StatusCode != HttpStatusCode.Unauthorized)
                return answer;
            answer.Dispose();
        }
    }

    /// <summary>How bytes <paramref name="start"/> to <paramref name="end"/> (exclusive) of a file are assembled.</summary>
    public async Task<Reconstruction> ReconstructAsync(XetHash file, long start, long end, CancellationToken cancellationToken)
    {
        if (!_onlyV1)
        {
            var v2 = await ReconstructAsync("v2", file, start, end, XetJson.Default.ReconstructionV2, cancellationToken);
            // An address for several ranges answers only to all of them at once, in parts; the first version has one each.
            if (v2 is not null && v2.Xorbs.Values.All(x => x.All(f => f.Ranges.Count == 1)))
                return Reconstruction.Of(start, end, v2.Offset, v2.Terms, v2.Xorbs.SelectMany(x => x.Value.Select(
                    f => new FetchRange(Reconstruction.Hash(x.Key), f.Ranges[0].Chunks.Start, f.Ranges[0].Chunks.End, new Uri(f.Url),
                        f.Ranges[0].Bytes.Start, f.Ranges[0].Bytes.End))));
            _onlyV1 = true;
        }
        var v1 = await ReconstructAsync("v1", file, start, end, XetJson.Default.ReconstructionV1, cancellationToken)
            ?? throw new HubClientException(HubProblem.Refused, $"{repo}: the hub offers chunks but cannot say where they are");
        return Reconstruction.Of(start, end, v1.Offset, v1.Terms, v1.Fetches.SelectMany(x => x.Value.Select(
            f => new FetchRange(Reconstruction.Hash(x.Key), f.Chunks.Start, f.Chunks.End, new Uri(f.Url), f.Bytes.Start, f.Bytes.End))));
    }

    async Task<T?> ReconstructAsync<T>(string version, XetHash file, long start, long end, JsonTypeInfo<T> type,
        CancellationToken cancellationToken) where T : class
    {
        using var answer = await SendAsync(uri =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, uri);
            request.Headers.Range = new RangeHeaderValue(start, end - 1);
            return request;
        }, $"{version}/reconstructions/{file}", s_answer, cancellationToken);
        return version == "v2" && answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.NotImplemented
            ? null
            : await hub.JsonAsync(answer, type, $"{repo}", cancellationToken);
    }

    /// <summary>Asks whether the hub has a chunk; the answer also lists its neighbours, keyed. Null if it does not.</summary>
    public async Task<KeyedShard?> FindAsync(XetHash chunk, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(uri => new HttpRequestMessage(HttpMethod.Get, uri), $"v1/chunks/default/{chunk}",
            s_answer, cancellationToken);
        if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.NotImplemented)
            return null;
        await hub.EnsureAsync(answer, $"{repo}", cancellationToken);
        await answer.Content.LoadIntoBufferAsync(Shard.MaxLength, cancellationToken);
        var bytes = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
        try
        {
            return new KeyedShard(Shard.Read(bytes), Shard.KeyOf(bytes));
        }
        catch (InvalidDataException e)
        {
            throw new HubClientException(HubProblem.WrongAnswer, $"the hub's list of chunks cannot be read: {e.Message}", inner: e);
        }
    }

    /// <summary>Stores a xorb.</summary>
    public async Task PutXorbAsync(XetHash hash, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(uri => Post(uri, bytes), $"v1/xorbs/default/{hash}", s_uploadAnswer, cancellationToken);
        await hub.JsonAsync(answer, XetJson.Default.XorbAnswer, $"{repo}", cancellationToken);
    }

    /// <summary>Registers which chunks make which files; afterwards a commit can refer to them.</summary>
    public async Task PutShardAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var answer = await SendAsync(uri => Post(uri, bytes), "v2/shards", s_uploadAnswer, cancellationToken);
            if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.NotImplemented or HttpStatusCode.MethodNotAllowed)
            {
                using var older = await SendAsync(uri => Post(uri, bytes), "v1/shards", s_uploadAnswer, cancellationToken);
                await hub.EnsureAsync(older, $"{repo}", cancellationToken);
                return;
            }
            await hub.EnsureAsync(answer, $"{repo}", cancellationToken);
            var (frame, passing) = await LastFrameAsync(answer, cancellationToken);
            if (frame?.Type == "result")
                return;
            if (!passing || attempt >= hub.Options.Attempts)
                throw new HubClientException(HubProblem.Refused,
                    $"{repo}: the hub did not take the files' chunks: {frame?.Message ?? "it said nothing"}");
            await Task.Delay(Retry.Pause(attempt), cancellationToken);
        }
    }

    /// <summary>Reads lines until the one that ends the stream; a broken stream may be retried.</summary>
    static async Task<(ShardFrame? Frame, bool Passing)> LastFrameAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        try
        {
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
            while (await reader.ReadLineAsync(cancellationToken) is { } line)
                if (line.Length > 0 && JsonSerializer.Deserialize(line, XetJson.Default.ShardFrame) is { Type: "result" or "error" } last)
                    return (last, last.Retryable == true);
            return (null, true);
        }
        catch (Exception e) when (Retry.IsPassing(e, cancellationToken))
        {
            return (null, true);
        }
        catch (JsonException e)
        {
            throw new HubClientException(HubProblem.WrongAnswer, "the hub's answer to a shard is no JSON", answer.StatusCode, e);
        }
    }

    static HttpRequestMessage Post(Uri uri, ReadOnlyMemory<byte> bytes)
    {
        var content = new ReadOnlyMemoryContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return new HttpRequestMessage(HttpMethod.Post, uri) { Content = content };
    }

    public void Dispose() => _renewing.Dispose();
}

/// <summary>A hub's answer to a chunk query: xorbs whose chunk hashes are keyed, if there is a key.</summary>
sealed record KeyedShard(Shard Shard, byte[]? Key);
