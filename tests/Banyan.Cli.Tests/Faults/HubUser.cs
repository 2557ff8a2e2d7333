using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Banyan.Server.Tests.Xet;

namespace Banyan.Cli.Tests.Faults;

/// <summary>A client that uploads by git-lfs's protocol or Xet's, commits, lists and reads, as Hugging Face's clients do it.</summary>
sealed class HubUser(string address, string token, string repo) : IDisposable
{
    readonly HttpClient _client = new() { BaseAddress = new(address), Timeout = TimeSpan.FromMinutes(10) };

    HttpRequestMessage Request(HttpMethod method, string path, HttpContent? content = null) =>
        new(method, path)
        {
            Content = content,
            Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token), ConnectionClose = true }
        };

    async Task<JsonElement> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var response = await _client.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? (text.Length > 0 ? JsonDocument.Parse(text).RootElement : default)
            : throw new HttpRequestException($"{(int)response.StatusCode}: {text}", null, response.StatusCode);
    }

    public Task CreateRepoAsync(CancellationToken cancellationToken) =>
        SendAsync(Request(HttpMethod.Post, "/api/repos/create", JsonContent.Create(new { name = repo.Split('/')[1], type = "model" })),
            cancellationToken);

    /// <summary>Where a large file is to be sent, or null where the hub has it.</summary>
    async Task<JsonElement?> UploadActionAsync(byte[] bytes, string transfer, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Post, $"/{repo}.git/info/lfs/objects/batch", JsonContent.Create(new
        {
            operation = "upload",
            transfers = new[] { transfer },
            hash_algo = "sha256",
            // Beside one that is large enough git-lfs's agents send small files in parts too; that one never comes.
            objects = new[] { new { oid = Oid(bytes), size = bytes.Length },
                new { oid = Oid([.. bytes, 0]), size = 16 << 20 } }[..(transfer == "multipart" ? 2 : 1)],
        }));
        if (transfer == "multipart")
            request.Headers.TryAddWithoutValidation("User-Agent", "git-lfs/3.6.0");
        var answer = (await SendAsync(request, cancellationToken)).GetProperty("objects")[0];
        // As git-lfs does: an object is refused within an answer that is 200.
        if (answer.TryGetProperty("error", out var error))
            throw new HttpRequestException($"{error}", null, (HttpStatusCode)error.GetProperty("code").GetInt32());
        return answer.TryGetProperty("actions", out var actions) ? actions.GetProperty("upload") : null;
    }

    async Task<string?> UploadAddressAsync(byte[] bytes, CancellationToken cancellationToken) =>
        await UploadActionAsync(bytes, "basic", cancellationToken) is { } upload ? upload.GetProperty("href").GetString() : null;

    async Task UploadInPartsAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        if (await UploadActionAsync(bytes, "multipart", cancellationToken) is not { } upload)
            return;
        var header = upload.GetProperty("header");
        var length = int.Parse(header.GetProperty("chunk_size").GetString()!, CultureInfo.InvariantCulture);
        var parts = new List<object>();
        for (var number = 1; (number - 1) * length < bytes.Length; number++)
        {
            var part = bytes[((number - 1) * length)..Math.Min(bytes.Length, number * length)];
            using var answer = await _client.SendAsync(
                new HttpRequestMessage(HttpMethod.Put, header.GetProperty($"{number:D5}")
                    .GetString())
                { Content = new ByteArrayContent(part), Headers = { ConnectionClose = true } }, cancellationToken);
            answer.EnsureSuccessStatusCode();
            parts.Add(new { partNumber = number, etag = answer.Headers.ETag!.Tag });
        }
        await SendAsync(Request(HttpMethod.Post, upload.GetProperty("href").GetString()!,
            JsonContent.Create(new { oid = Oid(bytes), parts })), cancellationToken);
    }

    public async Task UploadAsync(Road road, byte[] bytes, CancellationToken cancellationToken)
    {
        if (road == Road.Xet)
        {
            await (await XetWire.OpenAsync(_client, repo, token)).UploadAsync(CutFile.Of(bytes)).WaitAsync(cancellationToken);
            return;
        }
        if (road == Road.Parts)
        {
            await UploadInPartsAsync(bytes, cancellationToken);
            return;
        }
        if (await UploadAddressAsync(bytes, cancellationToken) is { } href)
            await SendAsync(new HttpRequestMessage(HttpMethod.Put, href)
            {
                Content = new ByteArrayContent(bytes),
                Headers = { ConnectionClose = true }
            }, cancellationToken);
    }

    /// <summary>Uploads with a process of its own that is killed after a while; done or not, the file is not committed.</summary>
    public async Task UploadByDoomedProcessAsync(byte[] bytes, string file, TimeSpan life, CancellationToken cancellationToken)
    {
        if (await UploadAddressAsync(bytes, cancellationToken) is not { } href)
            return;
        await File.WriteAllBytesAsync(file, bytes, cancellationToken);
        using var curl =
            Process.Start(new ProcessStartInfo("curl", ["-sS", "--limit-rate", "4M", "-T", file, href])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true
            })!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(life);
        try
        {
            await curl.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            HubProcess.Signal(curl.Id);
            await curl.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <summary>Commits; returns the commit's id.</summary>
    public async Task<string> CommitAsync(string summary, IEnumerable<(string Key, object Value)> lines,
        CancellationToken cancellationToken) =>
        (await CommitAsync("main", summary, lines, cancellationToken)).GetProperty("commitOid").GetString()!;

    /// <summary>Makes a pull request; returns its number.</summary>
    public async Task<int> ProposeAsync(string summary, IEnumerable<(string Key, object Value)> lines, CancellationToken cancellationToken)
    {
        var url = (await CommitAsync("main?create_pr=1", summary, lines, cancellationToken)).GetProperty("pullRequestUrl").GetString()!;
        return int.Parse(url[(url.LastIndexOf('/') + 1)..], CultureInfo.InvariantCulture);
    }

    public Task MergeAsync(int number, CancellationToken cancellationToken) =>
        SendAsync(Request(HttpMethod.Post, $"/api/models/{repo}/discussions/{number}/merge"), cancellationToken);

    /// <summary>Lets nobody read the files whom the owner did not let in.</summary>
    public Task GateAsync(CancellationToken cancellationToken) =>
        SendAsync(Request(HttpMethod.Put, $"/api/models/{repo}/settings", JsonContent.Create(new { gated = "manual" })), cancellationToken);

    public Task AskAccessAsync(CancellationToken cancellationToken) =>
        SendAsync(Request(HttpMethod.Post, $"/{repo}/ask-access"), cancellationToken);

    public Task AnswerAsync(string user, bool accepted, CancellationToken cancellationToken) =>
        SendAsync(Request(HttpMethod.Post, $"/api/models/{repo}/user-access-request/handle",
            JsonContent.Create(new { user, status = accepted ? "accepted" : "rejected" })), cancellationToken);

    /// <summary>With what status each way to the files is answered: by name, by git-lfs's protocol, by Xet's.</summary>
    public async Task<HttpStatusCode[]> KnockAsync(CancellationToken cancellationToken)
    {
        HttpRequestMessage[] ways =
        [
            Request(HttpMethod.Get, $"/{repo}/resolve/main/.gitattributes"),
            Request(HttpMethod.Post, $"/{repo}.git/info/lfs/objects/batch",
                JsonContent.Create(new { operation = "download", objects = new[] { new { oid = new string('0', 64), size = 1 } } })),
            Request(HttpMethod.Get, $"/api/models/{repo}/xet-read-token/main"),
        ];
        var answers = new List<HttpStatusCode>();
        foreach (var way in ways)
            using (var answer = await _client.SendAsync(way, cancellationToken))
                answers.Add(answer.StatusCode);
        return [.. answers];
    }

    /// <summary>The branch's commit: as the repository tells it, and as the list of its owner's repositories does.</summary>
    public async Task<(string? Told, string? Listed)> HeadAsync(CancellationToken cancellationToken)
    {
        var told = await SendAsync(Request(HttpMethod.Get, $"/api/models/{repo}"), cancellationToken);
        var listed = await SendAsync(Request(HttpMethod.Get, $"/api/models?author={repo.Split('/')[0]}&full=true"), cancellationToken);
        return (told.GetProperty("sha").GetString(), listed.EnumerateArray().Where(r => r.GetProperty("id").GetString() == repo)
            .Select(r => r.GetProperty("sha").GetString()).SingleOrDefault());
    }

    async Task<JsonElement> CommitAsync(string revision, string summary, IEnumerable<(string Key, object Value)> lines,
        CancellationToken cancellationToken)
    {
        var body = new StringBuilder();
        foreach (var (key, value) in lines.Prepend(("header", new { summary, description = "" })))
            body.Append(JsonSerializer.Serialize(new { key, value })).Append('\n');
        return await SendAsync(Request(HttpMethod.Post, $"/api/models/{repo}/commit/{revision}",
            new StringContent(body.ToString(), Encoding.UTF8, "application/x-ndjson")), cancellationToken);
    }

    /// <summary>The files of a revision: path, and SHA-256 where it is large or git's id where it is small.</summary>
    public async Task<Dictionary<string, string>> ListAsync(CancellationToken cancellationToken, string revision = "main")
    {
        var tree =
            await SendAsync(Request(HttpMethod.Get, $"/api/models/{repo}/tree/{Uri.EscapeDataString(revision)}?recursive=true"),
                cancellationToken);
        return tree.EnumerateArray()
            .Where(e => e.GetProperty("type").GetString() == "file" && e.GetProperty("path").GetString() != ".gitattributes")
            .ToDictionary(e => e.GetProperty("path").GetString()!,
                e => e.TryGetProperty("lfs", out var lfs) ? lfs.GetProperty("oid").GetString()! : e.GetProperty("oid").GetString()!);
    }

    public async Task<byte[]> ReadAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await _client.SendAsync(Request(HttpMethod.Get, $"/{repo}/resolve/main/{path}"), cancellationToken);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    /// <summary>Reads a large file by its Xet hash, as chunks.</summary>
    public async Task<byte[]> ReadByXetAsync(byte[] bytes, int version) =>
        await (await XetWire.OpenAsync(_client, repo, token, write: false)).DownloadAsync(CutFile.Of(bytes).File.Hash, version);

    public static string Oid(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>git's id of a blob.</summary>
#pragma warning disable CA5350 // git's names
    public static string GitId(byte[] bytes) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]));
#pragma warning restore CA5350

    public void Dispose() => _client.Dispose();
}
