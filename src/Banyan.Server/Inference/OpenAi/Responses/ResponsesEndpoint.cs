using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.OpenAi.Responses;

/// <summary><c>POST /v1/responses</c>: the API that Codex and newer programs of OpenAI's speak.</summary>
sealed class ResponsesEndpoint(Bodies bodies, Catalogue catalogue, TimeProvider time, Telemetry telemetry)
{
    readonly ResponseStore _store = new();

    public async Task HandleAsync(HttpContext context, CancellationToken cancellationToken)
    {
        using var asked = await bodies.ReadAsync(context, fields => catalogue.Find(fields.Text("model")).AskAsync(
            1, model => ResponseRequest.Read(fields, model, _store, time.GetLocalNow()), cancellationToken), cancellationToken);
        var (model, request) = (asked.Model, asked.Request);
        using var measured = telemetry.Begin("chat", model.Name);
        var pieces = measured.Watch(Generations.RunAsync(model, [new(request.Turn)], cancellationToken), cancellationToken);
        var answer = request.Turn.NewAnswer();
        var response = new JsonObject
        {
            ["id"] = $"resp_{Guid.NewGuid():N}",
            ["object"] = "response",
            ["created_at"] = time.GetUtcNow().ToUnixTimeSeconds(),
            ["status"] = "in_progress",
            ["error"] = null,
            ["incomplete_details"] = null,
            ["instructions"] = null,
            ["metadata"] = new JsonObject(),
            ["model"] = model.Name,
            ["output"] = new JsonArray(),
            ["parallel_tool_calls"] = true,
            ["temperature"] = request.Turn.Options.Temperature,
            ["top_p"] = request.Turn.Options.TopP,
            ["tool_choice"] = "auto",
            ["tools"] = new JsonArray(),
            ["store"] = request.Store,
        };
        if (request.Stream)
        {
            await new Writer(new ServerSentEvents(context.Response), response, request, answer, cancellationToken).RunAsync(pieces, Keep);
            return;
        }
        await foreach (var (_, generated) in pieces)
            answer.Collect(generated);
        Finish(response, answer);
        var output = (JsonArray)response["output"]!;
        if (answer.Reasoning.Length > 0)
            output.Add((JsonNode)Reasoning(answer.Reasoning));
        if (answer.Calls.Count == 0 || !string.IsNullOrWhiteSpace(answer.Text))
            output.Add((JsonNode)Message(answer.Text));
        foreach (var call in answer.Calls)
            output.Add((JsonNode)Call(call, request, complete: true));
        Keep();
        await context.Response.WriteJsonAsync(response, cancellationToken);

        void Keep()
        {
            if (!request.Store)
                return;
            var said = new JsonObject { ["role"] = "assistant", ["content"] = answer.Text };
            if (answer.Reasoning.Length > 0)
                said["reasoning_content"] = answer.Reasoning;
            request.Messages.Add((JsonNode)said);
            foreach (var call in answer.Calls)
                ResponseRequest.AddCall(request.Messages,
                    new JsonObject
                    {
                        ["id"] = call.Id,
                        ["type"] = "function",
                        ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = call.Arguments }
                    });
            _store.Keep((string)response["id"]!, request.Messages);
        }
    }

    static void Finish(JsonObject response, TurnAnswer answer)
    {
        var (statistics, cut) = (answer.Statistics!, answer.Finish == FinishReason.Length);
        response["status"] = cut ? "incomplete" : "completed";
        if (cut)
            response["incomplete_details"] = new JsonObject { ["reason"] = "max_output_tokens" };
        response["usage"] = new JsonObject
        {
            ["input_tokens"] = statistics.PromptTokens,
            ["input_tokens_details"] = new JsonObject { ["cached_tokens"] = statistics.CachedTokens },
            ["output_tokens"] = statistics.GeneratedTokens,
            ["output_tokens_details"] = new JsonObject { ["reasoning_tokens"] = answer.ReasoningTokens },
            ["total_tokens"] = statistics.PromptTokens + statistics.GeneratedTokens,
        };
        if (answer.Warning is { } warning)
            response["warning"] = warning;
    }

    static JsonObject Reasoning(string text) => new()
    {
        ["id"] = $"rs_{Guid.NewGuid():N}",
        ["type"] = "reasoning",
        ["summary"] = new JsonArray(),
        ["content"] = text.Length == 0 ? [] : new JsonArray(new JsonObject { ["type"] = "reasoning_text", ["text"] = text }),
    };

    static JsonObject Message(string? text) => new()
    {
        ["id"] = $"msg_{Guid.NewGuid():N}",
        ["type"] = "message",
        ["status"] = text is null ? "in_progress" : "completed",
        ["role"] = "assistant",
        ["content"] = text is null ? [] : new JsonArray(TextPart(text)),
    };

    static JsonObject TextPart(string text) =>
        new() { ["type"] = "output_text", ["text"] = text, ["annotations"] = new JsonArray(), ["logprobs"] = new JsonArray() };

    static JsonObject Call(AnswerCall call, ResponseRequest request, bool complete)
    {
        var tool = request.Called.TryGetValue(call.Name, out var called) ? called : new(call.Name, null, false);
        var isCustom = tool.IsCustom;
        var item = new JsonObject
        {
            ["id"] = $"{(isCustom ? "ctc" : "fc")}_{Guid.NewGuid():N}",
            ["type"] = isCustom ? "custom_tool_call" : "function_call",
            ["status"] = complete ? "completed" : "in_progress",
            ["call_id"] = call.Id,
            ["name"] = tool.Name,
            [isCustom ? "input" : "arguments"] = !complete ? "" : isCustom ? Input(call.Arguments) : call.Arguments,
        };
        if (tool.Namespace is { } space)
            item["namespace"] = space;
        return item;
    }

    // A custom tool's input is the one string of its function's arguments.
    static string Input(string arguments)
    {
        try
        {
            using var document = JsonDocument.Parse(arguments);
            return document.RootElement.GetProperty(ResponseRequest.CustomInput).GetString() ?? "";
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return arguments;
        }
    }

    /// <summary>Writes the events of a stream: items that begin, grow and end, one after the other.</summary>
    sealed class Writer(ServerSentEvents events, JsonObject response, ResponseRequest request, TurnAnswer answer,
        CancellationToken cancellationToken)
    {
        readonly System.Text.StringBuilder _text = new();
        int _sequence, _call = -1;
        AnswerPartKind? _kind;
        JsonObject? _item;

        JsonArray Output => (JsonArray)response["output"]!;

        public Task RunAsync(IAsyncEnumerable<Piece> pieces, Action keep) => events.GuardAsync(async () =>
        {
            var begun = false;
            await foreach (var (_, generated) in pieces.WithPings(
                async () => { await BeginAsync(); await events.PingAsync(cancellationToken); }, cancellationToken))
            {
                await BeginAsync();
                foreach (var part in answer.Take(generated))
                    await PartAsync(part);
            }
            await BeginAsync();
            if (Output.Count == 0 && _item is null)
                await OpenAsync(AnswerPartKind.Text, -1);
            await CloseAsync();
            Finish(response, answer);
            keep();
            await SendAsync((string)response["status"]! == "completed" ? "response.completed" : "response.incomplete",
                new JsonObject { ["response"] = response.DeepClone() });

            async Task BeginAsync()
            {
                if (begun)
                    return;
                begun = true;
                await SendAsync("response.created", new JsonObject { ["response"] = response.DeepClone() });
                await SendAsync("response.in_progress", new JsonObject { ["response"] = response.DeepClone() });
            }
        }, e =>
        {
            var error = ModelDialect.Translate(e);
            response["status"] = "failed";
            response["error"] = new JsonObject { ["code"] = "server_error", ["message"] = error.Message };
            return events.WriteAsync("response.failed",
                new JsonObject { ["type"] = "response.failed", ["sequence_number"] = _sequence++, ["response"] = response.DeepClone() },
                CancellationToken.None);
        });

        async Task PartAsync(AnswerPart part)
        {
            await OpenAsync(part.Kind == AnswerPartKind.Arguments ? AnswerPartKind.Call : part.Kind, part.Call);
            if (part.Kind == AnswerPartKind.Call)
                return;
            _text.Append(part.Text);
            // A custom tool's text is told when it is whole: until then it is JSON.
            if (part.Kind == AnswerPartKind.Arguments && request.Called.GetValueOrDefault(answer.Calls[part.Call].Name).IsCustom)
                return;
            await SendAsync(part.Kind switch
            {
                AnswerPartKind.Text => "response.output_text.delta",
                AnswerPartKind.Reasoning => "response.reasoning_text.delta",
                _ => "response.function_call_arguments.delta",
            }, Place(part.Kind != AnswerPartKind.Arguments, ("delta", part.Text)));
        }

        async Task OpenAsync(AnswerPartKind kind, int call)
        {
            if (_item is not null && _kind == kind && _call == call)
                return;
            await CloseAsync();
            (_kind, _call) = (kind, call);
            _text.Clear();
            _item = kind switch
            {
                AnswerPartKind.Text => Message(null),
                AnswerPartKind.Reasoning => Reasoning(""),
                _ => Call(answer.Calls[call], request, complete: false),
            };
            await SendAsync("response.output_item.added", new JsonObject { ["output_index"] = Output.Count, ["item"] = _item.DeepClone() });
            if (kind == AnswerPartKind.Text)
                await SendAsync("response.content_part.added", Place(true, ("part", TextPart(""))));
        }

        async Task CloseAsync()
        {
            if (_item is null)
                return;
            var text = _text.ToString();
            switch (_kind)
            {
                case AnswerPartKind.Text:
                    await SendAsync("response.output_text.done", Place(true, ("text", text)));
                    await SendAsync("response.content_part.done", Place(true, ("part", TextPart(text))));
                    _item["content"] = new JsonArray(TextPart(text));
                    _item["status"] = "completed";
                    break;
                case AnswerPartKind.Reasoning:
                    await SendAsync("response.reasoning_text.done", Place(true, ("text", text)));
                    _item["content"] = new JsonArray(new JsonObject { ["type"] = "reasoning_text", ["text"] = text });
                    break;
                default:
                    var id = (string)_item["id"]!;
                    _item = Call(answer.Calls[_call], request, complete: true);
                    _item["id"] = id;
                    if ((string)_item["type"]! == "custom_tool_call")
                    {
                        await SendAsync("response.custom_tool_call_input.delta", Place(false, ("delta", (string)_item["input"]!)));
                        await SendAsync("response.custom_tool_call_input.done", Place(false, ("input", (string)_item["input"]!)));
                    }
                    else
                        await SendAsync("response.function_call_arguments.done", Place(false, ("arguments", text)));
                    break;
            }
            await SendAsync("response.output_item.done", new JsonObject { ["output_index"] = Output.Count, ["item"] = _item.DeepClone() });
            Output.Add((JsonNode)_item);
            _item = null;
        }

        JsonObject Place(bool hasParts, (string Name, JsonNode Value) value)
        {
            var place = new JsonObject { ["item_id"] = (string)_item!["id"]!, ["output_index"] = Output.Count };
            if (hasParts)
                place["content_index"] = 0;
            place[value.Name] = value.Value;
            return place;
        }

        Task SendAsync(string name, JsonObject json)
        {
            json.Insert(0, "type", name);
            json.Insert(1, "sequence_number", _sequence++);
            return events.WriteAsync(name, json, cancellationToken);
        }
    }
}
