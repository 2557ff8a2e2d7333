using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

public class InfillTests(SharedServer shared)
{
    static object Body(bool stream) => new
    {
        model = TestServer.Coder,
        input_prefix = "int Add(int a, int b)\n{\n",
        input_suffix = "}\n",
        prompt = "    return ",
        input_extra = new[] { new { filename = "Sub.cs", text = "int Sub(int a, int b) => a - b;\n" } },
        n_predict = 4,
        n_probs = 1,
        temperature = 0,
        cache_prompt = true,
        samplers = new[] { "top_k" },
        stream,
    };

    [Fact]
    public async Task Infill() => Golden.Check(await (await shared.GetAsync()).PostJsonAsync("/infill", Body(stream: false)));

    [Fact]
    public async Task Infill_stream() =>
        Golden.Check(await (await shared.GetAsync()).PostStreamAsync("/infill", Body(stream: true), done: false));

    [Fact]
    public async Task Files_larger_than_the_context_are_cut_around_the_gap()
    {
        var text = string.Concat(Enumerable.Range(0, 3000).Select(i => $"var name{i} = {i};\n"));
        var server = await shared.GetAsync();
        var answer = await server.PostJsonAsync("/infill",
            new { model = TestServer.Coder, input_prefix = text, input_suffix = text, n_predict = 2, temperature = 0 });
        var context =
            JsonDocument.Parse(await server.Client.GetStringAsync($"/v1/models/{TestServer.Coder}")).RootElement.GetProperty("meta")
            .GetProperty("n_ctx").GetInt32();
        Assert.InRange(answer.GetProperty("tokens_evaluated").GetInt32(), context / 2, context - 2);
    }

    [Fact]
    public async Task A_model_that_cannot_says_so()
    {
        var response = await (await shared.GetAsync()).PostAsync("/infill",
            new { model = TestServer.Stories, input_prefix = "a", input_suffix = "b" });
        var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.Equal((System.Net.HttpStatusCode.BadRequest, "fim_unsupported"),
            (response.StatusCode, error.GetProperty("code").GetString()));
    }
}
