using System.Text.Json;
using Banyan.Client.Hub;
using Banyan.Client.Transfers;
using Banyan.Client.Wire;

namespace Banyan.Client.Push;

/// <summary>Uploads whole files if the hub accepts no chunks: in one piece (basic) or in the parts that it requests (multipart).</summary>
static class LfsUpload
{
    static readonly TimeSpan s_answer = TimeSpan.FromSeconds(60);
    static readonly Dictionary<string, string> s_none = [];

    public static async Task RunAsync(HubClient hub, ScannedFile file, IReadOnlyDictionary<string, LfsAction> actions, int parallel,
        Action<long> count, CancellationToken cancellationToken)
    {
        var upload = actions.GetValueOrDefault("upload")
            ?? throw new HubClientException(HubProblem.WrongAnswer, $"{file.File.Path}: the hub does not say where to send it");
        var header = upload.Header ?? s_none;
        if (header.TryGetValue("chunk_size", out var size) && long.TryParse(size, out var partBytes) && partBytes > 0)
            await MultipartAsync(hub, file, upload, header, partBytes, parallel, count, cancellationToken);
        else
            (await PutAsync(hub, file, upload.Href, header, 0, file.File.Size, count, cancellationToken)).Dispose();
        if (actions.TryGetValue("verify", out var verify))
        {
            using var answer =
                await hub.SendAsync(() => Json(hub.At(verify.Href),
                    JsonSerializer.SerializeToUtf8Bytes(new LfsObject(file.Sha256, file.File.Size), LfsJson.Default.LfsObject),
                    verify.Header), s_answer, cancellationToken);
            await hub.EnsureAsync(answer, file.File.Path, cancellationToken);
        }
    }

    static async Task MultipartAsync(
        HubClient hub, ScannedFile file, LfsAction upload, IReadOnlyDictionary<string, string> header, long partBytes, int parallel,
        Action<long> count, CancellationToken cancellationToken)
    {
        var urls = header.Where(h => h.Key.All(char.IsAsciiDigit)).OrderBy(h => int.Parse(h.Key, null)).Select(h => h.Value).ToArray();
        if (urls.Length != (file.File.Size + partBytes - 1) / partBytes)
            throw new HubClientException(HubProblem.WrongAnswer,
                $"{file.File.Path}: the hub wants {file.File.Size} bytes in {urls.Length} parts of {partBytes}");
        var etags = new string[urls.Length];
        await Parallel.ForAsync(0, urls.Length,
            new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellationToken }, async (i, token) =>
        {
            using var answer = await PutAsync(hub, file, urls[i], s_none, i * partBytes,
                Math.Min(partBytes, file.File.Size - i * partBytes), count, token);
            etags[i] = answer.Headers.TryGetValues("ETag", out var values)
                ? values.First()
                : throw new HubClientException(HubProblem.WrongAnswer, $"{file.File.Path}: part {i + 1} was taken without an ETag");
        });
        var done = new CompleteRequest(file.Sha256, [.. etags.Select((e, i) => new CompletePart(i + 1, e))]);
        using var completed = await hub.SendAsync(
            () => Json(hub.At(upload.Href), JsonSerializer.SerializeToUtf8Bytes(done, LfsJson.Default.CompleteRequest), null),
            TimeSpan.FromMinutes(15), cancellationToken);
        await hub.EnsureAsync(completed, file.File.Path, cancellationToken);
    }

    static async Task<HttpResponseMessage> PutAsync(
        HubClient hub, ScannedFile file, string url, IReadOnlyDictionary<string, string> header, long offset, long length,
        Action<long> count, CancellationToken cancellationToken)
    {
        var counted = 0L;
        var answer = await hub.SendAsync(() =>
        {
            count(-Interlocked.Exchange(ref counted, 0));   // a try that failed
            var request = HubClient.Signed(HttpMethod.Put, hub.At(url));
            request.Content = new FilePart(file.File.LocalPath, offset, length, sent =>
            {
                Interlocked.Add(ref counted, sent);
                count(sent);
            });
            foreach (var (name, value) in header)
                if (!request.Headers.TryAddWithoutValidation(name, value))
                    request.Content.Headers.TryAddWithoutValidation(name, value);
            return request;
        }, Timeout.InfiniteTimeSpan, cancellationToken);
        await hub.EnsureAsync(answer, file.File.Path, cancellationToken);
        return answer;
    }

    static HttpRequestMessage Json(Uri uri, byte[] body, IReadOnlyDictionary<string, string>? header)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new(LfsJson.ContentType);
        request.Headers.TryAddWithoutValidation("Accept", LfsJson.ContentType);
        foreach (var (name, value) in header ?? s_none)
            request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }
}
