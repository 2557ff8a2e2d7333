using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Banyan.Server.Auditing;
using Banyan.Server.Tests.Support;
using Banyan.Signatures;
using Banyan.Tests;
using Microsoft.Extensions.DependencyInjection;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

namespace Banyan.Server.Tests.Pages;

/// <summary>A report's key belongs to the user who has signed a challenge of the hub with it, and to nobody else.</summary>
public sealed partial class SigningKeyTests(SharedHub shared)
{
    static readonly Ed25519PrivateKeyParameters s_key = new([.. Enumerable.Range(1, 32).Select(i => (byte)i)]);

    static string PublicKey => Convert.ToBase64String(s_key.GeneratePublicKey().GetEncoded());

    static string Sign(byte[] message)
    {
        var signer = new Ed25519Signer();
        signer.Init(forSigning: true, s_key);
        signer.BlockUpdate(message);
        return Convert.ToBase64String(signer.GenerateSignature());
    }

    [GeneratedRegex("name=\"challenge\" value=\"([^\"]+)\"")]
    private static partial Regex Challenge();

    [Fact]
    public async Task A_key_is_registered_by_its_signature_and_names_who_signed_a_report()
    {
        var hub = await shared.GetAsync();
        var root = hub.Address.TrimEnd('/');
        Task<HttpResponseMessage> Send(HttpMethod method, string path, string token, object? body = null) =>
            hub.SendAsync(method, $"/api/settings/signing-keys{path}", token, body is null ? null : JsonContent.Create(body));
        async Task<string> Ask(string token) =>
            (await HubServer.JsonOf(await Send(HttpMethod.Post, "/challenge", token))).GetProperty("challenge").GetString()!;
        async Task<HttpStatusCode> Add(string token, string challenge, byte[] signed, string? key = null) =>
            (await Send(HttpMethod.Post, "", token,
                new { name = "laptop", publicKey = key ?? PublicKey, challenge, signature = Sign(signed) })).StatusCode;

        // Nothing but the challenge itself, signed for this user and this hub by this key.
        var (asked, others) = (await Ask(hub.Ana), await Ask(hub.Ben));
        foreach (var (challenge, signed) in new[]
        {
            (asked, KeyProof.Of(root, "ben", asked)), (asked, KeyProof.Of("https://other.example", "ana", asked)),
            (asked, KeyProof.Of(root, "ana", asked + "x")),
            (others, KeyProof.Of(root, "ana", others)), ("nothing", KeyProof.Of(root, "ana", "nothing")),
            ("", KeyProof.Of(root, "ana", "")),
        })
            Assert.Equal(HttpStatusCode.BadRequest, await Add(hub.Ana, challenge, signed));
        Assert.Equal(HttpStatusCode.BadRequest, await Add(hub.Ana, asked, KeyProof.Of(root, "ana", asked), "AAAA"));
        Assert.Equal(0, (await HubServer.JsonOf(await Send(HttpMethod.Get, "", hub.Ana))).GetArrayLength());

        Assert.Equal(HttpStatusCode.OK, await Add(hub.Ana, asked, KeyProof.Of(root, "ana", asked)));
        Assert.Equal(HttpStatusCode.BadRequest, await Add(hub.Ana, asked, KeyProof.Of(root, "ana", asked)));
        Assert.Equal(HttpStatusCode.Conflict, await Add(hub.Ben, others, KeyProof.Of(root, "ben", others)));
        var listed = (await HubServer.JsonOf(await Send(HttpMethod.Get, "", hub.Ana)))[0];
        Assert.Equal(("laptop", PublicKey), (listed.GetProperty("name").GetString(), listed.GetProperty("publicKey").GetString()));

        // A report that it signed says whose it is; one of an unknown key says that it is nobody's here.
        var own =
            await File.ReadAllTextAsync(Path.Combine(SharedData.Repository, "tests", "Banyan.Server.Tests", "Pages", "Data", "report.json"),
                TestContext.Current.CancellationToken);
        using var report = System.Text.Json.JsonDocument.Parse(own);
        var signature = report.RootElement.GetProperty("signature");
        var mine = own.Replace(signature.GetProperty("publicKey").GetString()!, PublicKey)
            .Replace(signature.GetProperty("value").GetString()!, Sign(SignedText.Of(report.RootElement.GetProperty("report"))));
        var repo = await hub.CreateRepoAsync("signed");
        await hub.CommitFilesAsync(repo, hub.Ana, ("mine/report.json", mine), ("other/report.json", own),
            ("changed/report.json", mine.Replace("\"pass@1\": 0", "\"pass@1\": 1")));
        async Task<string> PageAsync(string folder) =>
            await (await hub.SendAsync(HttpMethod.Get, $"/{repo}/blob/main/{folder}/report.json", null, null,
                ("Accept", "text/html"))).Content.ReadAsStringAsync();
        const string By = "signed by <a href=\"/ana\">ana</a>", Nobody = "nobody here has registered";
        Assert.Equal((true, false), ((await PageAsync("mine")).Contains(By), (await PageAsync("mine")).Contains(Nobody)));
        Assert.Equal((false, true), ((await PageAsync("other")).Contains(By), (await PageAsync("other")).Contains(Nobody)));
        Assert.Equal((false, false), ((await PageAsync("changed")).Contains(By), (await PageAsync("changed")).Contains(Nobody)));

        // A stranger does not remove it. Once it is removed in the browser it signs for nobody, and is registered there again.
        Assert.Equal(HttpStatusCode.NotFound,
            (await Send(HttpMethod.Delete, $"/{listed.GetProperty("id").GetString()}", hub.Ben)).StatusCode);
        using var visit = await PageVisit.OfAsync(hub, "ana");
        Assert.Equal(HttpStatusCode.OK,
            (await visit.SendAsync("/settings/signing-keys", "/settings/signing-keys",
                ("remove", $"{Convert.ToInt64(listed.GetProperty("id").GetString(), 16)}"))).StatusCode);
        Assert.Contains(Nobody, await PageAsync("mine"));
        var page = (await visit.GetAsync("/settings/signing-keys")).Html;
        var shown = Challenge().Match(page).Groups[1].Value;
        Assert.Contains($"banyan eval key --prove {shown} --as ana --hub {root}", page);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await visit.SendAsync("/settings/signing-keys", "/settings/signing-keys", ("challenge", shown),
                ("proof", PublicKey))).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await visit.SendAsync("/settings/signing-keys", "/settings/signing-keys", ("challenge", shown),
                ("proof", $"{PublicKey} {Sign(KeyProof.Of(root, "ana", shown))}\n"))).StatusCode);
        Assert.Contains(By, await PageAsync("mine"));
        var log = hub.Server.Services.GetRequiredService<AuditLog>();
        await log.SealAsync(default);
        Assert.Equal(["signing-key.add", "signing-key.remove", "signing-key.add"],
            (await log.ReadAsync(new(), null, 10_000, backwards: false, default)).Select(e => e.Action)
                .Where(a => a.StartsWith("signing-key", StringComparison.Ordinal)));
    }
}
