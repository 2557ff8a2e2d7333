using System.Text.RegularExpressions;

namespace Banyan.Server.Tests.Pages;

public sealed class StoragePageTests(SharedHub shared)
{
    [Fact]
    public async Task A_namespace_sees_what_it_keeps_the_largest_first_and_others_do_not()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("stella");
        using var stella = await PageVisit.OfAsync(hub, "stella");
        foreach (var (name, length) in new[] { ("small", 10), ("large", 5000) })
        {
            await stella.SendAsync("/new", "/new", ("name", name), ("owner", "stella"), ("type", name == "small" ? "dataset" : "model"),
                ("visibility", "private"));
            using var form = new MultipartFormDataContent { { new StringContent(await stella.TokenAsync("/new")), "_token" },
                { new ByteArrayContent(new byte[length]), "file", "zeros.bin" } };
            await stella.SendAsync(new HttpRequestMessage(HttpMethod.Post,
                $"/{(name == "small" ? "datasets/" : "")}stella/{name}/upload/main")
            { Content = form });
        }
        var (status, html) = await stella.GetAsync("/settings/storage");
        Assert.Equal(200, status);
        Assert.Equal(["stella/large", "datasets/stella/small"],
            Regex.Matches(html, "<th scope=\"row\"><a href=\"/([^\"]+)\"").Select(m => m.Groups[1].Value));
        Assert.Contains("aria-label=\"large: ", html);
        Assert.DoesNotContain("free on the hub", html);
        using var ben = await PageVisit.OfAsync(hub, "ben");
        Assert.Equal(404, (await ben.GetAsync("/settings/storage?of=stella")).Status);
        using var olga = await PageVisit.OfAsync(hub, SharedHub.Administrator);
        Assert.Contains("free on the hub", (await olga.GetAsync("/settings/storage?of=stella")).Html);
    }
}
