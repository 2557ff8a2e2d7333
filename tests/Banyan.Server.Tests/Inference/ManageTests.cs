using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Runtime.Adapters;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Inference;

/// <summary>Ollama's ways to change which models there are.</summary>
public sealed class ManageTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null) => TestServer.StartAsync(o =>
    {
        var options =
            o with
            {
                Inference = o.Inference with
                {
                    Models = [SharedData.Path("models", $"{TestServer.Stories}.gguf")],
                    ModelsFolder = _folder.FullName
                }
            };
        return change?.Invoke(options) ?? options;
    });

    static Task<HttpResponseMessage> DeleteAsync(TestServer server, string model) =>
        server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, "/api/delete") { Content = JsonContent.Create(new { model }) });

    static async Task<string?[]> TagsAsync(TestServer server) =>
        [.. (await server.Client.GetFromJsonAsync<JsonElement>("/api/tags")).GetProperty("models").EnumerateArray()
            .Select(m => m.GetProperty("name").GetString()).Order(StringComparer.Ordinal)];

    static async Task<string?> ServedAsync(TestServer server, string model) =>
        (await server.PostJsonAsync("/v1/completions", new { model, prompt = "a", max_tokens = 1 })).GetProperty("model").GetString();

    [Fact]
    public async Task A_copy_is_another_name_for_the_same_weights_and_is_there_after_a_restart()
    {
        File.Copy(SharedData.Path("models", "llama-tiny-F16.gguf"), Path.Combine(_folder.FullName, "llama.gguf"));
        await using (var server = await StartAsync())
        {
            Assert.Equal(HttpStatusCode.OK,
                (await server.PostAsync("/api/copy", new { source = "llama", destination = "mine:latest" })).StatusCode);
            Assert.Equal(HttpStatusCode.OK,
                (await server.PostAsync("/api/copy", new { source = TestServer.Stories, destination = "tales" })).StatusCode);
            Assert.Equal(("llama", TestServer.Stories), (await ServedAsync(server, "mine"), await ServedAsync(server, "tales:latest")));
        }
        await using (var server = await StartAsync())
        {
            Assert.Equal(["llama", "mine", TestServer.Stories, "tales"], await TagsAsync(server));
            Assert.Equal("llama", await ServedAsync(server, "mine"));
            // The copy goes, and what it names stays.
            Assert.Equal(HttpStatusCode.OK, (await DeleteAsync(server, "mine")).StatusCode);
            Assert.Equal(["llama", TestServer.Stories, "tales"], await TagsAsync(server));
            Assert.Equal("llama", await ServedAsync(server, "llama"));
            Assert.Equal(HttpStatusCode.OK, (await DeleteAsync(server, "llama:latest")).StatusCode);
            Assert.Equal([TestServer.Stories, "tales"], await TagsAsync(server));
            Assert.False(File.Exists(Path.Combine(_folder.FullName, "llama.gguf")));
            Assert.Equal(HttpStatusCode.NotFound, (await DeleteAsync(server, "llama")).StatusCode);
        }
    }

    [Fact]
    public async Task What_may_not_be_changed_stays()
    {
        await using var server = await StartAsync();
        var refused = await DeleteAsync(server, TestServer.Stories);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("was started with", await refused.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NotFound,
            (await server.PostAsync("/api/copy", new { source = "nobody", destination = "x" })).StatusCode);
        foreach (var name in (string[])["../x", "a/b", ".x", "", TestServer.Stories])
            Assert.Equal(HttpStatusCode.BadRequest,
                (await server.PostAsync("/api/copy", new { source = TestServer.Stories, destination = name })).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/api/pull", new { model = "owner/name" })).StatusCode);
        Assert.Empty(_folder.EnumerateFileSystemInfos());
    }

    static async Task<HttpResponseMessage> UploadAsync(TestServer server, byte[] bytes, string? digest = null) =>
        await server.Client.PostAsync($"/api/blobs/sha256:{digest ?? Sha256(bytes)}", new ByteArrayContent(bytes));

    static string Sha256(byte[] bytes) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));

    [Fact]
    public async Task A_model_is_created_of_another_and_of_uploaded_files_and_is_there_after_a_restart()
    {
        var weights = File.ReadAllBytes(SharedData.Path("models", "llama-tiny-F16.gguf"));
        var digest = $"sha256:{Sha256(weights)}";
        await using (var server = await StartAsync())
        {
            var created = await server.PostAsync("/api/create",
                new
                {
                    model = "pirate:latest",
                    from = TestServer.Stories,
                    system = "Arr.",
                    parameters = new { temperature = 0, stop = (string[])["zz"] }
                });
            Assert.EndsWith("""{"status":"success"}""" + "\n", await created.Content.ReadAsStringAsync());
            using var head = new HttpRequestMessage(HttpMethod.Head, $"/api/blobs/{digest}");
            Assert.Equal(HttpStatusCode.NotFound, (await server.Client.SendAsync(head)).StatusCode);
            Assert.Contains("SHA-256", await (await UploadAsync(server, weights, new string('0', 64))).Content.ReadAsStringAsync());
            Assert.Equal(HttpStatusCode.Created, (await UploadAsync(server, weights)).StatusCode);
            using var again = new HttpRequestMessage(HttpMethod.Head, $"/api/blobs/{digest}");
            Assert.Equal(HttpStatusCode.OK, (await server.Client.SendAsync(again)).StatusCode);
            Assert.Equal("success",
                (await server.PostJsonAsync("/api/create",
                    new { model = "up", files = new Dictionary<string, string> { ["a.gguf"] = digest }, stream = false })).GetProperty(
                        "status").GetString());
        }
        await using (var server = await StartAsync())
        {
            Assert.Equal(["pirate", TestServer.Stories, "up"], await TagsAsync(server));
            Assert.Equal("up", await ServedAsync(server, "up"));
            Assert.Equal("pirate", await ServedAsync(server, "pirate"));
            // Its system text stands before a conversation without one, in every API; its sampling holds where a request says nothing.
            async Task<int> Prompt(string model, string? system = null) => (await server.PostJsonAsync("/v1/chat/completions", new
            {
                model,
                max_tokens = 1,
                messages = (object[])[.. system is null ? (object[])[] : [new { role = "system", content = system }],
                    new { role = "user", content = "a" }],
            })).GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
            Assert.Equal(await Prompt(TestServer.Stories, "Arr."), await Prompt("pirate"));
            Assert.Equal(await Prompt(TestServer.Stories, "Be kind."), await Prompt("pirate", "Be kind."));
            var shown = await server.PostJsonAsync("/api/show", new { model = "pirate" });
            Assert.Equal(("Arr.", "temperature 0\nstop \"zz\""),
                (shown.GetProperty("system").GetString(), shown.GetProperty("parameters").GetString()));
            Assert.Equal(HttpStatusCode.OK, (await DeleteAsync(server, "pirate")).StatusCode);
            Assert.Equal([TestServer.Stories, "up"], await TagsAsync(server));
            Assert.Equal(TestServer.Stories, await ServedAsync(server, TestServer.Stories));
        }
    }

    [Fact]
    public async Task A_model_is_created_with_an_adapter()
    {
        static float[] Values(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i * 12.9898f))];
        var file = Path.Combine(_folder.FullName, "..", $"{_folder.Name}.gguf");
        GgufAdapter.Write(file, new AdapterWeights(4, 8, false, [new("blk.0.attn_q.weight", 64, 64, Values(256), Values(256))]), "llama");
        var adapter = File.ReadAllBytes(file);
        File.Delete(file);
        await using (var server = await StartAsync())
        {
            await UploadAsync(server, adapter);
            await server.PostJsonAsync("/api/create",
                new
                {
                    model = "bent",
                    from = TestServer.Stories,
                    adapters = new Dictionary<string, string> { ["a.gguf"] = $"sha256:{Sha256(adapter)}" },
                    stream = false
                });
            async Task<string?> Text(string model) =>
                (await server.PostJsonAsync("/v1/completions",
                    new { model, prompt = "Once", max_tokens = 20, temperature = 0 })).GetProperty("choices")[0].GetProperty("text")
                        .GetString();
            Assert.NotEqual(await Text(TestServer.Stories), await Text("bent"));
        }
        await using (var server = await StartAsync())
        {
            Assert.Equal("bent", await ServedAsync(server, "bent"));
            Assert.Equal(HttpStatusCode.OK, (await DeleteAsync(server, "bent")).StatusCode);
            Assert.Empty(_folder.EnumerateFiles("*", SearchOption.AllDirectories));
        }
    }

    [Fact]
    public async Task What_cannot_be_created_is_told_and_leaves_nothing()
    {
        await using var server = await StartAsync();
        var garbage = new byte[100];
        Assert.Equal(HttpStatusCode.Created, (await UploadAsync(server, garbage)).StatusCode);
        var uploaded = $"sha256:{Sha256(garbage)}";
        foreach (var (body, told) in ((object, string)[])
        [
            (new { model = "x" }, "'from' or 'files'"),
            (new { model = "../x", from = TestServer.Stories }, "Invalid 'model'"),
            (new { model = TestServer.Stories, from = TestServer.Stories }, "there is a model"),
            (new { model = "x", from = "nobody" }, "does not exist"),
            (new { model = "x", from = TestServer.Stories, template = "{{ .Prompt }}" }, "Jinja"),
            (new { model = "x", from = TestServer.Stories, parameters = new { temperature = 9 } }, "parameters.temperature"),
            (new { model = "x", from = TestServer.Stories, quantize = "q4_K_M" }, "banyan quantize"),
            (new { model = "x", files = new Dictionary<string, string> { ["../a.gguf"] = uploaded } }, "no folders"),
            (new { model = "x", files = new Dictionary<string, string> { ["a.gguf"] = $"sha256:{new string('0', 64)}" } }, "not uploaded"),
            (new { model = "x", files = new Dictionary<string, string> { ["a.gguf"] = uploaded } }, "cannot be served"),
        ])
        {
            var refused = await server.PostAsync("/api/create", body);
            Assert.True((int)refused.StatusCode is 400 or 404, $"{told}: {refused.StatusCode}");
            Assert.Contains(told, await refused.Content.ReadAsStringAsync());
        }
        Assert.Equal(501, (int)(await server.PostAsync("/api/push", new { model = TestServer.Stories })).StatusCode);
        Assert.Equal([TestServer.Stories], await TagsAsync(server));
    }
}
