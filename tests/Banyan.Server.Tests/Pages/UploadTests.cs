using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Web;
using Banyan.Server.SignIn;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Banyan.Server.Tests.Pages;

/// <summary>
/// Files that the upload page's script sends in pieces, in a real Chromium whose connection breaks, and what the hub refuses of them.
/// </summary>
public class UploadTests(SharedHub shared, Browser browser)
{
    [Fact]
    public async Task An_upload_that_breaks_continues_by_itself_and_in_another_page_without_sending_again_what_arrived()
    {
        var hub = await shared.GetAsync();
        await hub.CreateRepoAsync("pieces");
        var folder = Directory.CreateTempSubdirectory("banyan-upload-");
        try
        {
            var weights = new byte[9_000_000];   // three pieces
            new Random(7).NextBytes(weights);
            var file = Path.Combine(folder.FullName, "weights.bin");
            await File.WriteAllBytesAsync(file, weights);
            var (came, firstCame, lost) = (new ConcurrentQueue<string>(), new TaskCompletionSource(), false);
            async Task<IPage> OpenAsync(bool cut)
            {
                using var visit = await PageVisit.OfAsync(hub, "ana");
                var page = await browser.OpenAsync(hub.Address);
                var session = visit.Cookies.GetCookies(new Uri(hub.Address))[Sessions.CookieName]!;
                await page.Context.AddCookiesAsync(
                    [new() { Name = session.Name, Value = session.Value, Url = hub.Address, HttpOnly = true }]);
                page.Response += (_, response) =>
                {
                    if (response.Request.Method != "PUT" || response.Status != 200)
                        return;
                    var query = HttpUtility.ParseQueryString(new Uri(response.Url).Query);
                    came.Enqueue($"{query["name"]} {query["piece"]}");
                    firstCame.TrySetResult();
                };
                if (cut)
                    await page.RouteAsync("**/pieces?*piece=2", async route =>
                    {
                        // The connection breaks when the first piece has arrived; afterwards it holds until the third, which never does.
                        await firstCame.Task;
                        await (lost ? route.ContinueAsync() : route.AbortAsync("connectionreset"));
                        lost = true;
                    });
                await page.RouteAsync("**/pieces?*piece=3", route => cut ? Task.CompletedTask : route.ContinueAsync());
                await page.GotoAsync("/ana/pieces/upload/main");
                // Slow enough that speed and time left are seen.
                if (!cut)
                    await (await page.Context.NewCDPSessionAsync(page)).SendAsync("Network.emulateNetworkConditions",
                        new() { ["offline"] = false, ["latency"] = 0, ["downloadThroughput"] = -1, ["uploadThroughput"] = 300_000 });
                await page.GetByLabel("Files", new() { Exact = true }).First.SetInputFilesAsync(file);
                await page.GetByRole(AriaRole.Button, new() { Name = "Upload", Exact = true }).ClickAsync();
                return page;
            }

            var page = await OpenAsync(cut: true);
            await Assertions.Expect(page.Locator("form [role=status]")).ToContainTextAsync("No connection");
            await hub.Server.UntilAsync(() => Task.FromResult(came.Count == 2));
            await Assertions.Expect(page.Locator(".sending li")).ToContainTextAsync("8.4 MB / 9 MB");
            await page.Context.CloseAsync();
            Assert.Equal(["weights.bin 1", "weights.bin 2"], came);

            page = await OpenAsync(cut: false);
            await Assertions.Expect(page.Locator(".sending li"))
                .ToContainTextAsync(new System.Text.RegularExpressions.Regex(@"8\.\d MB of 9 MB · \d+ kB/s · 0:0\d left"));
            await Browser.KeepAsync(page, "upload");
            await page.WaitForURLAsync("**/ana/pieces/tree/main");
            await page.Context.CloseAsync();
            Assert.Equal(["weights.bin 1", "weights.bin 2", "weights.bin 3"], came);
            Assert.Equal(weights, await hub.Client.GetByteArrayAsync("/ana/pieces/resolve/main/weights.bin"));
            await foreach (var left in hub.Server.Services.GetRequiredService<IObjectStore>().ListAsync("uploads/", default))
                Assert.Fail($"{left.Key} is left");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_folder_that_is_dropped_is_proposed_by_who_may_not_write()
    {
        var hub = await shared.GetAsync();
        await hub.CreateRepoAsync("dropped");
        using var visit = await PageVisit.OfAsync(hub, "ben");
        var page = await browser.OpenAsync(hub.Address);
        var session = visit.Cookies.GetCookies(new Uri(hub.Address))[Sessions.CookieName]!;
        await page.Context.AddCookiesAsync([new() { Name = session.Name, Value = session.Value, Url = hub.Address, HttpOnly = true }]);
        await page.GotoAsync("/ana/dropped/upload/main");
        await page.GetByLabel("Folder leave empty for the root").FillAsync("/sub/");
        var transfer = await page.EvaluateHandleAsync("""
            () => {
              const transfer = new DataTransfer();
              transfer.items.add(new File(["one\n"], "notes.txt"));
              transfer.items.add(new File([], "empty.txt"));
              return transfer;
            }
            """);
        await page.DispatchEventAsync(".drop", "drop", new { dataTransfer = transfer });
        await Assertions.Expect(page.Locator(".sending li")).ToHaveCountAsync(2);
        await page.GetByRole(AriaRole.Button, new() { Name = "Upload", Exact = true }).ClickAsync();
        await page.WaitForURLAsync("**/ana/dropped/discussions/1");
        await page.Context.CloseAsync();
        Assert.Equal("one\n", await hub.Client.GetStringAsync("/ana/dropped/resolve/refs%2Fpr%2F1/sub/notes.txt"));
        Assert.Equal("", await hub.Client.GetStringAsync("/ana/dropped/resolve/refs%2Fpr%2F1/sub/empty.txt"));
    }

    [Fact]
    public async Task Pieces_are_ones_own_and_what_no_page_sends_is_refused()
    {
        var hub = await shared.GetAsync();
        await hub.CreateRepoAsync("own-pieces");
        const string Put = "/ana/own-pieces/pieces?name=a.txt&size=3&modified=1&piece=1";
        var file = new { name = "a.txt", size = 3, modified = 1, path = "a.txt" };
        Task<HttpResponseMessage> Send(HttpMethod method, string path, string token, HttpContent content) =>
            hub.SendAsync(method, path, token, content);
        Task<HttpResponseMessage> Arrived(string token) =>
            Send(HttpMethod.Post, "/ana/own-pieces/pieces", token, JsonContent.Create(new[] { file }));
        Task<HttpResponseMessage> Commit(string token, string sent) =>
            Send(HttpMethod.Post, "/ana/own-pieces/upload/main", token,
                new MultipartFormDataContent { { new StringContent(sent), "sent" } });

        Assert.Equal(HttpStatusCode.OK, (await Send(HttpMethod.Put, Put, hub.Ana, new StringContent("abc"))).StatusCode);
        Assert.Equal(HubServer.Sha256("abc"u8.ToArray()),
            (await HubServer.JsonOf(await Arrived(hub.Ana)))[0].GetProperty("pieces")[0].GetString());
        Assert.Equal("", (await HubServer.JsonOf(await Arrived(hub.Ben)))[0].GetProperty("pieces")[0].GetString());
        Assert.Contains("has not arrived",
            await HubServer.AssertErrorAsync(await Commit(hub.Ben, """[{"name":"a.txt","size":3,"modified":1,"path":"a.txt"}]"""),
                HttpStatusCode.BadRequest));

        foreach (var wrong in new[] { "name=a.txt&size=3&modified=1&piece=2", "name=a.txt&size=3&modified=1&piece=0",
            "name=&size=3&modified=1&piece=1", "name=a.txt&size=x&modified=1&piece=1",
            "name=a.txt&size=9999999999999999&modified=1&piece=1", "piece=1" })
            await HubServer.AssertErrorAsync(await Send(HttpMethod.Put, $"/ana/own-pieces/pieces?{wrong}", hub.Ana,
                new StringContent("abc")), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Send(HttpMethod.Put, Put, hub.Ana, new StringContent("ab")), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Send(HttpMethod.Put, Put, hub.Ana, new StringContent("abcd")),
            HttpStatusCode.RequestEntityTooLarge);
        foreach (var wrong in new[] { "[null]", "{}", "x", """[{"name":null,"size":3,"path":"a.txt"}]""",
            """[{"name":"b.txt","size":3,"modified":1,"path":"b.txt"}]""" })
            await HubServer.AssertErrorAsync(await Commit(hub.Ana, wrong), HttpStatusCode.BadRequest);
        foreach (var path in new[] { "../a", ".git/config", "" })
            await HubServer.AssertErrorAsync(await Commit(hub.Ana, $$"""[{"name":"a.txt","size":3,"modified":1,"path":"{{path}}"}]"""),
                HttpStatusCode.UnprocessableEntity);
        // That a file is large and here is not taken from who says so.
        await HubServer.AssertErrorAsync(await Commit(hub.Ana,
            $$"""[{"name":"a.txt","size":3,"modified":1,"path":"a.txt","sha256":"{{new string('0', 64)}}"}]"""), HttpStatusCode.BadRequest);
        // A page of elsewhere has no token of the session's forms.
        using var visit = await PageVisit.OfAsync(hub, "ana");
        Assert.Equal(HttpStatusCode.Forbidden,
            (await visit.SendAsync(new HttpRequestMessage(HttpMethod.Put, Put) { Content = new StringContent("abc") })).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await visit.SendAsync(new HttpRequestMessage(HttpMethod.Post,
                "/ana/own-pieces/upload/main")
            {
                Content =
                    new MultipartFormDataContent { { new StringContent("""[{"name":"a.txt","size":3,"modified":1,"path":"a.txt"}]"""),
                        "sent" } }
            })).StatusCode);

        Assert.Equal("/ana/own-pieces/tree/main",
            (await HubServer.JsonOf(await Commit(hub.Ana, """[{"name":"a.txt","size":3,"modified":1,"path":"deep/a.txt"}]"""))).GetProperty(
                "address").GetString());
        Assert.Equal("abc", await hub.Client.GetStringAsync("/ana/own-pieces/resolve/main/deep/a.txt"));
    }
}
