using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Banyan.Server.Content;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Support;
using Banyan.Server.Tests.Xet;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Lfs;

public sealed class LfsTests(LocalHub hub) : LfsContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterLfsTests(ClusterHub hub) : LfsContract(hub), IClassFixture<ClusterHub>;

/// <summary>git-lfs's protocol as it and Hugging Face's clients speak it.</summary>
public abstract class LfsContract(HubKind kind) : HubContract(kind, "lfs")
{
    static string Oid(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    async Task<JsonElement> BatchAsync(string operation, string oid, long size, string[] transfers, string? token = null) =>
        await Hub.PostJsonAsync(
            $"/{Repo}.git/info/lfs/objects/batch",
            new
            {
                operation,
                transfers,
                hash_algo = "sha256",
                @ref = new { name = "refs/heads/main" },
                objects = new[] { new { oid, size } }
            },
            token ?? Hub.Ana);

    static JsonElement Action(JsonElement batch, string name) => batch.GetProperty("objects")[0].GetProperty("actions").GetProperty(name);

    static string Href(JsonElement action) => action.GetProperty("href").GetString()!;

    // As the clients do: no token goes with these.
    Task<HttpResponseMessage> PutAsync(string href, byte[] bytes) =>
        Hub.SendAsync(HttpMethod.Put, href, content: new ByteArrayContent(bytes));

    [Fact]
    public async Task An_object_goes_up_and_comes_down_whole_and_in_ranges()
    {
        var bytes = CutFile.Random(1_500_000, 1);
        var upload = await BatchAsync("upload", Oid(bytes), bytes.Length, ["basic"]);
        Assert.Equal("basic", upload.GetProperty("transfer").GetString());
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(Href(Action(upload, "upload")), bytes)).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await Hub.PostAsync(Href(Action(upload, "verify")), new { oid = Oid(bytes), size = bytes.Length }, Hub.Ana)).StatusCode);
        await HubServer.AssertErrorAsync(await Hub.PostAsync(Href(Action(upload, "verify")), new { oid = Oid([1]), size = 1 }, Hub.Ana),
            HttpStatusCode.NotFound);
        await HubServer.AssertErrorAsync(await Hub.PostAsync(Href(Action(upload, "verify")), new { oid = Oid(bytes), size = 1 }, Hub.Ana),
            HttpStatusCode.UnprocessableEntity);

        // It is there now.
        Assert.False(
            (await BatchAsync("upload", Oid(bytes), bytes.Length, ["basic"])).GetProperty("objects")[0].TryGetProperty("actions", out _));

        var href = Href(Action(await BatchAsync("download", Oid(bytes), bytes.Length, ["basic", "xet"]), "download"));
        var whole = await Hub.GetAsync(href);
        Assert.Equal(bytes, await whole.Content.ReadAsByteArrayAsync());
        Assert.Equal($"\"{Oid(bytes)}\"", whole.Headers.ETag!.Tag);
        foreach (var (range, from, to) in ((string, int, int)[])[("bytes=0-0", 0, 1), ("bytes=100-199999", 100, 200_000),
            ("bytes=1499999-", 1_499_999, 1_500_000), ("bytes=-10", 1_499_990, 1_500_000), ("bytes=5-99999999", 5, 1_500_000)])
        {
            var part = await Hub.SendAsync(HttpMethod.Get, href, headers: [("Range", range)]);
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal(bytes[from..to], await part.Content.ReadAsByteArrayAsync());
            Assert.Equal($"bytes {from}-{to - 1}/{bytes.Length}", part.Content.Headers.ContentRange!.ToString());
        }
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable,
            (await Hub.SendAsync(HttpMethod.Get, href, headers: [("Range", "bytes=1500000-")])).StatusCode);
        Assert.Equal(HttpStatusCode.NotModified,
            (await Hub.SendAsync(HttpMethod.Get, href, headers: [("If-None-Match", $"\"{Oid(bytes)}\"")])).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await Hub.SendAsync(HttpMethod.Get, href, headers: [("Range", "bytes=0-0"), ("If-Range", "\"other\"")])).StatusCode);
        var head = await Hub.SendAsync(HttpMethod.Head, href);
        Assert.Equal(bytes.Length, head.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task A_large_object_goes_up_in_parts_that_may_come_twice()
    {
        var bytes = CutFile.Random((16 << 20) + 1000, 2);
        var upload = Action(await BatchAsync("upload", Oid(bytes), bytes.Length, ["basic", "multipart"]), "upload");
        var header = upload.GetProperty("header");
        var size = int.Parse(header.GetProperty("chunk_size").GetString()!);
        Assert.Equal(["00001", "00002", "00003"], header.EnumerateObject().Select(p => p.Name).Where(n => n != "chunk_size"));

        async Task<string> Part(int number)
        {
            var answer = await PutAsync(header.GetProperty($"{number:D5}").GetString()!,
                bytes[((number - 1) * size)..Math.Min(bytes.Length, number * size)]);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return answer.Headers.ETag!.ToString();
        }
        string[] tags = [await Part(1), "", await Part(3)];
        var complete = new { oid = Oid(bytes), parts = tags.Select((etag, i) => new { partNumber = i + 1, etag }).ToArray() };
        Assert.Contains("Part 2", await HubServer.AssertErrorAsync(await Hub.PostAsync(Href(upload), complete), HttpStatusCode.BadRequest));
        Assert.Equal(tags[0], await Part(1));
        await HubServer.AssertErrorAsync(await PutAsync(header.GetProperty("00002").GetString()!, bytes[..100]), HttpStatusCode.BadRequest);
        complete.parts[1] = new { partNumber = 2, etag = await Part(2) };
        Assert.Equal(HttpStatusCode.OK, (await Hub.PostAsync(Href(upload), complete)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Hub.PostAsync(Href(upload), complete)).StatusCode);

        Assert.Equal(0, await Hub.Server.Services.GetRequiredService<IObjectStore>().ListAsync("uploads/", default).CountAsync());
        var href = Href(Action(await BatchAsync("download", Oid(bytes), bytes.Length, ["basic"]), "download"));
        Assert.Equal(Oid(bytes), Oid(await (await Hub.GetAsync(href)).Content.ReadAsByteArrayAsync()));
    }

    [Fact]
    public async Task Who_offers_xet_gets_it_for_uploads_and_basic_for_downloads()
    {
        var file = CutFile.Of(CutFile.Random(400_000, 3));
        var oid = Oid(file.Bytes);
        var upload = await BatchAsync("upload", oid, file.Bytes.Length, ["basic", "multipart", "xet"]);
        Assert.Equal("xet", upload.GetProperty("transfer").GetString());
        var action = Action(upload, "upload");
        var header = action.GetProperty("header");
        Assert.Equal($"{Hub.Address}/xet", header.GetProperty("X-Xet-Cas-Url").GetString());
        Assert.True(long.Parse(header.GetProperty("X-Xet-Token-Expiration").GetString()!)
            > DateTimeOffset.UtcNow.AddMinutes(10).ToUnixTimeSeconds());
        var refreshed = await Hub.GetAsync(Href(action), Hub.Ana);
        Assert.Equal($"{Hub.Address}/xet", refreshed.Headers.GetValues("X-Xet-Cas-Url").Single());

        await (await XetWire.OpenAsync(Hub.Client, Repo, Hub.Ana)).UploadAsync(file);
        var download = await BatchAsync("download", oid, file.Bytes.Length, ["xet", "basic"]);
        Assert.Equal("basic", download.GetProperty("transfer").GetString());
        Assert.Equal(file.Bytes, await (await Hub.GetAsync(Href(Action(download, "download")))).Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task What_anotherRepository_has_must_be_sent_all_the_same()
    {
        var bytes = CutFile.Random(300_000, 4);
        await PutAsync(Href(Action(await BatchAsync("upload", Oid(bytes), bytes.Length, ["basic"]), "upload")), bytes);
        var other = await Hub.CreateRepoAsync("ben", token: Hub.Ben);
        async Task<JsonElement> Ask(string operation) => (await Hub.PostJsonAsync(
            $"/{other}.git/info/lfs/objects/batch", new { operation, objects = new[] { new { oid = Oid(bytes), size = bytes.Length } } },
            Hub.Ben)).GetProperty("objects")[0];

        Assert.Equal(404, (await Ask("download")).GetProperty("error").GetProperty("code").GetInt32());
        Assert.True((await Ask("upload")).GetProperty("actions").TryGetProperty("upload", out var upload));
        // Other bytes under its name are not it.
        await HubServer.AssertErrorAsync(await PutAsync(Href(upload), CutFile.Random(300_000, 5)), HttpStatusCode.UnprocessableEntity);
        await HubServer.AssertErrorAsync(await PutAsync(Href(upload), bytes[..^1]), HttpStatusCode.BadRequest);
        Assert.Equal(404, (await Ask("download")).GetProperty("error").GetProperty("code").GetInt32());
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(Href(upload), bytes)).StatusCode);
        Assert.True((await Ask("download")).GetProperty("actions").TryGetProperty("download", out _));
    }

    [Fact]
    public async Task Who_may_not_gets_no_address_and_an_address_is_for_one_thing()
    {
        var bytes = CutFile.Random(1000, 6);
        var body = new { operation = "upload", objects = new[] { new { oid = Oid(bytes), size = bytes.Length } } };
        await HubServer.AssertErrorAsync(await Hub.PostAsync($"/{Repo}.git/info/lfs/objects/batch", body, Hub.Ben),
            HttpStatusCode.NotFound, "RepoNotFound");
        var anonymous = await Hub.PostAsync($"/{Repo}.git/info/lfs/objects/batch", body);
        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
        Assert.StartsWith("Basic", anonymous.Headers.WwwAuthenticate.ToString());
        var open = await Hub.CreateRepoAsync("open");
        var read = await Hub.Accounts.AddTokenAsync("ben", "r", Banyan.Server.Accounts.TokenRole.Read, null, null, default);
        await HubServer.AssertErrorAsync(await Hub.PostAsync($"/{open}.git/info/lfs/objects/batch", body, read), HttpStatusCode.Forbidden);
        // Who reads may propose, large files included.
        Assert.Equal(HttpStatusCode.OK, (await Hub.PostAsync($"/{open}.git/info/lfs/objects/batch", body, Hub.Ben)).StatusCode);

        var upload = Href(Action(await BatchAsync("upload", Oid(bytes), bytes.Length, ["basic"]), "upload"));
        await HubServer.AssertErrorAsync(await Hub.GetAsync(upload), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await PutAsync(upload.Replace(Oid(bytes), Oid([7])), bytes), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await PutAsync(upload[..^3] + "AAA", bytes), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await PutAsync(upload[..upload.IndexOf('?')], bytes), HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("""{"operation":"steal","objects":[]}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"operation":"upload"}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"operation":"upload","objects":7}""", HttpStatusCode.UnprocessableEntity)]
    [InlineData("""{"operation":"upload","hash_algo":"md5","objects":[]}""", HttpStatusCode.Conflict)]
    [InlineData("", HttpStatusCode.UnprocessableEntity)]
    public async Task A_batch_that_is_none_is_refused(string body, HttpStatusCode status) =>
        await HubServer.AssertErrorAsync(await Hub.SendAsync(HttpMethod.Post, $"/{Repo}.git/info/lfs/objects/batch", Hub.Ana,
            new StringContent(body)), status);

    [Theory]
    [InlineData("../../etc/passwd", 5)]
    [InlineData("ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789", 5)]
    [InlineData("abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789", -1)]
    [InlineData("abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789", long.MaxValue)]
    public async Task An_object_that_is_none_is_an_error_of_its_own(string oid, long size) =>
        Assert.Equal(422, (await BatchAsync("upload", oid, size, ["basic"])).GetProperty("objects")[0].GetProperty("error")
            .GetProperty("code").GetInt32());

    [Fact]
    public async Task A_lock_is_one_user_s_until_it_is_removed_or_broken()
    {
        await Hub.CreateRepoAsync("shared", organization: "acme");
        await Hub.Accounts.SetMemberAsync("acme", "ben", Banyan.Server.Access.Right.Write, default);
        const string Locks = "/acme/shared.git/info/lfs/locks";
        async Task<JsonElement> LockAsync(string path, string token, HttpStatusCode status)
        {
            var answer = await Hub.PostAsync(Locks, new { path, @ref = new { name = "refs/heads/main" } }, token);
            Assert.Equal(status, answer.StatusCode);
            return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        }
        async Task<string> ListAsync(string query) =>
            string.Join(' ', (await Hub.GetJsonAsync($"{Locks}?{query}", Hub.Ben)).GetProperty("locks").EnumerateArray()
                .Select(l => $"{l.GetProperty("path")}:{l.GetProperty("owner").GetProperty("name")}"));
        var first = (await LockAsync("a/b.bin", Hub.Ana, HttpStatusCode.Created)).GetProperty("lock").GetProperty("id").GetString();
        var refused = await LockAsync("a/b.bin", Hub.Ben, HttpStatusCode.Conflict);
        Assert.Equal(("a/b.bin is locked by ana", first),
            (refused.GetProperty("message").GetString(), refused.GetProperty("lock").GetProperty("id").GetString()));
        await LockAsync("c.bin", Hub.Ben, HttpStatusCode.Created);
        await HubServer.AssertErrorAsync(await Hub.PostAsync(Locks, new { path = "../x" }, Hub.Ben), HttpStatusCode.UnprocessableEntity);

        Assert.Equal(("a/b.bin:ana c.bin:ben", "c.bin:ben", "a/b.bin:ana", "a/b.bin:ana"),
            (await ListAsync(""), await ListAsync("path=c.bin"), await ListAsync($"id={first}"), await ListAsync("limit=1")));
        Assert.Equal("c.bin:ben", await ListAsync($"cursor={first}"));
        var verified = await Hub.PostJsonAsync($"{Locks}/verify", new { }, Hub.Ben);
        Assert.Equal(("c.bin", "a/b.bin"),
            (verified.GetProperty("ours")[0].GetProperty("path").GetString(),
                verified.GetProperty("theirs")[0].GetProperty("path").GetString()));

        // By its own repository's address alone, by its owner, or by force.
        await HubServer.AssertErrorAsync(await Hub.PostAsync($"/{Repo}.git/info/lfs/locks/{first}/unlock", new { force = true }, Hub.Ana),
            HttpStatusCode.NotFound);
        await HubServer.AssertErrorAsync(await Hub.PostAsync($"{Locks}/{first}/unlock", new { }, Hub.Ben), HttpStatusCode.Forbidden);
        Assert.Equal("a/b.bin", (await Hub.PostJsonAsync($"{Locks}/{first}/unlock", new { force = true }, Hub.Ben)).GetProperty("lock")
            .GetProperty("path").GetString());
        await LockAsync("a/b.bin", Hub.Ben, HttpStatusCode.Created);
        Assert.Equal("c.bin:ben a/b.bin:ben", await ListAsync(""));
    }
}
