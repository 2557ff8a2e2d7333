using System.Net;
using System.Text;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Pages;

/// <summary>What people change by forms: repositories, files, discussions, likes, access.</summary>
public class FormTests(SharedHub shared)
{
    static MultipartFormDataContent Files(string token, params (string Name, byte[] Bytes)[] files)
    {
        var form = new MultipartFormDataContent { { new StringContent(token), "_token" }, { new StringContent("sub"), "folder" },
            { new StringContent("By hand"), "summary" } };
        foreach (var (name, bytes) in files)
            form.Add(new ByteArrayContent(bytes), "file", name);
        return form;
    }

    static HttpRequestMessage Post(string path, HttpContent content) => new(HttpMethod.Post, path) { Content = content };

    [Fact]
    public async Task A_newcomer_makes_a_repository_uploads_discusses_and_merges()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("nina");
        using var nina = await PageVisit.OfAsync(hub, "nina");
        using var ben = await PageVisit.OfAsync(hub, "ben");
        foreach (var (name, status) in new[] { ("..", 400), ("", 400), ("made", 303), ("made", 409) })
            Assert.Equal((name, status),
                (name, (int)(await nina.SendAsync("/new", "/new", ("name", name), ("owner", "nina"), ("type", "model"), ("license", "mit"),
                    ("visibility", "public"))).StatusCode));
        Assert.Equal(HttpStatusCode.Forbidden,
            (await nina.SendAsync("/new", "/new", ("name", "x"), ("owner", "acme"), ("type", "model"))).StatusCode);

        // Text is git's; what is no text, or long, is large.
        var large = new byte[300_000];
        new Random(1).NextBytes(large);
        var upload =
            await nina.SendAsync(Post("/nina/made/upload/main",
                Files(await nina.TokenAsync("/nina/made/upload/main"), ("notes.txt", "first\n"u8.ToArray()),
                    ("weights.dat", large), ("empty.txt", []))));
        Assert.Equal((HttpStatusCode.SeeOther, "/nina/made/tree/main"), (upload.StatusCode, upload.Headers.Location!.OriginalString));
        Assert.Equal("first\n", await hub.Client.GetStringAsync("/nina/made/resolve/main/sub/notes.txt"));
        Assert.Equal(large, await hub.Client.GetByteArrayAsync("/nina/made/resolve/main/sub/weights.dat"));
        Assert.Contains("By hand", (await ben.GetAsync("/nina/made/commits/main")).Html);

        // A folder is put where the form says, without its own name and its git.
        var folder = Files(await nina.TokenAsync("/nina/made/upload/main"));
        foreach (var name in (string[])["own/deep/a.txt", "own/.git/HEAD"])
            folder.Add(new ByteArrayContent([65]), "directory", name);
        Assert.Equal(HttpStatusCode.SeeOther, (await nina.SendAsync(Post("/nina/made/upload/main", folder))).StatusCode);
        Assert.Equal("A", await hub.Client.GetStringAsync("/nina/made/resolve/main/sub/deep/a.txt"));

        // Ben may discuss and propose, not change or merge.
        var begun = await ben.SendAsync("/nina/made/discussions", "/nina/made/discussions", ("title", "Which *data*?"),
            ("text", "Was it **public**?"));
        Assert.Equal("/nina/made/discussions/1", begun.Headers.Location!.OriginalString);
        Assert.Equal(HttpStatusCode.SeeOther,
            (await nina.SendAsync(begun.Headers.Location.OriginalString, begun.Headers.Location.OriginalString, ("text", "All of it."),
                ("do", "close"))).StatusCode);
        var discussion = (await ben.GetAsync("/nina/made/discussions/1")).Html;
        Assert.Contains("<strong>public</strong>", discussion);
        Assert.Contains("All of it.", discussion);
        Assert.Contains("discussion, closed", discussion);

        var proposed = Files(await ben.TokenAsync("/nina/made/upload/main"));
        proposed.Add(new StringContent("commit"), "as");
        proposed.Add(new ByteArrayContent("second\n"u8.ToArray()), "file", "notes.txt");
        Assert.Equal("/nina/made/discussions/2",
            (await ben.SendAsync(Post("/nina/made/upload/main", proposed))).Headers.Location!.OriginalString);
        Assert.Equal("first\n", await hub.Client.GetStringAsync("/nina/made/resolve/main/sub/notes.txt"));
        Assert.Matches("<span class=\"del\"><a [^>]+>1</a>-first", (await nina.GetAsync("/nina/made/discussions/2")).Html);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await ben.SendAsync("/nina/made/discussions/2", "/nina/made/discussions/2/merge", ("text", ""))).StatusCode);
        Assert.Equal(HttpStatusCode.SeeOther,
            (await nina.SendAsync("/nina/made/discussions/2", "/nina/made/discussions/2/merge", ("text", "Thanks"))).StatusCode);
        Assert.Equal("second\n", await hub.Client.GetStringAsync("/nina/made/resolve/main/sub/notes.txt"));
        Assert.Contains("pull request, merged", (await ben.GetAsync("/nina/made/discussions?status=all")).Html);

        Assert.Equal(HttpStatusCode.SeeOther, (await ben.SendAsync("/nina/made", "/nina/made/like", ("liked", "true"))).StatusCode);
        Assert.Contains("♥ Liked", (await ben.GetAsync("/nina/made")).Html);
        Assert.Equal(HttpStatusCode.SeeOther, (await ben.SendAsync("/nina/made", "/nina/made/like", ("liked", "false"))).StatusCode);
        Assert.Contains("♡ Like", (await ben.GetAsync("/nina/made")).Html);
    }

    [Theory]
    [InlineData("../x.txt", 422)]
    [InlineData("a\\b.txt", 422)]
    [InlineData(".git/config", 422)]
    public async Task A_file_whose_name_leads_elsewhere_is_refused(string name, int status)
    {
        using var visit = await PageVisit.OfAsync(await shared.GetAsync(), "ana");
        var form = new MultipartFormDataContent { { new StringContent(await visit.TokenAsync("/ana/coder/upload/main")), "_token" } };
        var file = new ByteArrayContent([65]);
        file.Headers.TryAddWithoutValidation("Content-Disposition",
            $"form-data; name=\"file\"; filename*=UTF-8''{Uri.EscapeDataString(name)}");
        form.Add(file);
        Assert.Equal(status, (int)(await visit.SendAsync(Post("/ana/coder/upload/main", form))).StatusCode);
    }

    [Fact]
    public async Task Files_of_a_form_that_was_made_elsewhere_are_not_taken()
    {
        var hub = await shared.GetAsync();
        using var visit = await PageVisit.OfAsync(hub, "ana");
        Assert.Equal(HttpStatusCode.Forbidden,
            (await visit.SendAsync(Post("/ana/coder/upload/main", Files("x", ("evil.txt", [65]))))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await hub.GetAsync("/ana/coder/resolve/main/sub/evil.txt")).StatusCode);
        foreach (var content in new HttpContent[] { new StringContent("x"),
            new StringContent("--b\r\nnonsense", Encoding.UTF8, "multipart/form-data"), new MultipartFormDataContent() })
            Assert.Equal(HttpStatusCode.BadRequest, (await visit.SendAsync(Post("/ana/coder/upload/main", content))).StatusCode);
        var many = new MultipartFormDataContent();
        for (var i = 0; i < 11; i++)
            many.Add(new StringContent("x"), $"f{i}");
        Assert.Equal(HttpStatusCode.BadRequest, (await visit.SendAsync(Post("/ana/coder/upload/main", many))).StatusCode);
        foreach (var action in new[] { "/ana/coder/like", "/ana/coder/discussions", "/acme/gated/access", "/new" })
            Assert.Equal((action, HttpStatusCode.Forbidden),
                (action, (await visit.PostAsync(action, ("title", "A title"), ("name", "x"))).StatusCode));
    }

    [Fact]
    public async Task A_gate_is_asked_by_its_page()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("greta");
        using var greta = await PageVisit.OfAsync(hub, "greta");
        Assert.Contains("Ask for access", (await greta.GetAsync("/acme/gated")).Html);
        Assert.Equal(HttpStatusCode.SeeOther, (await greta.SendAsync("/acme/gated", "/acme/gated/access")).StatusCode);
        Assert.Contains("waits for an answer", (await greta.GetAsync("/acme/gated")).Html);
        Assert.Equal(403, (await greta.GetAsync("/acme/gated/tree/main")).Status);
        await HubServer.JsonOf(await hub.PostAsync("/api/models/acme/gated/user-access-request/handle",
            new { user = "greta", status = "accepted" }, hub.Ana));
        Assert.Contains("Behind the gate", (await greta.GetAsync("/acme/gated")).Html);
    }

    [Fact]
    public async Task A_gate_asks_what_its_card_says_and_its_owner_reads_the_answers()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("gita");
        var repo = await hub.CreateRepoAsync("questions");
        await hub.CommitFilesAsync(repo, hub.Ana, ("README.md", """
            ---
            extra_gated_heading: "Tell us who you are"
            extra_gated_prompt: "Read **this** first. <script>alert(1)</script>"
            extra_gated_fields:
              Company: text
              When do you begin: date_picker
              Purpose: {type: select, options: [Research, {label: Teaching, value: teaching}]}
              I agree: checkbox
            ---
            # Behind
            """));
        await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Put, $"/api/models/{repo}/settings", hub.Ana,
            System.Net.Http.Json.JsonContent.Create(new { gated = "manual" })));
        using var gita = await PageVisit.OfAsync(hub, "gita");
        var page = (await gita.GetAsync($"/{repo}")).Html;
        foreach (var part in new[] { "<h2>Tell us who you are</h2>", "Read <strong>this</strong> first.",
            "type=\"date\"", "<option>teaching</option>" })
            Assert.Contains(part, page);
        Assert.DoesNotContain("<script>alert", page);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await gita.SendAsync($"/{repo}", $"/{repo}/access", ("answer:Company", "A & B"), ("answer:Purpose", "teaching"))).StatusCode);
        Assert.Equal(HttpStatusCode.SeeOther, (await gita.SendAsync($"/{repo}", $"/{repo}/access", ("answer:Company", "A & B"),
            ("answer:When do you begin", "2026-12-01"), ("answer:Purpose", "teaching"), ("answer:I agree", "true"))).StatusCode);
        var asked = await HubServer.JsonOf(await hub.GetAsync($"/api/models/{repo}/user-access-request/pending", hub.Ana));
        Assert.Equal("""{"Company":"A & B","When do you begin":"2026-12-01","Purpose":"teaching","I agree":"true"}""",
            System.Text.RegularExpressions.Regex.Unescape(asked[0].GetProperty("fields").GetRawText()));
        using var ana = await PageVisit.OfAsync(hub, "ana");
        Assert.Contains("Company: A &amp; B", (await ana.GetAsync($"/{repo}/settings")).Html);
    }
}
