using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Banyan.Client;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Content;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Support;

/// <summary>A real hub on a free loopback port, its data in a temporary folder, with two users, an organization and their tokens.</summary>
sealed class HubServer : IAsyncDisposable
{
    readonly string _folder;

    HubServer(TestServer server, string folder, bool owns)
    {
        (Server, _folder) = (server, owns ? folder : "");
    }

    public TestServer Server { get; }
    public HttpClient Client => Server.Client;
    public string Address => Server.Address;
    public AccountStore Accounts => Server.Services.GetRequiredService<AccountStore>();

    /// <summary>ana's token with the role write; she is admin of acme.</summary>
    public string Ana { get; private set; } = "";

    /// <summary>A user who is nothing to ana.</summary>
    public string Ben { get; private set; } = "";

    /// <param name="database">A PostgreSQL connection string, or null for SQLite.</param>
    /// <param name="folder">A data folder that outlives the server, or null.</param>
    /// <param name="change">Changes the hub's options.</param>
    /// <param name="allowedOrigin">A site whose pages may use it, or null.</param>
    public static async Task<HubServer> StartAsync(string? database = null, string? folder = null,
        Func<HubOptions, HubOptions>? change = null, string? allowedOrigin = null)
    {
        var data = folder ?? Directory.CreateTempSubdirectory("banyan-hub-").FullName;
        var options = new HubOptions { DataFolder = data, Database = database };
        options = change?.Invoke(options) ?? options;
        var hub =
            new HubServer(
                await TestServer.StartAsync(o =>
                    o with { Hub = options, Inference = new(), AllowedOrigins = allowedOrigin is null ? [] : [allowedOrigin] }), data,
                    folder is null);
        if (await hub.Accounts.FindAsync("ana", default) is null)
        {
            hub.Ana = await hub.AddUserAsync("ana");
            hub.Ben = await hub.AddUserAsync("ben");
            await hub.Accounts.AddAsync("org", "acme", "Acme", null, default);
            await hub.Accounts.SetMemberAsync("acme", "ana", Right.Admin, default);
        }
        return hub;
    }

    public async Task<string> AddUserAsync(string name, TokenRole role = TokenRole.Write)
    {
        await Accounts.AddAsync("user", name, null, $"{name}@example.org", default);
        return await Accounts.AddTokenAsync(name, "test", role, null, null, default);
    }

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token = null, HttpContent? content = null,
        params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return Client.SendAsync(request, HttpCompletionOption.ResponseContentRead);
    }

    public Task<HttpResponseMessage> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, token);

    public Task<HttpResponseMessage> PostAsync(string path, object body, string? token = null) =>
        SendAsync(HttpMethod.Post, path, token, JsonContent.Create(body));

    public async Task<JsonElement> GetJsonAsync(string path, string? token = null) => await JsonOf(await GetAsync(path, token));

    public async Task<JsonElement> PostJsonAsync(string path, object body, string? token = null) =>
        await JsonOf(await PostAsync(path, body, token));

    /// <summary>Makes a repository and returns its name.</summary>
    public async Task<string> CreateRepoAsync(string name, string type = "model", bool isPrivate = false, string? token = null,
        string? organization = null)
    {
        var made = await PostJsonAsync("/api/repos/create",
            new { name, organization, type, @private = isPrivate, sdk = type == "space" ? "static" : null }, token ?? Ana);
        return made.GetProperty("name").GetString()!;
    }

    /// <summary>Commits lines of <c>{key, value}</c> under a header.</summary>
    public Task<HttpResponseMessage> CommitAsync(string repo, string? token, string summary, string? parent,
        params (string Key, object Value)[] lines)
    {
        var body = new StringBuilder();
        foreach (var (key, value) in lines.Prepend(("header", new { summary, description = "", parentCommit = parent })))
            body.Append(JsonSerializer.Serialize(new { key, value })).Append('\n');
        return SendAsync(HttpMethod.Post, $"/api/{Api(repo)}/commit/main", token,
            new StringContent(body.ToString(), Encoding.UTF8, "application/x-ndjson"));
    }

    /// <summary>Commits small files and returns the commit's id.</summary>
    public async Task<string> CommitFilesAsync(string repo, string? token, params (string Path, string Text)[] files) =>
        (await JsonOf(await CommitAsync(repo, token, "files", null, [.. files.Select(f => File(f.Path, f.Text))]))).GetProperty("commitOid")
        .GetString()!;

    public static (string, object) File(string path, string text) =>
        ("file", new { path, encoding = "base64", content = Convert.ToBase64String(Encoding.UTF8.GetBytes(text)) });

    public static (string, object) Large(string path, byte[] bytes) =>
        ("lfsFile", new { path, algo = "sha256", oid = Sha256(bytes), size = bytes.Length });

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Takes a large file in as an upload to the repository does.</summary>
    public async Task UploadAsync(string repo, byte[] bytes)
    {
        var file = await Server.Services.GetRequiredService<ContentStore>()
            .IngestAsync(new MemoryStream(bytes), bytes.Length, new(SHA256.HashData(bytes)), default);
        var parts = repo.Split('/');
        var type = parts.Length == 2 ? RepoType.Model : parts[0] == "datasets" ? RepoType.Dataset : RepoType.Space;
        var found = await Server.Services.GetRequiredService<RepoStore>().FindAsync(type, string.Join('/', parts[^2..]), default);
        await Server.Services.GetRequiredService<HubDatabase>().WriteAsync(
            t => t.ExecuteAsync(
                "INSERT INTO repo_contents (repo_id, content_id, uploaded_at) VALUES (@repo, @content, 0) ON CONFLICT DO NOTHING",
                new { repo = found!.Id, content = file.Id }), default);
    }

    /// <summary>A value of the settings, as text; empty where there is none.</summary>
    public async Task<string> SettingAsync(string name) => Convert.ToHexStringLower(
        await Server.Services.GetRequiredService<HubDatabase>()
            .ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @name", new { name }), default) ?? []);

    /// <summary><c>models/ns/name</c> of <c>ns/name</c>.</summary>
    public static string Api(string repo) => repo.Split('/').Length == 2 ? $"models/{repo}" : repo;

    public static async Task<JsonElement> JsonOf(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Asserts an error as the clients read it: status, code, message in header and body.</summary>
    public static async Task<string> AssertErrorAsync(HttpResponseMessage response, HttpStatusCode status, string? code = null)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, $"{(int)response.StatusCode} instead of {(int)status}: {text}");
        Assert.Equal(code, response.Headers.TryGetValues("X-Error-Code", out var codes) ? codes.Single() : null);
        Assert.True(response.Headers.Contains("X-Request-Id"));
        var message = response.Headers.GetValues("X-Error-Message").Single();
        if (response.RequestMessage!.Method != HttpMethod.Head)
            Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return message;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (_folder.Length > 0)
            Directory.Delete(_folder, recursive: true);
    }
}
