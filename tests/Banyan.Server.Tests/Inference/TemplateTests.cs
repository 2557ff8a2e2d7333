using System.Net;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

/// <summary>What a server does with the chat template it is started with.</summary>
public class TemplateTests
{
    static readonly object s_body = new { messages = new[] { new { role = "user", content = "Once" } }, max_tokens = 2 };

    [Fact]
    public async Task A_template_that_refuses_the_messages_is_the_client_s_error()
    {
        await using var server = await StartAsync("{{ raise_exception('Speak politely') }}");
        var response = await server.PostAsync("/v1/chat/completions", s_body);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("Speak politely", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_template_that_cannot_be_parsed_is_told_with_its_place()
    {
        await using var server = await StartAsync("{% if %}");
        var response = await server.PostAsync("/v1/chat/completions", s_body);
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Contains("line 1", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Variables_and_tools_reach_the_template()
    {
        await using var server =
            await StartAsync(
                "{{ raise_exception(shout ~ '|' ~ tools[0].function.name ~ '|' ~ messages[0].tool_calls[0].function.arguments.x) }}");
        var response = await server.PostAsync("/v1/chat/completions", """
            {"chat_template_kwargs": {"shout": "HO"}, "tools": [{"type": "function", "function": {"name": "weather"}}],
             "messages": [{"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 42}"}}]}]}
            """);
        Assert.Contains("HO|weather|42", await response.Content.ReadAsStringAsync());
    }

    static Task<TestServer> StartAsync(string template) =>
        TestServer.StartAsync(o => o with { Inference = o.Inference with { ChatTemplate = template } });
}
