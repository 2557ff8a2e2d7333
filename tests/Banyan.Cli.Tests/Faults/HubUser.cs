using System.Diagnostics;
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
        new(method, path) { Content = content, Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token), ConnectionClose = true } };

    async Task<JsonElement> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var response = await _client.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? (text.Length > 0 ? JsonDocument.Parse(text).RootElement : default)
            : throw new HttpRequestException($"{(int)response.StatusCode}: {text}", null, response.StatusCode);
    }

    public Task CreateRepoAsync(CancellationToken cancellationToken) =>
        SendAsync(Request(HttpMethod.Post, "/api/repos/create", JsonContent.Create(new { name = repo.Split('/')[1], type = "model" })), cancellationToken);

    /// <summary>Where a large file is to be sent, or null where the hub has it.</summary>
    async Task<string?> UploadAddressAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        var batch = await SendAsync(
            Request(HttpMethod.Post, $"/{repo}.git/info/lfs/objects/batch", JsonContent.Create(new
            {
                operation = "upload",
                transfers = new[] { "basic" },
                hash_algo = "sha256",
                objects = new[] { new { oid = Oid(bytes), size = bytes.Length } },
            })), cancellationToken);
        return batch.GetProperty("objects")[0].TryGetProperty("actions", out var actions) ? actions.GetProperty("upload").GetProperty("href").GetString() : null;
    }

    public async Task UploadAsync(Road road, byte[] bytes, CancellationToken cancellationToken)
    {
        if (road == Road.Xet)
        {
            await (await XetWire.OpenAsync(_client, repo, token)).UploadAsync(CutFile.Of(bytes)).WaitAsync(cancellationToken);
            return;
        }
        if (await UploadAddressAsync(bytes, cancellationToken) is { } href)
            await SendAsync(new HttpRequestMessage(HttpMethod.Put, href) { Content = new ByteArrayContent(bytes), Headers = { ConnectionClose = true } }, cancellationToken);
    }

    /// <summary>Uploads with a process of its own that is killed after a while; done or not, the file is not committed.</summary>
    public async Task UploadByDoomedProcessAsync(byte[] bytes, string file, TimeSpan life, CancellationToken cancellationToken)
    {
        if (await UploadAddressAsync(bytes, cancellationToken) is not { } href)
            return;
        await File.WriteAllBytesAsync(file, bytes, cancellationToken);
        using var curl = Process.Start(new ProcessStartInfo("curl", ["-sS", "--limit-rate", "4M", "-T", file, href]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
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
    public async Task<string> CommitAsync(string summary, IEnumerable<(string Key, object Value)> lines, CancellationToken cancellationToken)
    {
        var body = new StringBuilder();
        foreach (var (key, value) in lines.Prepend(("header", new { summary, description = "" })))
            body.Append(JsonSerializer.Serialize(new { key, value })).Append('\n');
        var made = await SendAsync(Request(HttpMethod.Post, $"/api/models/{repo}/commit/main", new StringContent(body.ToString(), Encoding.UTF8, "application/x-ndjson")), cancellationToken);
        return made.GetProperty("commitOid").GetString()!;
    }

    /// <summary>The files of the branch: path, and SHA-256 where it is large or git's id where it is small.</summary>
    public async Task<Dictionary<string, string>> ListAsync(CancellationToken cancellationToken)
    {
        var tree = await SendAsync(Request(HttpMethod.Get, $"/api/models/{repo}/tree/main?recursive=true"), cancellationToken);
        return tree.EnumerateArray().Where(e => e.GetProperty("type").GetString() == "file" && e.GetProperty("path").GetString() != ".gitattributes")
            .ToDictionary(e => e.GetProperty("path").GetString()!, e => e.TryGetProperty("lfs", out var lfs) ? lfs.GetProperty("oid").GetString()! : e.GetProperty("oid").GetString()!);
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
    public static string GitId(byte[] bytes) => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]));
#pragma warning restore CA5350

    public void Dispose() => _client.Dispose();
}
