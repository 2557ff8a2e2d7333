using System.Net;
using System.Net.Http.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Pages;

/// <summary>A repository's settings and an organization's members, in a browser without script.</summary>
public sealed class RepoSettingsTests(SharedHub shared)
{
    [Fact]
    public async Task Who_sees_it_who_reads_it_its_name_and_its_end()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("rana");
        using var visit = await PageVisit.OfAsync(hub, "rana");
        await visit.SendAsync("/new", "/new", ("name", "first"), ("owner", "rana"), ("type", "model"), ("visibility", "public"));
        Task<HttpResponseMessage> Change(string repo, params (string, string)[] fields) =>
            visit.SendAsync($"/{repo}/settings", $"/{repo}/settings", fields);
        Assert.Contains("href=\"/rana/first/settings\"", (await visit.GetAsync("/rana/first")).Html);
        Assert.Equal(HttpStatusCode.OK,
            (await Change("rana/first", ("do", "set"), ("visibility", "public"), ("gated", "manual"))).StatusCode);
        // Somebody asks, is let in, and is let in no more.
        Assert.Equal(HttpStatusCode.Forbidden, (await hub.GetAsync("/rana/first/resolve/main/.gitattributes", hub.Ben)).StatusCode);
        await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Post, "/rana/first/ask-access", hub.Ben,
            JsonContent.Create(new { why = "<i>research" })));
        var page = (await visit.GetAsync("/rana/first/settings")).Html;
        Assert.Contains("why: &lt;i&gt;research", page);
        Assert.Equal(HttpStatusCode.OK, (await Change("rana/first", ("do", "accepted"), ("user", "ben"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await hub.GetAsync("/rana/first/resolve/main/.gitattributes", hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Change("rana/first", ("do", "rejected"), ("user", "ben"))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await hub.GetAsync("/rana/first/resolve/main/.gitattributes", hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Change("rana/first", ("do", "grant"), ("user", "ben"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Change("rana/first", ("do", "grant"), ("user", "nobody-here"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await Change("rana/first", ("do", "something"))).StatusCode);
        // A stranger has no such page, and moves nothing.
        using var stranger = await PageVisit.OfAsync(hub, "ben");
        Assert.Equal(403, (await stranger.GetAsync("/rana/first/settings")).Status);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await stranger.SendAsync("/", "/rana/first/settings", ("do", "remove"), ("confirm", "rana/first"))).StatusCode);
        // Another name, and its end.
        Assert.Equal(HttpStatusCode.Forbidden, (await Change("rana/first", ("do", "move"), ("owner", "ana"), ("name", "mine"))).StatusCode);
        var moved = await Change("rana/first", ("do", "move"), ("owner", "rana"), ("name", "second"));
        Assert.Equal((HttpStatusCode.SeeOther, "/rana/second/settings"), (moved.StatusCode, moved.Headers.Location!.ToString()));
        Assert.Equal(HttpStatusCode.BadRequest, (await Change("rana/second", ("do", "remove"), ("confirm", "rana/first"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Change("rana/second", ("do", "set"), ("visibility", "private"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await hub.GetAsync("/api/models/rana/second")).StatusCode);
        Assert.Equal("/rana", (await Change("rana/second", ("do", "remove"), ("confirm", "rana/second"))).Headers.Location!.ToString());
        Assert.Equal(404, (await visit.GetAsync("/rana/second")).Status);
    }

    [Fact]
    public async Task An_organization_is_made_and_has_an_administrator_always()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("odin");
        await hub.AddUserAsync("freya");
        using var odin = await PageVisit.OfAsync(hub, "odin");
        using var freya = await PageVisit.OfAsync(hub, "freya");
        const string Page = "/settings/organizations";
        async Task<HttpStatusCode> By(PageVisit visit, params (string, string)[] fields) =>
            (await visit.SendAsync(Page, Page, fields)).StatusCode;
        Assert.Equal(HttpStatusCode.OK, await By(odin, ("do", "create"), ("name", "Asgard"), ("fullname", "The lab of Asgard")));
        Assert.Equal(HttpStatusCode.BadRequest, await By(odin, ("do", "create"), ("name", "asgard")));
        Assert.Equal(HttpStatusCode.OK, await By(odin, ("do", "set"), ("of", "Asgard"), ("user", "freya"), ("role", "write")));
        Assert.Contains("href=\"/freya\"", (await odin.GetAsync($"{Page}?of=Asgard")).Html);
        foreach (var wrong in new (string, string)[][] { [("do", "set"), ("of", "Asgard"), ("user", "odin"), ("role", "read")],
            [("do", "remove"), ("of", "Asgard"), ("user", "odin")],
            [("do", "set"), ("of", "Asgard"), ("user", "nobody-here"), ("role", "read")],
            [("do", "set"), ("of", "Asgard"), ("user", "freya"), ("role", "god")] })
            Assert.Equal(HttpStatusCode.BadRequest, await By(odin, wrong));
        Assert.Equal(HttpStatusCode.Forbidden, await By(freya, ("do", "set"), ("of", "Asgard"), ("user", "freya"), ("role", "admin")));
        Assert.Equal(HttpStatusCode.Forbidden, await By(freya, ("do", "remove"), ("of", "Asgard"), ("user", "odin")));
        Assert.Equal(HttpStatusCode.OK, await By(odin, ("do", "set"), ("of", "Asgard"), ("user", "freya"), ("role", "admin")));
        Assert.Equal(HttpStatusCode.OK, await By(odin, ("do", "remove"), ("of", "Asgard"), ("user", "odin")));
        Assert.DoesNotContain("Asgard", (await odin.GetAsync(Page)).Html);
    }
}
