using System.Net;
using System.Net.Http.Json;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Jobs;
using Banyan.Server.Notifications;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class NotificationTests(LocalHub hub) : NotificationContract(hub), IClassFixture<LocalHub>
{
    [Theory]
    [InlineData("@ben, and (@Ana). See @acme/lab", "ben ana acme")]
    [InlineData("mail ben@example.org, https://x.org/@ben and a@b", "")]
    [InlineData("`@ben` and\n```\n@ana\n``` then @c_d.e-f-.", "c_d.e-f")]
    [InlineData("@@ben @ @-x @ben @BEN", "ben")]
    [InlineData("``` @ben", "")]
    [InlineData("", "")]
    public void Names_behind_an_at_are_mentions(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', Happenings.MentionsOf(text)));

    [Fact]
    public void Mentions_are_bounded_and_found_in_no_time() =>
        Assert.Equal(50, Happenings.MentionsOf(string.Concat(Enumerable.Range(0, 6000).Select(i => $"@a{i} "))).Count);
}

public sealed class ClusterNotificationTests(ClusterHub hub) : NotificationContract(hub), IClassFixture<ClusterHub>;

/// <summary>People are told of what they follow and take part in, once, and of nothing that they may not know.</summary>
public abstract class NotificationContract(HubKind kind) : HubContract(kind, "hidden")
{
    HubDatabase Database => Hub.Server.Services.GetRequiredService<HubDatabase>();

    Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string token, object? body = null) =>
        Hub.SendAsync(method, path, token, body is null ? null : JsonContent.Create(body));

    /// <summary>What somebody's page tells: each thing, why, and whether it is unread.</summary>
    async Task<string[]> ToldAsync(string token)
    {
        var html =
            await (await Hub.SendAsync(HttpMethod.Get, "/notifications", token, null, ("Accept", "text/html"))).Content.ReadAsStringAsync();
        return [.. html.Split("value=\"open\">").Skip(1).Select(part =>
            $"{WebUtility.HtmlDecode(part.Split('<')[0])} | {part.Split("<p class=\"meta\"><a href=\"/")[1].Split('"')[0]} | {part.Split("<span>")[1].Split('<')[0]}{(part.Split("<p class")[0].Contains("unread") ? "" : " | read")}")];
    }

    async Task<int> BeginAsync(string repo, string token, string title, string text = "why") =>
        (await Hub.PostJsonAsync($"/api/models/{repo}/discussions", new { title, description = text }, token)).GetProperty("num")
        .GetInt32();

    Task SayAsync(string repo, int number, string token, string text) =>
        Hub.PostJsonAsync($"/api/models/{repo}/discussions/{number}/comment", new { comment = text }, token);

    Task WatchAsync(string repo, string token, string watch) =>
        Hub.SendAsync(HttpMethod.Post, $"/{repo}/watch", token, new FormUrlEncodedContent([new("watch", watch)]));

    [Fact]
    public async Task People_are_told_of_what_they_take_part_in_once()
    {
        var (repo, cora) = (await Hub.CreateRepoAsync("shown"), await Hub.AddUserAsync("cora"));
        var number = await BeginAsync(repo, Hub.Ben, "A question", "for @cora and @nobody, said @ben");
        Assert.Equal(["#1 A question | ana/shown | you watch it"], await ToldAsync(Hub.Ana));   // it is hers
        Assert.Equal(["#1 A question | ana/shown | you were mentioned"], await ToldAsync(cora));
        Assert.Empty(await ToldAsync(Hub.Ben));                                                // who did it knows
        await SayAsync(repo, number, Hub.Ana, "an answer");
        await SayAsync(repo, number, Hub.Ana, "another");
        Assert.Equal(["#1 A question | ana/shown | you take part"], await ToldAsync(Hub.Ben));
        Assert.Equal(["#1 A question | ana/shown | you were mentioned"], await ToldAsync(cora));
        await HubServer.JsonOf(await Hub.PostAsync($"/api/models/{repo}/discussions/{number}/status", new { status = "closed" }, Hub.Ana));
        // The mention that cora did not look at is not hidden by what came since; who watches is told, who muted is not.
        await WatchAsync(repo, cora, "nothing");
        var dave = await Hub.AddUserAsync("dave");
        Assert.Empty(await ToldAsync(dave));   // all is told until here
        await WatchAsync(repo, dave, "all");
        await BeginAsync(repo, Hub.Ben, "More for @cora", "and @ana");
        Assert.Single(await ToldAsync(cora));
        Assert.Equal(["#2 More for @cora | ana/shown | you watch it"], await ToldAsync(dave));
        Assert.Equal("#2 More for @cora | ana/shown | you were mentioned", (await ToldAsync(Hub.Ana))[0]);
        await HubServer.JsonOf(await Hub.CommitAsync(repo, Hub.Ana, "new", null, HubServer.File("b.txt", "2")));
        Assert.Contains("New commits | ana/shown | you watch it", await ToldAsync(dave));
        await WatchAsync(repo, dave, "usual");
        await BeginAsync(repo, Hub.Ben, "Third");
        Assert.Equal(2, (await ToldAsync(dave)).Length);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await Hub.SendAsync(HttpMethod.Post, $"/{repo}/watch", dave, new FormUrlEncodedContent([new("watch", "some")]))).StatusCode);
    }

    [Fact]
    public async Task What_one_may_no_longer_know_is_told_by_nothing()
    {
        await Hub.Accounts.SetMemberAsync("acme", "ben", Right.Write, default);
        var secret = await Hub.CreateRepoAsync("secret", isPrivate: true, organization: "acme");
        await WatchAsync(secret, Hub.Ben, "all");
        var number = await BeginAsync(secret, Hub.Ben, "Our secret plan");
        await SayAsync(secret, number, Hub.Ana, "for @ben and @cora");
        var cora = await Hub.AddUserAsync("cora");
        using var visit = await PageVisit.OfAsync(Hub, "ben");
        Assert.Single(await ToldAsync(Hub.Ben));
        Assert.Contains("Inbox <b>1", (await visit.GetAsync("/")).Html);
        var id = (await visit.GetAsync("/notifications")).Html.Split("name=\"id\" value=\"")[1].Split('"')[0];
        await Hub.Accounts.RemoveMemberAsync("acme", "ben", default);
        await SayAsync(secret, number, Hub.Ana, "now without @ben, and for @cora");
        foreach (var token in new[] { Hub.Ben, cora })
            Assert.Empty(await ToldAsync(token));
        foreach (var path in new[] { "/", "/notifications" })
            Assert.DoesNotContain("Inbox <b>", (await visit.GetAsync(path)).Html);
        foreach (var (act, address) in new[] { ("open", id), ("read", id), ("open", "0") })
            Assert.Equal(HttpStatusCode.NotFound,
                (await visit.SendAsync("/notifications", "/notifications", ("do", act), ("id", address))).StatusCode);
        // Of a gated repository its discussions are told to who was let in; a token for elsewhere tells nothing of it.
        var gated = await Hub.CreateRepoAsync("gated");
        await WatchAsync(gated, cora, "all");
        await HubServer.JsonOf(await SendAsync(HttpMethod.Put, $"/api/models/{gated}/settings", Hub.Ana, new { gated = "manual" }));
        await BeginAsync(gated, Hub.Ana, "Behind the gate", "@cora");
        Assert.Empty(await ToldAsync(cora));
        await HubServer.JsonOf(await Hub.PostAsync($"/api/models/{gated}/user-access-request/grant", new { user = "cora" }, Hub.Ana));
        await BeginAsync(gated, Hub.Ana, "Behind the gate as well", "@cora");
        Assert.Equal(["#2 Behind the gate as well | ana/gated | you were mentioned",
            "Your request for access was accepted | ana/gated | you asked"], (await ToldAsync(cora)).Order());
        Assert.DoesNotContain("gate",
            string.Join('\n',
                (await ToldAsync(await Hub.Accounts.AddTokenAsync("cora", "t", TokenRole.FineGrained, [new("other", Right.Admin)], null,
                    default))).Where(t => t.StartsWith('#'))));
        await HubServer.JsonOf(await SendAsync(HttpMethod.Delete, "/api/repos/delete", Hub.Ana, new { name = "gated" }));
        Assert.Empty(await ToldAsync(cora));
    }

    [Fact]
    public async Task Who_looks_after_a_gate_is_told_who_asks_and_who_asked_what_was_said()
    {
        await Hub.AddUserAsync("reader");
        await Hub.Accounts.SetMemberAsync("acme", "reader", Right.Read, default);
        var reader = await Hub.Accounts.AddTokenAsync("reader", "t", TokenRole.Write, null, null, default);
        var gated = await Hub.CreateRepoAsync("gated", organization: "acme");
        await HubServer.JsonOf(await SendAsync(HttpMethod.Put, $"/api/models/{gated}/settings", Hub.Ana, new { gated = "manual" }));
        await HubServer.JsonOf(await Hub.PostAsync($"/{gated}/ask-access", new { }, Hub.Ben));
        Assert.Equal(["ben asks for access | acme/gated | you look after it"], await ToldAsync(Hub.Ana));
        Assert.Empty(await ToldAsync(reader));
        await HubServer.JsonOf(await Hub.PostAsync($"/api/models/{gated}/user-access-request/handle",
            new { user = "ben", status = "rejected" }, Hub.Ana));
        Assert.Equal(["Your request for access was turned down | acme/gated | you asked"], await ToldAsync(Hub.Ben));
    }

    [Fact]
    public async Task Whom_one_follows_is_listed_and_what_they_share_is_told()
    {
        foreach (var name in new[] { "users/ana", "users/ana", "organizations/acme" })
            await HubServer.JsonOf(await SendAsync(HttpMethod.Post, $"/api/{name}/follow", Hub.Ben));
        async Task<string> NamesAsync(string path) =>
            string.Join(' ', (await Hub.GetJsonAsync($"/api/{path}")).EnumerateArray()
                .Select(u => (u.TryGetProperty("user", out var user) ? user : u.GetProperty("name")).GetString()).Order());
        Assert.Equal(("ben", "ben", "acme ana", ""),
            (await NamesAsync("users/ana/followers"), await NamesAsync("organizations/acme/followers"),
                await NamesAsync("users/ben/following"), await NamesAsync("users/ben/followers")));
        await Hub.CreateRepoAsync("shown");
        await Hub.CreateRepoAsync("closed", isPrivate: true);
        await Hub.CreateRepoAsync("ours", organization: "acme");
        Assert.Equal(["New repository | acme/ours | you follow its owner", "New repository | ana/shown | you follow its owner"],
            (await ToldAsync(Hub.Ben)).Order());
        await HubServer.JsonOf(await SendAsync(HttpMethod.Put, "/api/models/ana/shown/settings", Hub.Ana, new { visibility = "private" }));
        Assert.Equal(["New repository | acme/ours | you follow its owner"], await ToldAsync(Hub.Ben));
        await HubServer.JsonOf(await SendAsync(HttpMethod.Delete, "/api/users/ana/follow", Hub.Ben));
        await Hub.CreateRepoAsync("later");
        Assert.Single(await ToldAsync(Hub.Ben));
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, "/api/users/ben/follow", Hub.Ben), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, "/api/users/acme/follow", Hub.Ben), HttpStatusCode.NotFound);
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, "/api/users/ana/follow",
            await Hub.Accounts.AddTokenAsync("ben", "t", TokenRole.Read, null, null, default)), HttpStatusCode.Forbidden);

        using var visit = await PageVisit.OfAsync(Hub, "ben");
        Assert.Equal("/ana",
            (await visit.SendAsync("/ana", "/settings/following", ("name", "ana"), ("follows", "true"))).Headers.Location!.ToString());
        Assert.Contains("aria-pressed=\"true\">Following", (await visit.GetAsync("/ana")).Html);
        Assert.Contains("1 follower<", (await visit.GetAsync("/ana")).Html);
    }

    [Fact]
    public async Task What_one_is_told_of_is_changed_by_a_program()
    {
        var (shown, closed) = (await Hub.CreateRepoAsync("shown"), await Hub.CreateRepoAsync("closed", isPrivate: true));
        Task<HttpResponseMessage> Change(object change, string? token = null) =>
            SendAsync(HttpMethod.Patch, "/api/settings/watch", token ?? Hub.Ben, change);
        await HubServer.JsonOf(await Change(new
        {
            add = new[] { new { type = "model", name = shown },
            new { type = "user", name = "ana" } }
        }));
        Assert.Equal("""[{"type":"model","name":"ana/shown"}]""", (await Hub.GetJsonAsync("/api/settings/watch", Hub.Ben)).GetRawText());
        Assert.Equal("ben", (await Hub.GetJsonAsync("/api/users/ana/followers"))[0].GetProperty("user").GetString());
        await HubServer.JsonOf(await Change(new { delete = new[] { new { type = "model", name = shown } } }));
        Assert.Equal("[]", (await Hub.GetJsonAsync("/api/settings/watch", Hub.Ben)).GetRawText());
        Assert.Equal(HttpStatusCode.NotFound, (await Change(new { add = new[] { new { type = "model", name = closed } } })).StatusCode);
        foreach (var wrong in new object[] { new { add = new[] { new { type = "river", name = "ana" } } },
            new { add = Enumerable.Repeat(new { type = "user", name = "ana" }, 101) } })
            Assert.Equal(HttpStatusCode.BadRequest, (await Change(wrong)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Change(new { },
            await Hub.Accounts.AddTokenAsync("ben", "t", TokenRole.Read, null, null, default))).StatusCode);
    }

    [Fact]
    public async Task They_are_read_one_by_one_or_all_and_old_ones_go()
    {
        var repo = await Hub.CreateRepoAsync("shown");
        for (var i = 1; i <= 42; i++)
            await BeginAsync(repo, Hub.Ben, $"Number {i}");
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        var first = (await visit.GetAsync("/notifications")).Html;
        Assert.Contains("Inbox <b>42", first);
        Assert.DoesNotContain("#2 Number", first);
        var opened = await visit.SendAsync("/notifications", "/notifications", ("do", "open"),
            ("id", first.Split("name=\"id\" value=\"")[1].Split('"')[0]));
        Assert.Equal("/ana/shown/discussions/42", opened.Headers.Location!.ToString());
        var rest = (await visit.GetAsync(WebUtility.HtmlDecode(first.Split("rel=\"next\" href=\"")[1].Split('"')[0]))).Html;
        Assert.Contains("#2 Number", rest);
        Assert.Contains("#1 Number", rest);
        Assert.DoesNotContain("#42 Number", (await visit.GetAsync("/notifications?show=unread")).Html);
        // All that the page showed, not what came since.
        var until = first.Split("name=\"until\" value=\"")[1].Split('"')[0];
        await Database.WriteAsync(t =>
            t.ExecuteAsync("UPDATE notifications SET at = @at WHERE discussion_id IN (SELECT id FROM discussions WHERE num = 40)",
                new { at = long.Parse(until) + 1 }), default);
        await visit.SendAsync("/notifications", "/notifications", ("do", "all"), ("until", until));
        Assert.Matches(@"Inbox <b>1\s", (await visit.GetAsync("/")).Html);
        // Nobody reads another's.
        using (var other = await PageVisit.OfAsync(Hub, "ben"))
            Assert.Equal(HttpStatusCode.NotFound,
                (await other.SendAsync("/notifications", "/notifications", ("do", "read"),
                    ("id", first.Split("name=\"id\" value=\"")[2].Split('"')[0]))).StatusCode);

        const long Day = 86_400_000;
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await Database.WriteAsync(async t =>
        {
            await t.ExecuteAsync(
                "UPDATE notifications SET unread = @no, at = @at WHERE discussion_id IN (SELECT id FROM discussions WHERE num <= 10)",
                new { no = false, at = now - 31 * Day });
            await t.ExecuteAsync(
                "UPDATE notifications SET unread = @yes, at = @at WHERE discussion_id IN (SELECT id FROM discussions WHERE num BETWEEN 11 AND 15)", new { yes = true, at = now - 31 * Day });
            await t.ExecuteAsync(
                "UPDATE notifications SET unread = @yes, at = @at WHERE discussion_id IN (SELECT id FROM discussions WHERE num BETWEEN 16 AND 20)", new { yes = true, at = now - 181 * Day });
            await t.ExecuteAsync(
                "INSERT INTO notifications (user_id, subject, repo_id, reason, at, unread) SELECT id, @subject, @repo, 'watching', @at, @yes FROM accounts WHERE name = 'ben'",
                Enumerable.Range(0, 1005).Select(i => new { subject = $"x{i}", repo = 1, at = now - i, yes = true }));
        }, default);
        await Hub.Server.Services.GetRequiredService<NotificationSweep>().RunAsync(new JobRun(null), default);
        Task<long> CountAsync(string user) =>
            Database.ReadAsync(c =>
                c.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM notifications n JOIN accounts a ON a.id = n.user_id WHERE a.name = @user",
                    new { user }), default);
        Assert.Equal((27, 1000), (await CountAsync("ana"), await CountAsync("ben")));
    }
}
