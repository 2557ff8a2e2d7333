using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.OAuth;
using Banyan.Server.SignIn;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Git;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class AuditTests(LocalHub hub) : AuditContract(hub), IClassFixture<LocalHub>
{
    // What these do is told elsewhere, or nothing that anybody else sees.
    static readonly Dictionary<string, string> s_without = new()
    {
        ["POST /api/validate-yaml"] = "only checks",
        ["POST /api/telemetry/{**rest}"] = "keeps nothing",
        ["POST /api/{repo}/paths-info/{**rest}"] = "reads",
        ["POST /api/{repo}/preupload/{**rest}"] = "reads",
        ["POST /{repo}/git-upload-pack"] = "reads",
        ["POST /{repo}.git/git-upload-pack"] = "reads",
        ["POST /{repo}.git/info/lfs/objects/batch"] = "gives addresses; the commit that uses the bytes has its entry",
        ["POST /{repo}.git/info/lfs/verify"] = "reads",
        ["POST /{repo}.git/info/lfs/locks/verify"] = "reads",
        ["POST /api/{repo}/lfs-files/duplicate"] = "holds bytes for a commit, which has its entry",
        ["POST /{repo}/pieces"] = "reads",
        ["PUT /{repo}/pieces"] = "holds bytes for a commit, which has its entry",
        ["POST /{repo}/pieces/join"] = "holds bytes for a commit, which has its entry",
        ["POST /{repo}/git-receive-pack"] = "the same as with .git",
        ["POST /api/{repo}/discussions/{num}/comment"] = "a discussion is a record itself",
        ["POST /api/{repo}/discussions/{num}/comment/{comment}/edit"] = "a discussion is a record itself, with what was there before",
        ["POST /api/{repo}/discussions/{num}/comment/{comment}/hide"] = "a discussion is a record itself",
        ["POST /api/{repo}/discussions/{num}/title"] = "a discussion is a record itself",
        ["POST /api/{repo}/discussions/{num}/status"] = "a discussion is a record itself",
        ["POST /{repo}/discussions/{num}"] = "a discussion is a record itself",
        ["POST /api/{repo}/like"] = "likes are told with their time",
        ["DELETE /api/{repo}/like"] = "likes are told with their time",
        ["POST /{repo}/like"] = "likes are told with their time",
        ["POST /api/users/{name}/follow"] = "followers are told with their time",
        ["DELETE /api/users/{name}/follow"] = "followers are told with their time",
        ["POST /api/organizations/{name}/follow"] = "followers are told with their time",
        ["DELETE /api/organizations/{name}/follow"] = "followers are told with their time",
        ["POST /settings/following"] = "followers are told with their time",
        ["PATCH /api/settings/watch"] = "what somebody wants to be told of, which nobody else sees",
        ["POST /{repo}/watch"] = "what somebody wants to be told of, which nobody else sees",
        ["POST /notifications"] = "what somebody has read, which nobody else sees",
        ["POST /login/passkey"] = "PasskeyTests: it takes a browser",
        ["POST /settings/passkeys"] = "PasskeyTests: it takes a browser",
        ["POST /settings/passkeys/remove"] = "PasskeyTests: it takes a browser",
        ["POST /api/settings/signing-keys/challenge"] = "changes nothing",
        ["POST /api/settings/signing-keys"] = "SigningKeyTests: it takes a signature",
        ["DELETE /api/settings/signing-keys/{id}"] = "SigningKeyTests: it takes a signature",
        ["POST /settings/signing-keys"] = "SigningKeyTests: it takes a signature",
        ["POST /login/forgot"] = "only asks; the link that is made for it has the entry",
        ["POST /settings/mail"] = "MailTests: it takes a mail server",
        ["POST /settings/identities"] = "OpenIdTests: it takes a provider",
        ["POST /oauth/authorize"] = "gives a code; what the app gets for it has the entry",
        ["POST /oauth/userinfo"] = "reads",
        ["POST /oauth/device"] = "waits; whoever lets it in has the entry",
    };

    [Fact]
    public async Task Every_changing_call_has_its_entry()
    {
        await Hub.Accounts.SetAdminAsync("ana", true, default);
        var covered = new HashSet<string>(s_without.Keys);
        var (missing, secrets) = (new List<string>(), new List<string>());
        async Task<string> Call(string row, string action, Func<Task<HttpResponseMessage>> call, string actor = "ana")
        {
            var before = (await EntriesAsync()).LastOrDefault()?.Place;
            var response = await call();
            var text = await response.Content.ReadAsStringAsync();
            if ((int)response.StatusCode >= 400)
                missing.Add($"{row}: {(int)response.StatusCode} {text[..Math.Min(300, text.Length)]}");
            if (!(await EntriesAsync(before)).Any(e => e.Action == action && e.Actor == actor))
                missing.Add(
                    $"{row}: no entry {action} of {actor}, but {string.Join(", ", (await EntriesAsync(before)).Select(e => $"{e.Actor} {e.Action}"))}");
            covered.Add(row);
            return text;
        }
        Task<HttpResponseMessage> Send(HttpMethod method, string path, object? body = null, string? token = null) =>
            Hub.SendAsync(method, path, token ?? Hub.Ana, body is null ? null : JsonContent.Create(body));
        Task<string> Post(string row, string action, string path, object? body = null) =>
            Call("POST " + row, action, () => Send(HttpMethod.Post, path, body));
        Task<string> Put(string row, string action, string path, object body) =>
            Call("PUT " + row, action, () => Send(HttpMethod.Put, path, body));
        Task<string> Delete(string row, string action, string path, object? body = null) =>
            Call("DELETE " + row, action, () => Send(HttpMethod.Delete, path, body));

        await Post("/api/settings/tokens", "token.add", "/api/settings/tokens", new { name = "t", role = "read" });
        var token = (await HubServer.JsonOf(await Send(HttpMethod.Get, "/api/settings/tokens")))[1].GetProperty("id").GetString();
        await Delete("/api/settings/tokens/{id}", "token.revoke", $"/api/settings/tokens/{token}");
        await Post("/api/users", "user.add", "/api/users", new { name = "cora" });
        await Post("/api/users/{name}/suspend", "user.suspend", "/api/users/cora/suspend");
        await Post("/api/users/{name}/resume", "user.resume", "/api/users/cora/resume");
        await Put("/api/users/{name}/storage", "quota.set", "/api/users/cora/storage", new { quota = 1000 });
        await Delete("/api/users/{name}", "user.remove", "/api/users/cora");
        await Put("/api/organizations/{name}/storage", "quota.set", "/api/organizations/acme/storage", new { quota = (long?)null });
        await Put("/api/settings/storage", "quota.set", "/api/settings/storage", new { defaultRepoLimit = 500 });
        await Put("/api/settings/hub", "hub.readers", "/api/settings/hub", new { readers = "everyone" });
        await Hub.Server.Services.GetRequiredService<Banyan.Server.Storage.Secrets>().RotateAsync(default);
        Assert.Equal("hub.rotate-keys", (await EntriesAsync())[^1].Action);
        await Post("/api/organizations", "org.add", "/api/organizations", new { name = "lab" });
        await Put("/api/organizations/{name}/members/{user}", "member.set", "/api/organizations/lab/members/ben", new { role = "read" });
        const string Groups = "/api/organizations/{name}/resource-groups";
        var group = JsonDocument.Parse(await Post(Groups, "group.add", "/api/organizations/lab/resource-groups", new { name = "team" }))
            .RootElement.GetProperty("id").GetString();
        var team = $"/api/organizations/lab/resource-groups/{group}";
        await Post($"{Groups}/{{id}}/users", "group.member", $"{team}/users",
            new { users = new[] { new { user = "ben", role = "read" } } });
        await Call($"PATCH {Groups}/{{id}}/users/{{user}}", "group.member",
            () => Send(HttpMethod.Patch, $"{team}/users/ben", new { role = "write" }));
        await Delete($"{Groups}/{{id}}/users/{{user}}", "group.member", $"{team}/users/ben");
        await Post("/api/repos/create", "repo.group", "/api/repos/create",
            new { name = "grouped", organization = "lab", resourceGroupId = group });
        await Post("/api/{repo}/resource-group", "repo.group", "/api/models/lab/grouped/resource-group",
            new { resourceGroupId = (string?)null });
        await HubServer.JsonOf(await Send(HttpMethod.Delete, "/api/repos/delete", new { name = "grouped", organization = "lab" }));
        await Delete($"{Groups}/{{id}}", "group.remove", team);
        await Delete("/api/organizations/{name}/members/{user}", "member.remove", "/api/organizations/lab/members/ben");
        await Delete("/api/organizations/{name}", "org.remove", "/api/organizations/lab");

        var collection = "/api/collections/"
            + JsonDocument.Parse(await Post("/api/collections", "collection.create", "/api/collections",
                new { title = "Ours" })).RootElement.GetProperty("slug").GetString();
        await Post("/api/collections/{owner}/{slug}/items", "collection.change", collection + "/items",
            new { item = new { id = Repo, type = "model" } });
        var item = collection + "/items/"
            + (await HubServer.JsonOf(await Send(HttpMethod.Get, collection))).GetProperty("items")[0].GetProperty("_id").GetString();
        await Call("PATCH /api/collections/{owner}/{slug}/items/{item}", "collection.change",
            () => Send(HttpMethod.Patch, item, new { note = "why" }));
        await Delete("/api/collections/{owner}/{slug}/items/{item}", "collection.change", item);
        await Call("PATCH /api/collections/{owner}/{slug}", "collection.change",
            () => Send(HttpMethod.Patch, collection, new { theme = "blue" }));
        await Delete("/api/collections/{owner}/{slug}", "collection.remove", collection);

        await Post("/api/settings/webhooks", "webhook.add", "/api/settings/webhooks",
            new { url = "https://example.org/told", watched = new[] { new { type = "user", name = "ana" } } });
        var webhook = "/api/settings/webhooks/"
            + (await HubServer.JsonOf(await Send(HttpMethod.Get, "/api/settings/webhooks"))).EnumerateArray().Single()
            .GetProperty("id").GetString();
        await Post("/api/settings/webhooks/{id}", "webhook.change", webhook,
            new { url = "https://example.org/else", watched = new[] { new { type = "user", name = "ana" } } });
        await Post("/api/settings/webhooks/{id}/disable", "webhook.change", webhook + "/disable");
        await Post("/api/settings/webhooks/{id}/enable", "webhook.change", webhook + "/enable");
        await Delete("/api/settings/webhooks/{id}", "webhook.remove", webhook);

        await Post("/api/repos/create", "repo.create", "/api/repos/create", new { name = "made" });
        await Call("POST /api/{repo}/commit/{**rest}", "repo.commit",
            () => Hub.CommitAsync("ana/made", Hub.Ana, "files", null, HubServer.File("README.md", "# Made")));
        await Post("/api/{repo}/branch/{**rest}", "branch.create", "/api/models/ana/made/branch/side", new { });
        await Delete("/api/{repo}/branch/{**rest}", "ref.delete", "/api/models/ana/made/branch/side");
        await Post("/api/{repo}/tag/{**rest}", "tag.create", "/api/models/ana/made/tag/main", new { tag = "v1" });
        await Delete("/api/{repo}/tag/{**rest}", "ref.delete", "/api/models/ana/made/tag/v1");
        await Post("/api/{repo}/super-squash/{**rest}", "branch.squash", "/api/models/ana/made/super-squash/main", new { });
        await Put("/api/{repo}/settings", "repo.settings", "/api/models/ana/made/settings", new { gated = "manual" });
        await Call("POST /{repo}/ask-access", "access.ask", () => Send(HttpMethod.Post, "/ana/made/ask-access", token: Hub.Ben), "ben");
        await Post("/api/{repo}/user-access-request/handle", "access.accepted", "/api/models/ana/made/user-access-request/handle",
            new { user = "ben", status = "accepted" });
        await Call("POST /api/{repo}/user-access-request/cancel", "access.cancel",
            () => Send(HttpMethod.Post, "/api/models/ana/made/user-access-request/cancel", token: Hub.Ben), "ben");
        await Post("/api/{repo}/user-access-request/grant", "access.grant",
            "/api/models/ana/made/user-access-request/grant", new { user = "ben" });
        await Post("/api/{repo}/discussions", "discussion.open", "/api/models/ana/made/discussions",
            new { title = "why", description = "so" });
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Post, "/api/models/ana/made/commit/main?create_pr=1",
            Hub.Ben, new StringContent(
            """{"key":"header","value":{"summary":"mine"}}""" + "\n"
                + """{"key":"file","value":{"path":"b.txt","content":"Yg==","encoding":"base64"}}""" + "\n", System.Text.Encoding.UTF8,
                "application/x-ndjson")));
        await Post("/api/{repo}/discussions/{num}/merge", "pr.merge", "/api/models/ana/made/discussions/2/merge", new { });
        var large = new byte[12_000_000];
        await Hub.UploadAsync("ana/made", large);
        await HubServer.JsonOf(await Hub.CommitAsync("ana/made", Hub.Ana, "large", null, HubServer.Large("w.bin", large)));
        await Post("/api/{repo}/lfs-files/batch", "lfs.delete", "/api/models/ana/made/lfs-files/batch",
            new { deletions = new { sha = new[] { HubServer.Sha256(large) }, rewriteHistory = true } });
        var lockId =
            JsonDocument.Parse(await Post("/{repo}.git/info/lfs/locks", "lfs.lock", "/ana/made.git/info/lfs/locks",
                new { path = "README.md" })).RootElement.GetProperty("lock").GetProperty("id").GetString();
        await Post("/{repo}.git/info/lfs/locks/{id}/unlock", "lfs.unlock", $"/ana/made.git/info/lfs/locks/{lockId}/unlock", new { });
        using (var git = new GitPrograms())
        {
            await git.RunAsync("", "clone", "-q", GitPrograms.Url(Hub, "ana/made", Hub.Ana), "made");
            await git.CommitAsync("made", "pushed.txt", "pushed");
            await Call("POST /{repo}.git/git-receive-pack", "repo.push", async () =>
            {
                await git.RunAsync("made", "push", "-q", "origin", "main");
                return new HttpResponseMessage();
            });
        }
        await Post("/api/repos/move", "repo.move", "/api/repos/move", new { fromRepo = "ana/made", toRepo = "acme/made", type = "model" });
        await Delete("/api/repos/delete", "repo.delete", "/api/repos/delete", new { name = "made", organization = "acme", type = "model" });

        using var visit = await PageVisit.OfAsync(Hub, "ana");
        Task<string> Form(string row, string action, string page, string path, params (string, string)[] fields) =>
            Call("POST " + row, action, () => visit.SendAsync(page, path, fields));
        await Form("/new", "repo.create", "/new", "/new", ("name", "paged"), ("owner", "ana"), ("type", "model"), ("license", "mit"),
            ("visibility", "public"));
        await Call("POST /{repo}/upload/{**rest}", "repo.commit",
            async () => await visit.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/ana/paged/upload/main")
            {
                Content = new MultipartFormDataContent { { new StringContent(await visit.TokenAsync("/ana/paged/upload/main")), "_token" },
                { new ByteArrayContent("x"u8.ToArray()), "files", "x.txt" } },
            }));
        await Form("/collections", "collection.create", "/collections", "/collections", ("title", "By form"));
        var page = (await visit.GetAsync("/collections?owner=ana")).Html.Split("href=\"/collections/ana/by-form-")[1].Split('"')[0];
        await Form("/collections/{owner}/{slug}", "collection.change", $"/collections/ana/by-form-{page}",
            $"/collections/ana/by-form-{page}", ("do", "change"), ("title", "By a form"));
        await Form("/{repo}/discussions", "discussion.open", "/ana/paged/discussions", "/ana/paged/discussions",
            ("title", "why"), ("text", "so"));
        await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Post, "/api/models/ana/paged/commit/main?create_pr=1",
            Hub.Ben, new StringContent(
            """{"key":"header","value":{"summary":"mine"}}""" + "\n"
                + """{"key":"file","value":{"path":"b.txt","content":"Yg==","encoding":"base64"}}""" + "\n", System.Text.Encoding.UTF8,
                "application/x-ndjson")));
        await Form("/{repo}/discussions/{num}/merge", "pr.merge", "/ana/paged/discussions/2", "/ana/paged/discussions/2/merge");
        await HubServer.JsonOf(await Send(HttpMethod.Put, "/api/models/ana/paged/settings", new { gated = "auto" }));
        using (var ben = await PageVisit.OfAsync(Hub, "ben"))
            await Call("POST /{repo}/access", "access.ask", () => ben.SendAsync("/ana/paged", "/ana/paged/access"), "ben");
        await Form("/settings/organizations", "org.add", "/settings/organizations", "/settings/organizations",
            ("do", "create"), ("name", "atelier"));
        await Form("/{repo}/settings", "repo.settings", $"/{Repo}/settings", $"/{Repo}/settings", ("do", "set"), ("visibility", "private"));
        await Form("/settings/tokens", "token.add", "/settings/tokens", "/settings/tokens", ("name", "browser"), ("role", "read"));
        var newest = (await HubServer.JsonOf(await Send(HttpMethod.Get, "/api/settings/tokens"))).EnumerateArray().Last()
            .GetProperty("id").GetString()!;
        await Form("/settings/tokens/revoke", "token.revoke", "/settings/tokens", "/settings/tokens/revoke",
            ("id", $"{Convert.ToInt64(newest, 16)}"));
        await Post("/api/settings/jobs/{name}/run", "job.run", "/api/settings/jobs/collect/run");
        await Form("/settings/jobs", "job.run", "/settings/jobs", "/settings/jobs", ("name", "collect"));
        await Form("/settings/users", "link.make", "/settings/users", "/settings/users", ("do", "invite"));
        var link =
            (await Form("/settings/users", "link.make", "/settings/users", "/settings/users", ("do", "link"), ("name", "ben"))).Split(
                "join?code=")[1].Split('<')[0];
        using (var joining = new PageVisit(Hub))
            await Call("POST /join", "password.set",
                () => joining.SendAsync($"/join?code={link}", "/join", ("code", link), ("password", "a battery that is a staple")), "ben");
        using (var other = new PageVisit(Hub))
        {
            await Call("POST /login", "session.begin",
                () => other.SendAsync("/login", "/login", ("name", "ana"), ("password", "correct horse battery")));
            var sessions = await Hub.Server.Services.GetRequiredService<HubDatabase>()
                .ReadAsync(c => c.QueryAsync<long>("SELECT s.id FROM sessions s JOIN accounts a ON a.id = s.user_id WHERE a.name = 'ana'"),
                    default);
            await Form("/settings/sessions/end", "session.end", "/settings/password", "/settings/sessions/end",
                ("id", $"{sessions.Max()}"));
        }
        await LetInAsync();
        await SecondFactorAsync();
        await Form("/settings/password", "password.set", "/settings/password", "/settings/password", ("current", "correct horse battery"),
            ("password", "another horse battery"));
        Assert.Contains("password.set", (await visit.GetAsync("/settings/audit?action=password")).Html);
        await Form("/logout", "session.end", "/settings/password", "/logout");

        async Task LetInAsync()
        {
            var client = ("client_id", OAuthClient.CommandLine.Id);
            Task<HttpResponseMessage> Program(string path, params (string Name, string Value)[] fields) =>
                Hub.SendAsync(HttpMethod.Post, path, null,
                    new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))));
            var begun = await HubServer.JsonOf(await Program("/oauth/device", client));
            await Form("/oauth/device/decide", "device.allow", "/oauth/device", "/oauth/device/decide",
                ("user_code", begun.GetProperty("user_code").GetString()!), ("do", "allow"));
            var given =
                JsonDocument.Parse(await Call("POST /oauth/token", "grant.add",
                    () => Program("/oauth/token", client, ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                        ("device_code", begun.GetProperty("device_code").GetString()!)))).RootElement;
            secrets.AddRange([begun.GetProperty("device_code").GetString()!, begun.GetProperty("user_code").GetString()!,
                given.GetProperty("access_token").GetString()!, given.GetProperty("refresh_token").GetString()!]);
            await Call("POST /oauth/revoke", "grant.end",
                () => Program("/oauth/revoke", ("token", given.GetProperty("refresh_token").GetString()!)));
            begun = await HubServer.JsonOf(await Program("/oauth/device", client));
            await visit.SendAsync("/oauth/device", "/oauth/device/decide",
                ("user_code", begun.GetProperty("user_code").GetString()!), ("do", "allow"));
            await HubServer.JsonOf(await Program("/oauth/token", client, ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", begun.GetProperty("device_code").GetString()!)));
            secrets.Add(
                (await Form("/settings/applications", "app.add", "/settings/applications", "/settings/applications", ("name", "app"),
                    ("redirects", "https://app.example.org/"), ("kind", "server"))).Split("client_secret=")[1][..40]);
            await Form("/settings/applications/remove", "app.remove", "/settings/applications",
                "/settings/applications/remove", ("id", "1"));
            await Form("/settings/applications/end", "grant.end", "/settings/applications", "/settings/applications/end", ("id", "2"));
        }
        async Task SecondFactorAsync()
        {
            static (string Ticket, byte[] Secret) Shown(string html) =>
                (html.Split("name=\"ticket\" value=\"")[1].Split('"')[0], TwoFactorContract.SecretOf(html));
            string Code(byte[] secret, int ahead) => Totp.Code(secret, Totp.StepOf(TimeProvider.System.GetUtcNow()) + ahead);
            var begun =
                Shown(await (await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "begin"),
                    ("current", "correct horse battery"))).Content.ReadAsStringAsync());
            var done = await Form("/settings/second-factor", "second-factor.set", "/settings/password", "/settings/second-factor",
                ("do", "confirm"), ("ticket", begun.Ticket), ("code", Code(begun.Secret, 0)));
            secrets.AddRange([Totp.ToBase32(begun.Secret), .. TwoFactorContract.RecoveryOf(done)]);
            using var other = new PageVisit(Hub);
            var asked =
                await (await other.SendAsync("/login", "/login", ("name", "ana"),
                    ("password", "correct horse battery"))).Content.ReadAsStringAsync();
            await Call("POST /login/code", "session.begin",
                () => other.SendAsync("/login", "/login/code", ("ticket", asked.Split("name=\"ticket\" value=\"")[1].Split('"')[0]),
                    ("code", Code(begun.Secret, 1))));
            await Form("/settings/users", "second-factor.policy", "/settings/users", "/settings/users",
                ("do", "factor"), ("factor", "required"));
            var set =
                Shown(await (await other.SendAsync("/login", "/login", ("name", "ben"),
                    ("password", "a battery that is a staple"))).Content.ReadAsStringAsync());
            await Call("POST /login/set-up", "second-factor.set",
                () => other.SendAsync("/login", "/login/set-up", ("ticket", set.Ticket), ("code", Code(set.Secret, 0))), "ben");
            await Form("/settings/users", "second-factor.remove", "/settings/users", "/settings/users",
                ("do", "factor-off"), ("name", "ben"));
        }

        Assert.Empty(missing);
        Assert.Equal(RouteMatrix.Changing.Order(), covered.Order());
        var all = string.Join('\n', (await EntriesAsync()).Select(e => e.Json().ToJsonString()));
        Assert.All([Hub.Ana, Hub.Ben, "horse battery", link, "@example.org", .. secrets], secret => Assert.DoesNotContain(secret, all));
    }
}

public sealed class ClusterAuditTests(ClusterHub hub) : AuditContract(hub), IClassFixture<ClusterHub>;

/// <summary>Who changed what, and who was kept from it, is known, and nobody changes that unseen.</summary>
public abstract class AuditContract(HubKind kind) : HubContract(kind, "kept")
{
    AuditLog Log => Hub.Server.Services.GetRequiredService<AuditLog>();

    private protected async Task<IReadOnlyList<AuditEntry>> EntriesAsync(long? after = null)
    {
        await Log.SealAsync(default);
        return await Log.ReadAsync(new(), after, 10_000, backwards: false, default);
    }

    Task ChangeAsync(string sql) => Hub.Server.Services.GetRequiredService<HubDatabase>().WriteAsync(t => t.ExecuteAsync(sql), default);

    [Fact]
    public async Task Nobody_changes_it_unseen()
    {
        for (var i = 0; i < 20; i++)
            await Hub.CreateRepoAsync($"r{i}");
        await Log.SealAsync(default);
        var head = await Log.VerifyAsync([], default);
        Assert.Equal((await EntriesAsync()).Count, head.Place);
        Assert.Equal(head.ToString(), AuditHead.Parse(head.ToString())!.ToString());
        await Hub.CreateRepoAsync("later");
        await Log.SealAsync(default);
        await Log.VerifyAsync([head], default);

        async Task Broken(string change, string back, string expected, bool noted = false)
        {
            await ChangeAsync(change);
            Assert.Contains(expected,
                (await Assert.ThrowsAsync<AuditException>(() => Log.VerifyAsync(noted ? [head] : [], default))).Message);
            await ChangeAsync(back);
            await Log.VerifyAsync([head], default);
        }
        await Broken("UPDATE audit SET target = 'models/ana/x' WHERE place = 9",
            $"UPDATE audit SET target = '{(await EntriesAsync(8))[0].Target}' WHERE place = 9", "entry 9");
        await Broken("UPDATE audit SET actor = NULL, detail = actor WHERE place = 9",
            "UPDATE audit SET actor = detail, detail = NULL WHERE place = 9", "entry 9");
        await Broken("UPDATE audit SET at = at + 1 WHERE place = 7", "UPDATE audit SET at = at - 1 WHERE place = 7", "entry 7");
        await Broken("UPDATE audit SET place = 900 WHERE place = 5", "UPDATE audit SET place = 5 WHERE place = 900", "entry 5 is missing");
        // Whoever computes all of it anew is found by a head that was noted elsewhere; as is who takes out the last entries.
        await ChangeAsync("UPDATE audit SET target = 'models/ana/x', place = NULL, hash = NULL WHERE place = 9");
        await ChangeAsync("UPDATE audit SET place = NULL, hash = NULL");
        await Log.SealAsync(default);
        Assert.Equal(head.Place + 1, (await Log.VerifyAsync([], default)).Place);
        Assert.Contains("made anew", (await Assert.ThrowsAsync<AuditException>(() => Log.VerifyAsync([head], default))).Message);
        await ChangeAsync($"DELETE FROM audit WHERE place >= {head.Place}");
        Assert.Contains("taken out", (await Assert.ThrowsAsync<AuditException>(() => Log.VerifyAsync([head], default))).Message);
    }

    [Fact]
    public async Task Who_was_kept_from_something_is_told_and_cannot_fill_it()
    {
        var refusals = Hub.Server.Services.GetRequiredService<Refusals>();
        var before = (await EntriesAsync())[^1].Place;
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.GetAsync("/api/models/ana/kept", Hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.GetAsync("/api/models/ana/kept", Hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.GetAsync("/api/models/ana/nothing", Hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Hub.GetAsync("/api/users", Hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Hub.GetAsync("/api/whoami-v2", "hf_forged")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Hub.GetAsync("/api/whoami-v2")).StatusCode);   // only asked for credentials
        using (var visit = new PageVisit(Hub))
            foreach (var name in new[] { "ana", "a password by mistake" })
                await visit.SendAsync("/login", "/login", ("name", name), ("password", "wrong wrong wrong"));
        await refusals.WriteAsync(default);
        // Like ones are counted together, unless the hub's own writer came between.
        var told =
            (await EntriesAsync(before)).Select(e =>
                (Text: $"{e.Actor} {e.Action} {e.Target} {e.Detail!.Split(", ")[0]}", Times: e.Detail.Contains(", 2 times") ? 2 : 1))
            .GroupBy(e => e.Text, e => e.Times).Select(g => $"{g.Key}: {g.Sum()}");
        Assert.Equal(
        [
            "(anonymous) session.refused (no user) wrong password: 1", "(anonymous) session.refused ana wrong password: 1",
            "(refused credentials) access.refused /api/whoami-v2 401 GET /api/whoami-v2: 1",
            "ben access.refused /api/users 403 GET /api/users: 1", "ben access.refused ana/kept 404 GET /api/models/{ns}/{name}: 2",
        ], told.Order(StringComparer.Ordinal));

        before = (await EntriesAsync())[^1].Place;
        for (var i = 0; i < 5000; i++)
            refusals.Note(Actor.Anonymous, "access.refused", $"ana/r{i % 400}", "404");
        await refusals.WriteAsync(default);
        await refusals.WriteAsync(default);
        Assert.InRange((await EntriesAsync(before)).Count, 10, Refusals.MaxEntries + 5);
        Assert.Contains(await EntriesAsync(before), e => e.Target == "(many)");
    }

    [Fact]
    public async Task Administrators_read_it_and_nobody_else()
    {
        await Hub.Accounts.SetAdminAsync("ana", true, default);
        Assert.Equal(HttpStatusCode.Forbidden, (await Hub.GetAsync("/api/audit", Hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await Hub.GetAsync("/api/audit",
                await Hub.Accounts.AddTokenAsync("ana", "r", TokenRole.Read, null, null, default))).StatusCode);
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/audit?since=yesterday", Hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Hub.GetAsync("/api/audit?limit=0", Hub.Ana), HttpStatusCode.BadRequest);
        await Hub.CommitFilesAsync(Repo, Hub.Ana, ("a.txt", "a"));
        var created = await Hub.GetJsonAsync("/api/audit?action=repo.c&actor=ana&target=ana/", Hub.Ana);
        Assert.Equal(["repo.commit", "repo.create"],
            created.EnumerateArray().Select(e => e.GetProperty("action").GetString()!).Distinct().Order());
        Assert.All(created.EnumerateArray(), e => Assert.Equal("ana", e.GetProperty("actor").GetString()));
        // Page by page it is all of it, each entry once.
        var places = new List<long>();
        for (var next = "/api/audit?limit=3"; next is not null;)
        {
            var response = await Hub.GetAsync(next, Hub.Ana);
            places.AddRange((await HubServer.JsonOf(response)).EnumerateArray().Select(e => e.GetProperty("place").GetInt64()));
            next = response.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<')[1].Split('>')[0] : null;
        }
        Assert.Equal(Enumerable.Range(1, places.Count).Select(p => (long)p), places);
    }
}
