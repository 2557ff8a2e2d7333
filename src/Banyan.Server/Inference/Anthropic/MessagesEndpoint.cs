using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Anthropic;

/// <summary><c>POST /v1/messages</c> and <c>/v1/messages/count_tokens</c>.</summary>
sealed class MessagesEndpoint(Bodies bodies, Catalogue catalogue, TimeProvider time, Telemetry telemetry)
{
    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(
            1, model => MessagesRequest.Read(fields, model, time.GetLocalNow()), cancellationToken), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("chat", model.Name);
        var pieces = measured.Watch(Generations.RunAsync(model, [new(request.Turn)], cancellationToken), cancellationToken);
        var answer = request.Turn.NewAnswer();
        if (request.Stream)
        {
            await new Writer(new ServerSentEvents(context.Response), model, request, answer, cancellationToken).RunAsync(pieces);
            return;
        }
        await foreach (var (_, generated) in pieces)
            answer.Collect(generated);
        var message = Message(model, Content(answer), Usage(answer));
        (message["stop_reason"], message["stop_sequence"]) = Stop(answer);
        if (answer.Warning is { } warning)
            message["warning"] = warning;
        await context.Response.WriteJsonAsync(message, cancellationToken);
    }

    public async Task CountAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(
            1, model => MessagesRequest.Read(fields, model, time.GetLocalNow(), counts: true), cancellationToken), cancellationToken);
        await context.Response.WriteJsonAsync(new JsonObject { ["input_tokens"] = asked.Request.Turn.Prompt.Length }, cancellationToken);
    }

    static JsonObject Message(LoadedModel model, JsonArray content, JsonObject usage) => new()
    {
        ["id"] = $"msg_{Guid.NewGuid():N}",
        ["type"] = "message",
        ["role"] = "assistant",
        ["model"] = model.Name,
        ["content"] = content,
        ["stop_reason"] = null,
        ["stop_sequence"] = null,
        ["usage"] = usage,
    };

    static JsonArray Content(TurnAnswer answer)
    {
        var content = new JsonArray();
        if (answer.Reasoning.Length > 0)
            content.Add((JsonNode)new JsonObject { ["type"] = "thinking", ["thinking"] = answer.Reasoning, ["signature"] = "" });
        if (answer.Text is var text && (answer.Calls.Count == 0 || !string.IsNullOrWhiteSpace(text)))
            content.Add((JsonNode)new JsonObject { ["type"] = "text", ["text"] = text });
        foreach (var call in answer.Calls)
            content.Add((JsonNode)new JsonObject
            {
                ["type"] = "tool_use",
                ["id"] = ToolId(call.Id),
                ["name"] = call.Name,
                ["input"] = Input(call.Arguments)
            });
        return content;
    }

    static string ToolId(string id) => $"toolu_{id["call_".Length..]}";

    // What a model wrote as arguments may be no JSON object.
    static JsonNode Input(string arguments)
    {
        try
        {
            using var document = System.Text.Json.JsonDocument.Parse(arguments);
            return Runtime.Templates.ChatTemplate.ReadVariables(document.RootElement) as JsonObject
                ?? new JsonObject { ["value"] = arguments };
        }
        catch (System.Text.Json.JsonException)
        {
            return new JsonObject { ["value"] = arguments };
        }
    }

    static JsonObject Usage(TurnAnswer answer) => new()
    {
        ["input_tokens"] = answer.Statistics!.PromptTokens - answer.Statistics.CachedTokens,
        ["cache_creation_input_tokens"] = 0,
        ["cache_read_input_tokens"] = answer.Statistics.CachedTokens,
        ["output_tokens"] = answer.Statistics.GeneratedTokens,
        ["output_tokens_details"] = new JsonObject { ["thinking_tokens"] = answer.ReasoningTokens },
    };

    static (string Reason, string? Sequence) Stop(TurnAnswer answer) =>
        answer.Finish == FinishReason.Length ? ("max_tokens", null)
        : answer.Calls.Count > 0 ? ("tool_use", null)
        : answer.StopString is { } stop ? ("stop_sequence", stop)
        : ("end_turn", null);

    /// <summary>Writes the events of a stream: blocks that begin, grow and end, one after the other.</summary>
    sealed class Writer(ServerSentEvents events, LoadedModel model, MessagesRequest request, TurnAnswer answer,
        CancellationToken cancellationToken)
    {
        int _index = -1;
        AnswerPartKind? _open;
        int _call = -1;

        public Task RunAsync(IAsyncEnumerable<Piece> pieces) => events.GuardAsync(async () =>
        {
            var start =
                Message(model, [],
                    new JsonObject
                    {
                        ["input_tokens"] = request.Turn.Prompt.Length,
                        ["cache_creation_input_tokens"] = 0,
                        ["cache_read_input_tokens"] = 0,
                        ["output_tokens"] = 0
                    });
            var begun = false;
            await foreach (var (_, generated) in pieces.WithPings(PingAsync, cancellationToken))
            {
                await BeginAsync();
                foreach (var part in answer.Take(generated))
                    await PartAsync(part);
            }
            await BeginAsync();
            if (_index < 0)
                await OpenAsync(AnswerPartKind.Text, -1, new JsonObject { ["type"] = "text", ["text"] = "" });
            await CloseAsync();
            var (reason, sequence) = Stop(answer);
            await SendAsync("message_delta",
                new JsonObject
                {
                    ["delta"] = new JsonObject { ["stop_reason"] = reason, ["stop_sequence"] = sequence },
                    ["usage"] = Usage(answer)
                });
            await SendAsync("message_stop", []);

            async Task BeginAsync()
            {
                if (begun)
                    return;
                begun = true;
                await SendAsync("message_start", new JsonObject { ["message"] = start });
                await SendAsync("ping", []);
            }

            async Task PingAsync()
            {
                await BeginAsync();
                await SendAsync("ping", []);
            }
        }, e => events.WriteAsync("error", AnthropicDialect.ToJson(ModelDialect.Translate(e)), CancellationToken.None));

        async Task PartAsync(AnswerPart part)
        {
            switch (part.Kind)
            {
                case AnswerPartKind.Text:
                    await OpenAsync(part.Kind, -1, new JsonObject { ["type"] = "text", ["text"] = "" });
                    await DeltaAsync(new JsonObject { ["type"] = "text_delta", ["text"] = part.Text });
                    break;
                case AnswerPartKind.Reasoning:
                    await OpenAsync(part.Kind, -1, new JsonObject { ["type"] = "thinking", ["thinking"] = "", ["signature"] = "" });
                    await DeltaAsync(new JsonObject { ["type"] = "thinking_delta", ["thinking"] = part.Text });
                    break;
                case AnswerPartKind.Call:
                    await OpenAsync(part.Kind, part.Call,
                        new JsonObject
                        {
                            ["type"] = "tool_use",
                            ["id"] = ToolId(answer.Calls[part.Call].Id),
                            ["name"] = part.Text,
                            ["input"] = new JsonObject()
                        });
                    break;
                default:
                    await DeltaAsync(new JsonObject { ["type"] = "input_json_delta", ["partial_json"] = part.Text });
                    break;
            }
        }

        async Task OpenAsync(AnswerPartKind kind, int call, JsonObject block)
        {
            if (_open == kind && _call == call)
                return;
            await CloseAsync();
            (_open, _call) = (kind, call);
            _index++;
            await SendAsync("content_block_start", new JsonObject { ["index"] = _index, ["content_block"] = block });
        }

        async Task CloseAsync()
        {
            if (_open is null)
                return;
            if (_open == AnswerPartKind.Reasoning)
                await DeltaAsync(new JsonObject { ["type"] = "signature_delta", ["signature"] = "" });
            _open = null;
            await SendAsync("content_block_stop", new JsonObject { ["index"] = _index });
        }

        Task DeltaAsync(JsonObject delta) => SendAsync("content_block_delta", new JsonObject { ["index"] = _index, ["delta"] = delta });

        Task SendAsync(string name, JsonObject json)
        {
            json.Insert(0, "type", name);
            return events.WriteAsync(name, json, cancellationToken);
        }
    }
}
