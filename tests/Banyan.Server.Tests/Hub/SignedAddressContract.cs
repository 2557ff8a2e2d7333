using System.Net;
using System.Net.Http.Json;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Storage;
using Banyan.Server.Tests.Support;
using Banyan.Server.Tests.Xet;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class SignedAddressTests(LocalHub hub) : SignedAddressContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterSignedAddressTests(ClusterHub hub) : SignedAddressContract(hub), IClassFixture<ClusterHub>;

/// <summary>
/// Addresses that carry their own right, and the Xet protocol's tokens, end with the right of whoever they were given to.
/// </summary>
public abstract class SignedAddressContract(HubKind kind) : HubContract(kind, "signed")
{
    sealed record Given(string Token, string Repo, string Download, string Upload, string Part, string Complete, string Verify,
        XetWire Read, XetWire Write, string? Fetch);

    async Task<string> HrefAsync(string repo, string? token, string operation, byte[] bytes, string action, string? header = null,
        string transfer = "basic")
    {
        var batch = await Hub.PostJsonAsync(
            $"/{repo}.git/info/lfs/objects/batch",
            new
            {
                operation,
                transfers = new[] { transfer },
                objects = new[] { new { oid = HubServer.Sha256(bytes), size = bytes.Length } }
            }, token);
        var given = batch.GetProperty("objects")[0].GetProperty("actions").GetProperty(action);
        return (header is null ? given.GetProperty("href") : given.GetProperty("header").GetProperty(header)).GetString()!;
    }

    static readonly byte[] s_new = CutFile.Random(5000, 1), s_long = new byte[(8 << 20) + 10];
    static readonly CutFile s_file = CutFile.Of(CutFile.Random(50_000, 2));

    async Task<Given> GiveAsync(string repo, string token)
    {
        await Hub.UploadAsync(repo, s_file.Bytes);
        var (read, write) = (await XetWire.OpenAsync(Hub.Client, repo, token, write: false),
            await XetWire.OpenAsync(Hub.Client, repo, token));
        var plan = await HubServer.JsonOf(await read.SendAsync(HttpMethod.Get, $"/v1/reconstructions/{s_file.File.Hash}"));
        var fetch = plan.GetProperty("fetch_info").EnumerateObject().First().Value[0].GetProperty("url").GetString()!;
        return new(
            token, repo, await HrefAsync(repo, token, "download", s_file.Bytes, "download"),
            await HrefAsync(repo, token, "upload", s_new, "upload"),
            await HrefAsync(repo, token, "upload", s_long, "upload", "00002", "multipart"),
            await HrefAsync(repo, token, "upload", s_long, "upload", transfer: "multipart"),
            await HrefAsync(repo, token, "upload", s_new, "verify"), read, write,
            fetch.Contains("/v1/fetch/", StringComparison.Ordinal) ? fetch : null);   // S3 signs its own, which are its to keep
    }

    async Task<string> StatusesAsync(Given given)
    {
        var list = new List<int>();
        async Task Of(Task<HttpResponseMessage> answer) => list.Add((int)(await answer).StatusCode);
        await Of(Hub.SendAsync(HttpMethod.Get, given.Download));
        await Of(Hub.SendAsync(HttpMethod.Head, given.Download));
        await Of(given.Read.SendAsync(HttpMethod.Get, $"/v2/reconstructions/{s_file.File.Hash}"));
        await Of(Hub.SendAsync(HttpMethod.Get, given.Fetch ?? given.Download));
        await Of(Hub.SendAsync(HttpMethod.Put, given.Upload, content: new ByteArrayContent(s_new)));
        await Of(Hub.SendAsync(HttpMethod.Put, given.Part, content: new ByteArrayContent(s_long[(8 << 20)..])));
        await Of(Hub.PostAsync(given.Complete, new { oid = HubServer.Sha256(s_long), parts = Array.Empty<int>() }));
        await Of(Hub.SendAsync(HttpMethod.Post, given.Verify,
            content: JsonContent.Create(new { oid = HubServer.Sha256(s_new), size = s_new.Length })));
        await Of(given.Write.PostXorbAsync(s_file));
        await Of(given.Write.PostShardAsync(s_file.ShardBytes()));
        await Of(given.Write.SendAsync(HttpMethod.Head, $"/v1/xorbs/default/{s_file.Xorb.Hash}"));
        return string.Join(' ', list.Select(s => s == 206 ? 200 : s));
    }

    const string All = "200 200 200 200 200 200 400 200 200 200 200", None = "403 403 403 403 403 403 403 403 403 403 403";

    [Theory]
    [InlineData("suspended", None)]
    [InlineData("removed", None)]
    [InlineData("no member", None)]
    [InlineData("token revoked", None)]
    [InlineData("repository deleted", None)]
    [InlineData("repository moved", All)]
    [InlineData("keys rotated", "403 403 401 403 403 403 403 403 401 401 401")]
    [InlineData("only read", "200 200 200 200 503 503 503 200 503 503 200")]
    [InlineData("reader", All)]   // who reads may propose
    public async Task They_end_with_the_right(string how, string expected)
    {
        var dan = await Hub.AddUserAsync("dan");
        await Hub.Accounts.SetMemberAsync("acme", "dan", Right.Write, default);
        var repo = await Hub.CreateRepoAsync("shared", isPrivate: true, organization: "acme");
        var given = await GiveAsync(repo, dan);
        Assert.Equal(All, await StatusesAsync(given));
        switch (how)
        {
            case "suspended":
                await Hub.Accounts.SuspendAsync("dan", true, default);
                break;
            case "removed":
                await Hub.Accounts.RemoveAsync("user", "dan", default);
                break;
            case "no member":
                await Hub.Accounts.RemoveMemberAsync("acme", "dan", default);
                break;
            case "token revoked":
                await Hub.Accounts.RevokeTokenAsync((await Hub.Accounts.TokensAsync("dan", default)).Single().Id, default);
                break;
            case "repository deleted":
                await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", Hub.Ana,
                    JsonContent.Create(new { name = "shared", organization = "acme" })));
                break;
            case "repository moved":
                await HubServer.JsonOf(await Hub.PostAsync("/api/repos/move", new { fromRepo = repo, toRepo = "acme/elsewhere" }, Hub.Ana));
                break;
            case "keys rotated":
                await Hub.Server.Services.GetRequiredService<Secrets>().RotateAsync(default);
                break;
            case "only read":
                await Hub.Server.Services.GetRequiredService<HubMode>().SetMaintenanceAsync("for a test", default);
                break;
            default:
                await Hub.Accounts.SetMemberAsync("acme", "dan", Right.Read, default);
                break;
        }
        Assert.Equal(expected, await StatusesAsync(given));
        if (how == "suspended")
        {
            await Hub.Accounts.SuspendAsync("dan", false, default);
            Assert.Equal(All, await StatusesAsync(given));
        }
    }

    [Fact]
    public async Task Of_nobody_they_end_when_the_repository_becomes_private()
    {
        var repo = await Hub.CreateRepoAsync("open");
        await Hub.UploadAsync(repo, s_file.Bytes);
        var download = await HrefAsync(repo, null, "download", s_file.Bytes, "download");
        Assert.Equal(HttpStatusCode.OK, (await Hub.GetAsync(download)).StatusCode);
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Put, $"/api/models/{repo}/settings", Hub.Ana,
            JsonContent.Create(new { @private = true })));
        Assert.Contains("may not", await HubServer.AssertErrorAsync(await Hub.GetAsync(download), HttpStatusCode.Forbidden));
    }
}
