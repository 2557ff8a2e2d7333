using System.Text.Json;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;
using Banyan.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Tests.Clients;

/// <summary>The npm package <c>@huggingface/hub</c>, unmodified, in a page of another site that the hub was told to let in.</summary>
public sealed class HubBrowserTests(Browser browser)
{
    const string Page = """
        <!doctype html><script type="importmap">{"imports": {
          "@huggingface/hub": "/@huggingface/hub/dist/browser/index.mjs", "@huggingface/xetchunk-wasm": "/@huggingface/xetchunk-wasm/dist/esm/index.js",
          "@huggingface/blake3-jit": "/@huggingface/blake3-jit/dist/esm/index.js", "gearhash-jit": "/gearhash-jit/dist/esm/index.js"}}</script>
        """;

    const string Work = """
        async ([hubUrl, accessToken]) => {
          const hub = await import("@huggingface/hub"), all = { hubUrl, accessToken, repo: { type: "model", name: "ana/web" } };
          const bytes = new Uint8Array(3_000_000); for (let i = 0, x = 1; i < bytes.length; i++) bytes[i] = (x = (Math.imul(x, 1664525) + 1013904223) >>> 0) >>> 24;
          const same = async (options) => { const got = new Uint8Array(await (await hub.downloadFile({ ...all, ...options })).arrayBuffer()); return got.length === bytes.length && got.every((b, i) => b === bytes[i]); };
          await hub.createRepo(all);
          await hub.uploadFile({ ...all, file: { path: "xet.bin", content: new Blob([bytes]) }, useXet: true });
          await hub.uploadFile({ ...all, file: { path: "lfs.bin", content: new Blob([bytes, "!"]) }, useXet: false });
          const report = { xet: await same({ path: "xet.bin" }), whole: await same({ path: "xet.bin", xet: false }), files: [], commits: await hub.countCommits(all) };
          for await (const file of hub.listFiles(all)) report.files.push(`${file.path} ${file.size}`);
          report.info = (await hub.fileDownloadInfo({ ...all, path: "lfs.bin" })).size;
          report.missing = await hub.checkRepoAccess({ ...all, repo: "ana/none" }).catch(e => `${e.statusCode} ${e.message.split(".")[0]}`);
          await hub.deleteFile({ ...all, path: "lfs.bin" });
          report.left = await hub.fileExists({ ...all, path: "lfs.bin" });
          await hub.deleteRepo(all);
          return JSON.stringify(report);
        }
        """;

    [Fact]
    public async Task A_page_that_was_let_in_uploads_and_downloads()
    {
        var packages = Path.Combine(SharedData.Repository, "tests", "Clients", "node_modules");
        if (!Directory.Exists(Path.Combine(packages, "@huggingface", "hub")))
            SharedData.Missing("the npm package @huggingface/hub is not installed: tests/prepare installs it (needs Node.js)");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var site = builder.Build();
        site.Urls.Add("http://127.0.0.1:0");
        site.UseStaticFiles(new StaticFileOptions { FileProvider = new PhysicalFileProvider(packages), ServeUnknownFileTypes = true });
        site.MapGet("/", () => Results.Content(Page, "text/html"));
        await site.StartAsync();
        await using var hub = await HubServer.StartAsync(allowedOrigin: site.Urls.First());

        var page = await browser.OpenAsync(site.Urls.First());
        await page.GotoAsync("/");
        Assert.Equal(
            """{"xet":true,"whole":true,"files":[".gitattributes 1562","lfs.bin 3000001","xet.bin 3000000"],"commits":3,"info":3000001,"missing":"404 Repository ana/none not found","left":false}""",
            await page.EvaluateAsync<string>(Work, new[] { hub.Address, hub.Ana }));
        await page.Context.CloseAsync();
    }
}
