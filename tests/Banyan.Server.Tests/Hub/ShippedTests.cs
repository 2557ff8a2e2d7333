using System.Net;
using System.Net.Http.Json;
using Banyan.Server.Access;
using Banyan.Server.Shipped;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Hub;

public sealed class ShippedTests
{
    [Fact]
    public async Task The_model_that_ships_is_published_once_updated_and_not_brought_back()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-shipped-").FullName;
        try
        {
            var sprout = Path.Combine(SharedData.Repository, "models", "sprout");
            var files = Directory.GetFiles(sprout).ToDictionary(f => Path.GetFileName(f), f => f);
            Task<HubServer> Start(params (string, string)[] more) => HubServer.StartAsync(
                folder: folder,
                change: o =>
                    o with
                    {
                        Shipped =
                        [new ShippedRepo("banyan", "sprout",
                            files.Concat(more.Select(m => KeyValuePair.Create(m.Item1, m.Item2))).ToDictionary())]
                    });

            string sha, token, first, mark;
            await using (var hub = await Start())
            {
                await hub.Server.UntilAsync(async () =>
                    (await hub.GetAsync("/banyan/sprout/resolve/main/model.safetensors")).StatusCode == HttpStatusCode.OK);
                var info = await hub.GetJsonAsync("/api/models/banyan/sprout");
                sha = info.GetProperty("sha").GetString()!;
                Assert.Equal("text-generation", info.GetProperty("pipeline_tag").GetString());
                Assert.True(info.GetProperty("safetensors").GetProperty("total").GetInt64() > 1_000_000);
                foreach (var (path, file) in files)
                    Assert.Equal(await File.ReadAllBytesAsync(file),
                        await (await hub.GetAsync($"/banyan/sprout/resolve/main/{path}")).Content.ReadAsByteArrayAsync());
                token = hub.Ana;
                await hub.Server.UntilAsync(async () => await hub.SettingAsync("shipped/banyan/sprout") != "");
                first = await hub.SettingAsync("shipped/banyan/sprout");
                await hub.Accounts.SetMemberAsync("banyan", "ana", Right.Admin, default);
            }
            var extra = Path.Combine(folder, "extra.txt");
            await File.WriteAllTextAsync(extra, "new");
            await using (var hub = await Start(("extra.txt", extra)))
            {
                await hub.Server.UntilAsync(async () =>
                    (await hub.GetAsync("/banyan/sprout/resolve/main/extra.txt")).StatusCode == HttpStatusCode.OK);
                await hub.Server.UntilAsync(async () => first != await hub.SettingAsync("shipped/banyan/sprout"));
                var commits = await hub.GetJsonAsync("/api/models/banyan/sprout/commits/main");
                Assert.Equal(3, commits.GetArrayLength());   // first, published, updated: the first start's files were not committed again
                Assert.Equal(sha, commits[1].GetProperty("id").GetString());
                mark = await hub.SettingAsync("shipped/banyan/sprout");
                await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", token,
                    JsonContent.Create(new { name = "banyan/sprout" })));
            }
            await using (var hub = await Start())
            {
                await hub.Server.UntilAsync(async () => mark != await hub.SettingAsync("shipped/banyan/sprout"));
                await HubServer.AssertErrorAsync(await hub.GetAsync("/api/models/banyan/sprout"), HttpStatusCode.NotFound, "RepoNotFound");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
