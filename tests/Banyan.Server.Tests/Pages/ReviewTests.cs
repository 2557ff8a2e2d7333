using System.Net;
using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Pages;

/// <summary>Comments on lines of a pull request, by the API and on its page, while the pull request changes.</summary>
public class ReviewTests(SharedHub shared)
{
    static Task<HttpResponseMessage> ProposeAsync(HubServer hub, string repo, string revision, string text) =>
        hub.SendAsync(HttpMethod.Post, $"/api/models/{repo}/commit/{revision}", hub.Ben,
        new StringContent(JsonSerializer.Serialize(new { key = "header", value = new { summary = "Better" } }) + "\n"
            + JsonSerializer.Serialize(new { key = "file", value = new { path = "a.txt", content = text, encoding = "utf-8" } })));

    [Fact]
    public async Task A_comment_stays_with_its_line_and_says_when_the_line_changed()
    {
        var hub = await shared.GetAsync();
        var repo = await hub.CreateRepoAsync("reviewed");
        var (api, page) = ($"/api/models/{repo}/discussions/1", $"/{repo}/discussions/1");
        await hub.CommitFilesAsync(repo, hub.Ana, ("a.txt", "one\ntwo\nthree\n"), ("other.txt", "1\n"));
        var first =
            (await HubServer.JsonOf(await ProposeAsync(hub, repo, "main?create_pr=1", "one\n2\nthree\nfour\n"))).GetProperty("commitOid")
            .GetString()!;

        var said =
            (await hub.PostJsonAsync($"{api}/comment", new { comment = "Why *2*?", path = "a.txt", line = 2, commit = first },
                hub.Ana)).GetProperty("newMessage").GetProperty("data").GetProperty("review");
        Assert.Equal($$"""{"path":"a.txt","line":2,"side":"new","commit":"{{first}}","text":"2","outdated":false}""", said.GetRawText());
        await hub.PostJsonAsync($"{api}/comment", new { comment = "It was right.", path = "a.txt", line = 2, side = "old" }, hub.Ana);
        foreach (var wrong in new object[] { new { comment = "x", path = "a.txt", line = 99 },
            new { comment = "x", path = "other.txt", line = 1 }, new { comment = "x", path = "a.txt", line = 4, side = "old" },
            new { comment = "x", path = "a.txt" }, new { comment = "x", path = "a.txt", line = 2, side = "both" } })
            await HubServer.AssertErrorAsync(await hub.PostAsync($"{api}/comment", wrong, hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await hub.PostAsync($"{api}/comment",
            new { comment = "x", path = "a.txt", line = 2, commit = new string('0', 40) }, hub.Ana), HttpStatusCode.Conflict);
        await hub.PostJsonAsync($"/api/models/{repo}/discussions", new { title = "Just words", description = "x" }, hub.Ana);
        await HubServer.AssertErrorAsync(await hub.PostAsync($"/api/models/{repo}/discussions/2/comment",
            new { comment = "x", path = "a.txt", line = 2 }, hub.Ana), HttpStatusCode.BadRequest);

        // On the page: a line leads to a form below it, without script.
        using var visit = await PageVisit.OfAsync(hub, "ana");
        var shown = (await visit.GetAsync(page)).Html;
        Assert.Contains($"href=\"{page}?path=a.txt&amp;line=4&amp;side=new#reply\"", shown);
        Assert.DoesNotContain("id=\"reply\"", shown);
        Assert.DoesNotContain("#reply", (await shared.PageAsync(page)).Html);
        Assert.Contains("Your comment on a.txt, line 4", (await visit.GetAsync($"{page}?path=a.txt&line=4&side=new")).Html);
        Assert.DoesNotContain("id=\"reply\"", (await visit.GetAsync($"{page}?path=%3Cscript%3E&line=x&side=new")).Html);
        Assert.Equal(HttpStatusCode.SeeOther,
            (await visit.SendAsync(page, page, ("text", "And four?"), ("path", "a.txt"), ("line", "4"), ("side", "new"),
                ("commit", first))).StatusCode);
        shown = (await visit.GetAsync(page)).Html;
        Assert.Equal(3, shown.Split("class=\"review\"").Length - 1);
        Assert.Matches("(?s)&#x2B;2&#xA;</span></pre>.{0,400}Why <em>2</em>", shown.Split("id=\"comment-")[^1]);
        Assert.Contains("on a.txt, removed line 2", shown);

        // The pull request goes on: one line is another now, and the comment keeps what it was about.
        await HubServer.JsonOf(await ProposeAsync(hub, repo, "refs%2Fpr%2F1", "one\ntwo and a half\nthree\nfour\n"));
        var reviews = (await hub.GetJsonAsync(api)).GetProperty("events").EnumerateArray().Select(e => e.GetProperty("data"))
            .Where(d => d.TryGetProperty("review", out _)).Select(d => d.GetProperty("review")).ToArray();
        Assert.Equal([("2", true), ("two", false), ("four", false)],
            reviews.Select(r => (r.GetProperty("text").GetString()!, r.GetProperty("outdated").GetBoolean())));
        Assert.All(reviews, r => Assert.Equal(first, r.GetProperty("commit").GetString()));
        shown = (await visit.GetAsync(page)).Html;
        Assert.Equal(2, shown.Split("outdated: the line has changed since").Length);
        Assert.Equal(2, shown.Split("class=\"review\"").Length - 1);
        Assert.Contains($"/{repo}/commit/{first}", shown);
    }
}
