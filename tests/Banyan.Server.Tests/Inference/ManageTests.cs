using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
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
        var options = o with { Inference = o.Inference with { Models = [SharedData.Path("models", $"{TestServer.Stories}.gguf")], ModelsFolder = _folder.FullName } };
        return change?.Invoke(options) ?? options;
    });

    static Task<HttpResponseMessage> DeleteAsync(TestServer server, string model) =>
        server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, "/api/delete") { Content = JsonContent.Create(new { model }) });

    static async Task<string?[]> TagsAsync(TestServer server) =>
        [.. (await server.Client.GetFromJsonAsync<JsonElement>("/api/tags")).GetProperty("models").EnumerateArray().Select(m => m.GetProperty("name").GetString()).Order(StringComparer.Ordinal)];

    static async Task<string?> ServedAsync(TestServer server, string model) =>
        (await server.PostJsonAsync("/v1/completions", new { model, prompt = "a", max_tokens = 1 })).GetProperty("model").GetString();

    [Fact]
    public async Task A_copy_is_another_name_for_the_same_weights_and_is_there_after_a_restart()
    {
        File.Copy(SharedData.Path("models", "llama-tiny-F16.gguf"), Path.Combine(_folder.FullName, "llama.gguf"));
        await using (var server = await StartAsync())
        {
            Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/api/copy", new { source = "llama", destination = "mine:latest" })).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/api/copy", new { source = TestServer.Stories, destination = "tales" })).StatusCode);
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
        Assert.Equal(HttpStatusCode.NotFound, (await server.PostAsync("/api/copy", new { source = "nobody", destination = "x" })).StatusCode);
        foreach (var name in (string[])["../x", "a/b", ".x", "", TestServer.Stories])
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/api/copy", new { source = TestServer.Stories, destination = name })).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/api/pull", new { model = "owner/name" })).StatusCode);
        Assert.Empty(_folder.EnumerateFileSystemInfos());
    }
}
