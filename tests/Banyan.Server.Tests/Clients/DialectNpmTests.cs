using System.Text.Json.Nodes;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Clients;

/// <summary>
/// The npm packages <c>@anthropic-ai/sdk</c>, <c>ollama</c> and <c>ai</c>, unmodified: scripts of tests/Clients make the calls, this
/// compares what they got.
/// </summary>
public class DialectNpmTests(ThinkingServer thinking) : IClassFixture<ThinkingServer>
{
    TestServer Server => thinking.Server;

    static async Task CheckAsync(string expected, params string[] script) =>
        Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(),
            JsonNode.Parse(await NodeClients.RunAsync(script[0], script[1..]))!.ToJsonString());

    [Fact]
    public Task Anthropic_s_drives_the_server() => CheckAsync($$$"""
        {
          "models": ["{{{TestServer.Stories}}}", "{{{TestServer.Coder}}}"],
          "whole": {"type": "text", "stop": "max_tokens", "output": 8},
          "stream": {"same": true, "stop": "max_tokens", "output": 8, "first": "message_start", "last": "message_stop", "deltas": true},
          "count": true,
          "call": {"stop": "tool_use", "name": "read", "keys": ["path", "line"], "line": true, "pieces": true},
          "answered": "text",
          "parsed": true,
          "thinking": {"type": "thinking", "same": true},
          "disabled": ["text"],
          "unknownModel": {"type": "NotFoundError", "status": 404, "kind": "not_found_error"},
          "badValue": {"type": "BadRequestError", "status": 400, "kind": "invalid_request_error"},
          "tooLong": {"type": "BadRequestError", "status": 400, "kind": "invalid_request_error"},
          "badStream": {"type": "BadRequestError", "status": 400, "kind": "invalid_request_error"},
          "aborted": true
        }
        """, "@anthropic-ai/sdk", "anthropic.mjs", Server.Address, TestServer.Stories);

    [Fact]
    public Task Ollama_s_drives_the_server() => CheckAsync($$$"""
        {
          "list": ["{{{TestServer.Stories}}}", "{{{TestServer.Coder}}}"],
          "version": true,
          "running": true,
          "show": {"capabilities": ["completion", "tools", "thinking"], "context": true},
          "chat": {"role": "assistant", "reason": "length", "count": 8, "durations": true},
          "stream": {"same": true, "done": true, "count": 8, "several": true, "date": true},
          "generate": {"text": true, "reason": "length"},
          "fim": true,
          "format": true,
          "tools": true,
          "think": {"thinking": true, "content": ""},
          "noThink": true,
          "embed": [2, 64, 1000],
          "embeddings": 64,
          "unknownModel": {"status": 404, "said": "The model 'nobody' does not exist here. Models: {{{TestServer.Stories}}}, {{{TestServer.Coder}}}."},
          "badValue": {"status": 400, "said": "Invalid 'options.temperature': 9 lies outside 0 … 2."},
          "badStream": {"status": 400, "said": "the prompt has more than 2047 tokens, and the context holds 2048, one of them for the answer: shorten the prompt or load the model with a longer context"},
          "aborted": true
        }
        """, "ollama", "ollama.mjs", Server.Address, TestServer.Stories, TestServer.Coder);

    [Fact]
    public Task The_ai_sdk_drives_the_server() => CheckAsync($$$"""
        {
          "text": {"some": true, "finish": "length", "usage": 8},
          "stream": {"same": true, "finish": "length", "usage": 8, "several": true},
          "loop": {"steps": 2, "first": "tool-calls", "calls": true, "second": 0},
          "call": {"name": "read", "deltas": true},
          "object": true,
          "reasoning": {"text": true, "rest": ""},
          "embeddings": [3, 1000, true],
          "unknownModel": {"type": "AI_APICallError", "status": 404, "said": "The model 'nobody' does not exist here. Models: {{{TestServer.Stories}}}, {{{TestServer.Coder}}}."},
          "badValue": {"type": "AI_APICallError", "status": 400, "said": "Invalid 'temperature': 9 lies outside 0 … 2."},
          "aborted": true
        }
        """, "ai", "ai.mjs", $"{Server.Address}/v1", TestServer.Stories);
}
