using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Hub;

public sealed class RemovedHistoryTests(LocalHub hub) : RemovedHistoryContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterRemovedHistoryTests(ClusterHub hub) : RemovedHistoryContract(hub), IClassFixture<ClusterHub>;

/// <summary>
/// What no ref leads to any more, like a commit with a key that was pushed by mistake, is gone for readers at once; downloads under way end
/// well.
/// </summary>
public abstract class RemovedHistoryContract(HubKind kind) : HubContract(kind, "removed")
{
    Task<HttpResponseMessage> ApiAsync(string path, object body, string? token = null) =>
        Hub.PostAsync($"/api/models/{Repo}/{path}", body, token ?? Hub.Ana);

    Task<HttpResponseMessage> ProposeAsync(string parent, string token) => Hub.SendAsync(
        HttpMethod.Post, $"/api/models/{Repo}/commit/main?create_pr=1", token,
        new StringContent($$$"""{"key":"header","value":{"summary":"proposed","parentCommit":"{{{parent}}}"}}""" + "\n", Encoding.UTF8,
            "application/x-ndjson"));

    Task<HttpResponseMessage> FileAsync(string revision, string path) => Hub.GetAsync($"/{Repo}/resolve/{revision}/{path}", Hub.Ana);

    async Task AssertGoneAsync(string commit, string secret)
    {
        foreach (var id in (string[])[commit, commit[..9]])
        {
            foreach (var route in (string[])[$"revision/{id}", $"tree/{id}?recursive=1", $"tree/main?cursor={id}-0", $"commits/{id}"])
                if (route.Contains("cursor", StringComparison.Ordinal) && id != commit)
                    continue;
                else
                    await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/models/{Repo}/{route}", Hub.Ana),
                        HttpStatusCode.NotFound, "RevisionNotFound");
            await HubServer.AssertErrorAsync(await ApiAsync($"paths-info/{id}", new { paths = new[] { secret } }),
                HttpStatusCode.NotFound, "RevisionNotFound");
            await HubServer.AssertErrorAsync(await ApiAsync($"preupload/{id}",
                new { files = new[] { new { path = "x", size = 5, sample = "" } } }), HttpStatusCode.NotFound, "RevisionNotFound");
            foreach (var route in (string[])["resolve", "raw", "blob"])
                foreach (var path in (string[])[secret, "never.txt"])
                    await HubServer.AssertErrorAsync(await Hub.GetAsync($"/{Repo}/{route}/{id}/{path}", Hub.Ana),
                        HttpStatusCode.NotFound, "RevisionNotFound");
            await HubServer.AssertErrorAsync(await ProposeAsync(id, Hub.Ana), HttpStatusCode.NotFound, "RevisionNotFound");
        }
    }

    [Theory]
    [InlineData("squash")]
    [InlineData("overwrite")]
    [InlineData("delete")]
    public async Task Nobody_reads_it_by_its_id(string how)
    {
        var first = await Hub.CommitFilesAsync(Repo, Hub.Ana, ("weights.txt", "many"));
        await HubServer.JsonOf(await ApiAsync("branch/work", new { }));
        var leak = await CommitToAsync("work", "a secret", HubServer.File("key.txt", "hunter2"));
        Assert.Equal("hunter2", await (await FileAsync(leak, "key.txt")).Content.ReadAsStringAsync());
        Assert.Equal("many", await (await FileAsync(leak, "weights.txt")).Content.ReadAsStringAsync());
        switch (how)
        {
            case "squash":
                await CommitToAsync("work", "taken out", ("deletedFile", new { path = "key.txt" }));
                Assert.Equal("hunter2", await (await FileAsync(leak, "key.txt")).Content.ReadAsStringAsync());   // the history still has it
                await HubServer.JsonOf(await ApiAsync("super-squash/work", new { }));
                break;
            case "overwrite":
                await HubServer.JsonOf(await ApiAsync("branch/work", new { startingPoint = first, overwrite = true }));
                break;
            default:
                Assert.True((await Hub.SendAsync(HttpMethod.Delete, $"/api/models/{Repo}/branch/work", Hub.Ana)).IsSuccessStatusCode);
                break;
        }
        await AssertGoneAsync(leak, "key.txt");

        // What is still there under another commit is what a download that began before goes on with.
        var goesOn = await FileAsync(leak, "weights.txt");
        Assert.Equal("many", await goesOn.Content.ReadAsStringAsync());
        Assert.Equal(leak, goesOn.Headers.GetValues("X-Repo-Commit").Single());

        // An older commit of the history is read by its id as ever, and who may write can undo.
        Assert.Equal("many", await (await FileAsync(first[..10], "weights.txt")).Content.ReadAsStringAsync());
        await HubServer.JsonOf(await ProposeAsync(first, Hub.Ana));
        await HubServer.JsonOf(await ApiAsync("branch/back", new { startingPoint = leak }));
        Assert.Equal("hunter2", await (await FileAsync(leak, "key.txt")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_pull_request_and_a_tag_keep_what_they_lead_to()
    {
        var tagged = await Hub.CommitFilesAsync(Repo, Hub.Ana, ("a.txt", "1"));
        await HubServer.JsonOf(await ApiAsync($"tag/{tagged}", new { tag = "v1", message = "first" }));
        var proposed = await HubServer.JsonOf(await ProposeAsync(await Hub.CommitFilesAsync(Repo, Hub.Ana, ("a.txt", "2")), Hub.Ana));
        await HubServer.JsonOf(await ApiAsync("super-squash/main", new { }));
        foreach (var id in (string[])[tagged, proposed.GetProperty("commitOid").GetString()!])
            Assert.True((await Hub.GetAsync($"/api/models/{Repo}/commits/{id}", Hub.Ana)).IsSuccessStatusCode);
        await HubServer.JsonOf(await ApiAsync("discussions/1/status", new { status = "closed" }));
        Assert.Equal("2", await (await FileAsync(proposed.GetProperty("commitOid").GetString()!, "a.txt")).Content.ReadAsStringAsync());
    }

    async Task<string> CommitToAsync(string branch, string summary, params (string Key, object Value)[] lines)
    {
        var body =
            string.Concat(lines.Prepend(("header", new { summary }))
                .Select(l => JsonSerializer.Serialize(new { key = l.Item1, value = l.Item2 }) + "\n"));
        var made =
            await HubServer.JsonOf(await Hub.SendAsync(HttpMethod.Post, $"/api/models/{Repo}/commit/{branch}", Hub.Ana,
                new StringContent(body, Encoding.UTF8, "application/x-ndjson")));
        return made.GetProperty("commitOid").GetString()!;
    }
}
