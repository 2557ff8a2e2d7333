using System.Net;
using System.Net.Http.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

/// <summary>What happens when clients leave, or are too many. Own servers: the tests watch what these are doing.</summary>
public class LoadTests
{
    // Eight whole contexts: far more than is computed before somebody looks.
    const int Choices = 8;
    static readonly object s_endless = new
    {
        model = TestServer.Coder,
        prompt = "a",
        n = Choices,
        max_tokens = 100_000,
        ignore_eos = true,
        stream = true
    };

    [Fact]
    public async Task A_client_that_leaves_stops_its_generation()
    {
        await using var server = await TestServer.StartAsync();
        using (var response = await BeginAsync(server))
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            Assert.StartsWith("data: ", await reader.ReadLineAsync());
            Assert.Equal(Choices, (await server.LoadAsync(TestServer.Coder)).Pending);
        }
        await server.UntilAsync(async () => await server.LoadAsync(TestServer.Coder) == (0, 0, 0));
    }

    [Fact]
    public async Task A_full_queue_refuses_with_a_time_to_come_back()
    {
        await using var server = await TestServer.StartAsync(o => o with { Inference = o.Inference with { MaxPending = Choices } });
        using (var running = await BeginAsync(server))
        {
            var refused = await server.PostAsync("/v1/completions", new { model = TestServer.Coder, prompt = "a" });
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(2), refused.Headers.RetryAfter?.Delta);
            Assert.Contains("queue_full", await refused.Content.ReadAsStringAsync());
        }
        await server.UntilAsync(async () => (await server.LoadAsync(TestServer.Coder)).Pending == 0);
        Assert.True((await server.PostAsync("/v1/completions", new { model = TestServer.Coder, prompt = "a" })).IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_server_that_stops_ends_its_streams()
    {
        var server = await TestServer.StartAsync();
        using var response = await BeginAsync(server);
        var reading = response.Content.ReadAsStringAsync();
        await server.DisposeAsync();
        Assert.Contains("The server is stopping.", await reading);
    }

    static async Task<HttpResponseMessage> BeginAsync(TestServer server)
    {
        var response = await server.Client.SendAsync(new(HttpMethod.Post, "/v1/completions") { Content = JsonContent.Create(s_endless) },
            HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }
}
