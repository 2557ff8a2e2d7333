using System.Text;
using System.Text.Json;
using AngleSharp.Html.Parser;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Pages;

/// <summary>Differences of weights by tensors and of JSON by keys, on the pages of a commit and a pull request.</summary>
public class MeaningTests(SharedHub shared)
{
    static byte[] Safetensors(params (string Name, string Type, int[] Shape, byte[] Bytes)[] tensors)
    {
        var (header, at) = (new Dictionary<string, object>(), 0);
        foreach (var (name, type, shape, bytes) in tensors)
            header[name] = new { dtype = type, shape, data_offsets = new[] { at, at += bytes.Length } };
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. tensors.SelectMany(t => t.Bytes)];
    }

    static (string, string, int[], byte[]) F32(string name, int rows, int columns, Func<int, float> value) =>
        (name, "F32", [rows, columns], [.. Enumerable.Range(0, rows * columns).SelectMany(i => BitConverter.GetBytes(value(i)))]);

    static (string, string, int[], byte[]) F16(string name, int rows, int columns, Func<int, float> value) =>
        (name, "F16", [rows, columns], [.. Enumerable.Range(0, rows * columns).SelectMany(i => BitConverter.GetBytes((Half)value(i)))]);

    static async Task CommitAsync(HubServer hub, string repo, string query, params (string Path, byte[] Bytes)[] files)
    {
        foreach (var (_, bytes) in files)
            await hub.UploadAsync(repo, bytes);
        var lines = new[] { JsonSerializer.Serialize(new { key = "header", value = new { summary = "files" } }) }
            .Concat(files.Select(f => JsonSerializer.Serialize(new { key = "lfsFile", value = HubServer.Large(f.Path, f.Bytes).Item2 })));
        await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Post, $"/api/models/{repo}/commit/main{query}", hub.Ana,
            new StringContent(string.Join('\n', lines), Encoding.UTF8, "application/x-ndjson")));
    }

    /// <summary>The rows of a file's table: their cells, with '|' between.</summary>
    async Task<(string Text, string[] Rows)> ShownAsync(string page, string file)
    {
        // A page gives two seconds to what files mean, which a busy machine may need for something else: then it is asked again.
        for (var attempt = 0; ; attempt++)
        {
            var (status, html, _) = await shared.PageAsync(page);
            Assert.Equal(200, status);
            var shown = new HtmlParser().ParseDocument(html).QuerySelectorAll("details.diff")
                .Single(d => d.QuerySelector("summary code")!.TextContent == file).QuerySelector(".meaning");
            if (shown is null && attempt < 20)
                continue;
            Assert.True(shown is not null, $"{page} says nothing of what changed in {file}");
            string[] rows = [.. shown.QuerySelectorAll("tbody tr").Select(r => string.Join('|', r.Children.Select(c => c.TextContent.Trim())))];
            if (attempt < 20 && rows.Any(r => r.EndsWith("|as before|", StringComparison.Ordinal)))
                continue;
            return (shown.QuerySelector("p")!.TextContent.Trim(), rows);
        }
    }

    [Fact]
    public async Task Weights_are_compared_by_tensors_and_a_damaged_file_is_told_as_that_alone()
    {
        var hub = await shared.GetAsync();
        var repo = await hub.CreateRepoAsync("compared");
        var gguf = await File.ReadAllBytesAsync(SharedData.Path("models", $"{TestServer.Stories}.gguf"));
        byte[] damaged = [.. BitConverter.GetBytes(50L), .. new byte[100]], beyond = Safetensors(F32("x", 2, 2, i => i));
        await CommitAsync(hub, repo, "",
            ("model.safetensors",
                Safetensors(F32("gone", 2, 2, i => 1), F32("grown", 2, 2, i => 1), F32("half", 4, 4, i => i),
                    F32("large", 200, 100, i => 1 + i % 7), F32("same", 3, 3, i => i), F32("zero", 2, 2, i => 0))),
            ("damaged.safetensors", damaged), ("short.safetensors", beyond), ("model.gguf", gguf));
        // All values of the last tensor's end: 4 bytes of a number.
        var changed = (byte[])gguf.Clone();
        changed[^3] ^= 0x40;
        await CommitAsync(hub, repo, "?create_pr=1",
            ("model.safetensors",
                Safetensors(F32("new", 1, 2, i => 1), F32("grown", 2, 3, i => 1), F16("half", 4, 4, i => i),
                    F32("large", 200, 100, i => 1.01f * (1 + i % 7)), F32("same", 3, 3, i => i), F32("zero", 2, 2, i => 1))),
            ("damaged.safetensors", [.. damaged, 1]), ("short.safetensors", [.. beyond[..^4]]), ("model.gguf", changed));

        foreach (var page in new[] { $"/{repo}/commit/refs/pr/1", $"/{repo}/discussions/1" })
        {
            var (text, rows) = await ShownAsync(page, "model.safetensors");
            Assert.Equal("6 changes. 1 is as before.", text);
            Assert.Equal([
                "new|added||F32, 1 × 2|", "gone|removed|F32, 2 × 2||", "grown|changed|F32, 2 × 2|F32, 2 × 3|",
                "zero|changed|F32, 2 × 2|as before|was all zero",
                "large|changed|F32, 200 × 100|as before|1 % (sample of 6144)", "half|changed|F32, 4 × 4|F16, 4 × 4|0 %",
            ], rows);
            var weights = await ShownAsync(page, "model.gguf");
            Assert.StartsWith("1 change.", weights.Text);
            Assert.Matches(@"^\S+\|changed\|\S+, .*\|as before\|.* %", Assert.Single(weights.Rows));
            Assert.StartsWith("The header is damaged", (await ShownAsync(page, "damaged.safetensors")).Text);
            Assert.Equal("0 changes. The values of 1 tensor were not compared.", (await ShownAsync(page, "short.safetensors")).Text);
        }
    }

    [Fact]
    public async Task JSON_is_compared_by_its_keys()
    {
        var hub = await shared.GetAsync();
        var repo = await hub.CreateRepoAsync("keys");
        // One long name over many keys does not multiply.
        var deep = $$"""{"{{new string('n', 100_000)}}": {{{string.Join(',', Enumerable.Range(0, 5000).Select(i => $"\"{i}\": 1"))}}} }""";
        await hub.CommitFilesAsync(repo, hub.Ana,
            ("config.json", """{"layers": 12, "rope": {"theta": 10000, "kind": "a"}, "list": [1, 2], "parts": [{"n": 1}], "gone": null}"""),
            ("no.json", "{"), ("deep.json", deep));
        await hub.CommitFilesAsync(repo, hub.Ana,
            ("config.json",
                """{ "layers": 12, "list": [1, 3], "rope": {"theta": 1e6, "kind": "a"}, "parts": [{"n": 2}], "<b>": "<script>" }"""),
                    ("no.json", "{}"), ("deep.json", deep.Replace("\"0\": 1", "\"0\": 2")));
        var (text, rows) = await ShownAsync($"/{repo}/commit/main", "config.json");
        Assert.Equal("5 changes. 2 are as before.", text);
        Assert.Equal(["list|changed|[1,2]|[1,3]", "rope.theta|changed|10000|1e6", "parts[0].n|changed|1|2", "<b>|added||\"<script>\"",
            "gone|removed|null|"], rows);
        Assert.StartsWith("The file is not JSON", (await ShownAsync($"/{repo}/commit/main", "no.json")).Text);
        Assert.Equal("1 change.", (await ShownAsync($"/{repo}/commit/main", "deep.json")).Text);
    }
}
