using System.Text.Json.Nodes;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Clients;

/// <summary>The npm package <c>openai</c>, unmodified: tests/Clients/openai.mjs makes the calls, this compares what it got.</summary>
public class OpenAiNpmTests(SharedServer shared)
{
    [Fact]
    public async Task Drives_the_server()
    {
        var server = await shared.GetAsync();
        var report =
            JsonNode.Parse(await NodeClients.RunAsync("openai", "openai.mjs", $"{server.Address}/v1",
                TestServer.Stories, TestServer.Coder))!;

        var text = report["chat"]!["text"]!.GetValue<string>();
        Assert.NotEmpty(text);
        var expected = new JsonObject
        {
            ["models"] = new JsonArray(TestServer.Stories, TestServer.Coder),
            ["chat"] = new JsonObject
            {
                ["text"] = text,
                ["finish"] = "length",
                ["tokens"] = text,
                ["alternatives"] = new JsonArray(2, 2, 2, 2, 2, 2, 2, 2),
                ["usage"] = 8
            },
            ["stream"] = new JsonObject { ["text"] = text, ["finish"] = "length", ["usage"] = 8, ["several"] = true },
            ["helper"] = text,
            ["fim"] = new JsonObject { ["length"] = 6, ["finish"] = "length", ["prompt"] = report["fim"]!["prompt"]!.DeepClone() },
            ["embeddings"] = new JsonArray(new JsonArray(64, 1), new JsonArray(64, 1)),
            ["unknownModel"] = Error("NotFoundError", 404, "model_not_found", "model"),
            ["badValue"] = Error("BadRequestError", 400, "out_of_range", "temperature"),
            ["tooLong"] = Error("BadRequestError", 400, "context_length_exceeded", null),
            ["aborted"] = true,
        };
        Assert.Equal(expected.ToJsonString(), report.ToJsonString());
    }

    static JsonObject Error(string type, int status, string code, string? param) =>
        new() { ["type"] = type, ["status"] = status, ["code"] = code, ["param"] = param };
}
