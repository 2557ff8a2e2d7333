using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Models;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Inference;

public class StatusTests(SharedServer shared)
{
    [Fact]
    public async Task Health_of_a_ready_server_is_ok() =>
        Assert.Equal("""{"status":"ok"}""", await (await shared.GetAsync()).Client.GetStringAsync("/health"));

    [Fact]
    public async Task Model_list_and_one_model_agree()
    {
        var client = (await shared.GetAsync()).Client;
        var list = JsonDocument.Parse(await client.GetStringAsync("/v1/models")).RootElement;
        Assert.Equal([TestServer.Stories, TestServer.Coder],
            list.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()));
        var one = JsonDocument.Parse(await client.GetStringAsync($"/v1/models/{TestServer.Stories}")).RootElement;
        Golden.Check(one);
    }

    [Fact]
    public async Task A_damaged_default_model_shows_in_health_and_in_each_answer()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-test-");
        try
        {
            var broken = Path.Combine(folder.FullName, "broken.gguf");
            File.WriteAllText(broken, "GGUF, or is it?");
            await using var server = await TestServer.StartAsync(o => o with { Inference = o.Inference with { Models = [broken] } });
            var health = await server.Client.GetAsync("/health");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
            var shown = JsonDocument.Parse(await health.Content.ReadAsStringAsync()).RootElement;
            Assert.Equal(("error", "broken"), (shown.GetProperty("status").GetString(), shown.GetProperty("model").GetString()));
            var answer = await server.PostAsync("/v1/completions", new { prompt = "a" });
            Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
            Assert.Contains("model_load_failed", await answer.Content.ReadAsStringAsync());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task An_adapter_is_served_by_its_name_beside_its_base()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-test-");
        try
        {
            File.Copy(Banyan.Tests.SharedData.Path("models", "stories260K.gguf"), Path.Combine(folder.FullName, "stories260K-F32.gguf"));
            Adapter(folder.CreateSubdirectory("pirates").FullName, 0.5f);
            Adapter(folder.CreateSubdirectory("orphan").FullName, 0.5f, "somebody/else");
            await using var server =
                await TestServer.StartAsync(o => o with { Inference = o.Inference with { Models = [], ModelsFolder = folder.FullName } });
            var models = JsonNode.Parse(await server.Client.GetStringAsync("/v1/models"))!["data"]!.AsArray()
                .Select(m => (string?)m!["id"]);
            Assert.Equal(["pirates", "stories260K-F32"], models.Order());
            async Task<string> Answer(string model) =>
                (await server.PostJsonAsync("/v1/completions",
                    new { model, prompt = "Once upon a time", max_tokens = 8, temperature = 0 })).GetProperty(
                        "choices")[0].GetProperty("text").GetString()!;
            // At the same time, as one batch may hold both.
            var answers = await Task.WhenAll(Answer("stories260K-F32"), Answer("pirates"), Answer("stories260K-F32"), Answer("pirates"));
            Assert.Equal((answers[0], answers[1]), (answers[2], answers[3]));
            Assert.NotEqual(answers[0], answers[1]);
            Assert.StartsWith(", there was a little", answers[0]);
            // By llama-server's number, too.
            var number = JsonNode.Parse(await server.Client.GetStringAsync("/lora-adapters"))!.AsArray().Single()!["id"]!.GetValue<int>();
            async Task<string> Scaled(float scale) =>
                (await server.PostJsonAsync("/completion",
                    new
                    {
                        model = "stories260K-F32",
                        prompt = "Once upon a time",
                        n_predict = 8,
                        temperature = 0,
                        lora = (object[])[new { id = number, scale }]
                    })).GetProperty("content").GetString()!;
            Assert.Equal((answers[0], answers[1]), (await Scaled(0), await Scaled(1)));
            // Other scales are other answers; a whole one in two halves is refused, as one is named twice.
            var (some, none) = (await Scaled(2), await Scaled(-3));
            Assert.Equal(4, new[] { answers[0], answers[1], some, none }.Distinct().Count());
            Assert.Equal(some, await Scaled(2));
            Assert.Contains("named twice",
                await Refused("/completion",
                    new { prompt = "a", lora = (object[])[new { id = number, scale = 0.5 }, new { id = number, scale = 0.5 }] }));
            // For whoever says nothing of adapters, until it is set otherwise.
            foreach (var (scales, expected) in ((object[], string)[])[([new { id = number, scale = 2 }], some),
                ([new { id = number, scale = 1 }], answers[1]), ([], answers[0])])
            {
                Assert.True((await server.PostJsonAsync("/lora-adapters", scales)).GetProperty("success").GetBoolean());
                Assert.Equal(expected, await Answer("stories260K-F32"));
                Assert.Equal((answers[0], answers[1]), (await Scaled(0), await Answer("pirates")));
                Assert.Equal(scales.Length == 0 ? 0
                    : JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(scales))![0]!["scale"]!.GetValue<float>(),
                    JsonNode.Parse(await server.Client.GetStringAsync("/lora-adapters"))![0]!["scale"]!.GetValue<float>());
            }
            foreach (var (body, named) in ((object, string)[])[(new { id = 0 }, "JSON array"), ((object[])[1], "number"),
                ((object[])[new { id = 99 }], "99"), ((object[])[new { scale = 1 }], "id"),
                ((object[])[new { id = number, scale = 1e30 }], "scale")])
                Assert.Contains(named, await Refused("/lora-adapters", body));

            async Task<string> Refused(string path, object body)
            {
                var response = await server.PostAsync(path, body);
                Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
                return await response.Content.ReadAsStringAsync();
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static void Adapter(string folder, float size, string of = "somebody/stories260K")
    {
        using var model = Model.Load(Banyan.Tests.SharedData.Path("models", "stories260K.gguf"));
        float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => size * MathF.Sin(i * 12.9898f + seed))];
        PeftAdapter.Write(folder,
            new(2, 4, false,
                [.. Enumerable.Range(0, 3)
                    .Select(layer => new ProjectionAdapter($"blk.{layer}.attn_q.weight", 64, 64, Numbers(128, layer),
                        Numbers(128, layer + 9)))]), model.Config, of);
    }

    [Fact]
    public async Task A_file_dropped_into_the_folder_is_served_without_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-test-");
        try
        {
            await using var server =
                await TestServer.StartAsync(o => o with { Inference = o.Inference with { Models = [], ModelsFolder = folder.FullName } });
            Assert.Equal("""{"object":"list","data":[]}""", await server.Client.GetStringAsync("/v1/models"));
            File.Copy(Banyan.Tests.SharedData.Path("models", "stories260K.gguf"), Path.Combine(folder.FullName, "dropped.gguf"));
            var answer = await server.PostJsonAsync("/v1/completions", new { model = "dropped", prompt = "Once", max_tokens = 2 });
            Assert.Equal("dropped", answer.GetProperty("model").GetString());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
