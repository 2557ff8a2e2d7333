using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Server.Access;
using Banyan.Server.Inference.LlamaServer;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Ollama;

/// <summary><c>POST /api/chat</c> and <c>/api/generate</c>: lines of JSON, streamed unless the client says otherwise.</summary>
sealed class GenerateEndpoints(Bodies bodies, Catalogue catalogue, TimeProvider time, Telemetry telemetry)
{
    static readonly GenerationOptions s_defaults = new() { Temperature = 0.8f, TopP = 0.9f, TopK = 40 };

    sealed record Asked(Turn? Turn, int[] Prompt, GenerationOptions Options, bool Stream, bool Loads);

    public Task ChatAsync(HttpContext context, CancellationToken cancellationToken) => RunAsync(context, isChat: true, cancellationToken);

    public Task GenerateAsync(HttpContext context, CancellationToken cancellationToken) =>
        RunAsync(context, isChat: false, cancellationToken);

    async Task RunAsync(HttpContext context, bool isChat, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        using var asked = await bodies.ReadAsync(context, async fields =>
        {
            var served = catalogue.Find(fields.Text("model") ?? throw ApiException.Missing("model"));
            var keep = OllamaFields.ReadKeepAlive(fields);
            // Nothing to say, and not to stay: unload it.
            if (keep == TimeSpan.Zero && (isChat ? fields.Count("messages") == 0 : fields.Text("prompt") is null or ""))
            {
                served.Keep(TimeSpan.Zero);
                await served.UnloadAsync();
                await context.Response.WriteJsonAsync(Nothing(served.Name, isChat, "unload"), cancellationToken);
                return null;
            }
            var admitted = await served.AskAsync(1,
                model => isChat ? ReadChat(fields, model) : ReadGenerate(fields, model), cancellationToken);
            if (keep is { } span)
                served.Keep(span);
            return admitted;
        }, cancellationToken);
        if (asked is null)
            return;
        var (model, request) = (asked.Model, asked.Request);
        var loaded = time.GetElapsedTime(began);
        if (request.Loads)
        {
            await context.Response.WriteJsonAsync(Nothing(model.Name, isChat, "load"), cancellationToken);
            return;
        }
        using var measured = telemetry.Begin(isChat ? "chat" : "text_completion", model.Name);
        var pieces =
            measured.Watch(Generations.RunAsync(model, [request.Turn is { } turn ? new(turn) : new(0, request.Prompt, request.Options)],
                cancellationToken), cancellationToken);
        var answer = request.Turn?.NewAnswer() ?? new TurnAnswer();
        if (!request.Stream)
        {
            await foreach (var (_, generated) in pieces)
                answer.Collect(generated);
            var whole =
                Line(model, isChat, new(answer.Calls.Count > 0 ? answer.Text.Trim() : answer.Text, answer.Reasoning, Calls(answer, 0)));
            End(whole, answer, loaded, time.GetElapsedTime(began));
            await context.Response.WriteJsonAsync(whole, cancellationToken);
            return;
        }
        context.Response.ContentType = "application/x-ndjson";
        try
        {
            var told = 0;
            await foreach (var (_, generated) in pieces)
            {
                foreach (var part in answer.Take(generated))
                    if (part.Kind is AnswerPartKind.Text or AnswerPartKind.Reasoning)
                        await WriteAsync(Line(model, isChat,
                            part.Kind == AnswerPartKind.Text ? new(part.Text, "", null) : new("", part.Text, null)));
                // Calls come whole here: their arguments are an object.
                var complete = answer.Finish is null ? Math.Max(told, answer.Calls.Count - 1) : answer.Calls.Count;
                if (complete > told)
                    await WriteAsync(Line(model, isChat, new("", "", Calls(answer, told, complete))));
                told = complete;
            }
            var last = Line(model, isChat, new("", "", null));
            End(last, answer, loaded, time.GetElapsedTime(began));
            await WriteAsync(last);
        }
        catch (Exception e) when (context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            ErrorAnswers.Log(context, e);
            // Also where the server stops, which cancelled the rest.
            cancellationToken = CancellationToken.None;
            await WriteAsync(OllamaDialect.ToJson(ModelDialect.Translate(e)));
        }

        async Task WriteAsync(JsonObject line)
        {
            await context.Response.WriteAsync(line.Text() + "\n", cancellationToken);
            await context.Response.Body.FlushAsync(cancellationToken);
        }
    }

    readonly record struct TurnAnswerView(string Text, string Thinking, JsonArray? Calls);

    JsonObject Nothing(string model, bool isChat, string reason)
    {
        var line = Line(model, isChat, new TurnAnswerView("", "", null));
        (line["done"], line["done_reason"]) = (true, reason);
        return line;
    }

    JsonObject Line(LoadedModel model, bool isChat, TurnAnswerView view) => Line(model.Name, isChat, view);

    JsonObject Line(string model, bool isChat, TurnAnswerView view)
    {
        var line = new JsonObject
        {
            ["model"] = model,
            ["created_at"] = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture)
        };
        var owner = line;
        if (isChat)
            line["message"] = owner = new JsonObject { ["role"] = "assistant", ["content"] = view.Text };
        else
            line["response"] = view.Text;
        if (view.Thinking.Length > 0)
            owner["thinking"] = view.Thinking;
        if (view.Calls is { Count: > 0 } calls)
            owner["tool_calls"] = calls;
        line["done"] = false;
        return line;
    }

    static JsonArray? Calls(TurnAnswer answer, int first, int? end = null)
    {
        var calls = new JsonArray();
        for (var i = first; i < (end ?? answer.Calls.Count); i++)
            calls.Add((JsonNode)new JsonObject
            {
                ["id"] = answer.Calls[i].Id,
                ["function"] = new JsonObject
                {
                    ["index"] = i,
                    ["name"] = answer.Calls[i].Name,
                    ["arguments"] = Arguments(answer.Calls[i].Arguments)
                },
            });
        return calls;
    }

    static JsonNode Arguments(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return ChatTemplate.ReadVariables(document.RootElement) ?? new JsonObject();
        }
        catch (JsonException)
        {
            return new JsonObject { ["value"] = json };
        }
    }

    static void End(JsonObject line, TurnAnswer answer, TimeSpan loaded, TimeSpan total)
    {
        var statistics = answer.Statistics!;
        line["done"] = true;
        line["done_reason"] = answer.Finish == FinishReason.Length ? "length" : "stop";
        line["total_duration"] = total.Ticks * 100;
        line["load_duration"] = loaded.Ticks * 100;
        line["prompt_eval_count"] = statistics.PromptTokens;
        line["prompt_eval_duration"] = (long)(statistics.PromptSeconds * 1e9);
        line["eval_count"] = statistics.GeneratedTokens;
        line["eval_duration"] = (long)(statistics.GenerateSeconds * 1e9);
        if (answer.Warning is { } warning)
            line["warning"] = warning;
    }

    Asked ReadChat(Fields fields, LoadedModel model)
    {
        var options = ReadOptions(fields, model);
        var limit = fields.Object("options") is { } given ? ReasoningFields.ReadLimit(given) : null;
        if (fields.Count("messages") == 0)
        {
            _ = fields.Array("messages");
            return new(null, [], options, false, Loads: true);
        }
        var messages = Messages(fields);
        var turn =
            model.Prepare(new TurnRequest
            {
                Messages = messages,
                Tools = ReadTools(fields),
                Thinks = ReadThink(fields, out var effort),
                Effort = effort,
                ReasoningLimit = limit,
                Options = options
            }, time.GetLocalNow());
        return new(turn, turn.Prompt, turn.Options, fields.Flag("stream", fallback: true), Loads: false);
    }

    Asked ReadGenerate(Fields fields, LoadedModel model)
    {
        var options = ReadOptions(fields, model);
        var limit = fields.Object("options") is { } given ? ReasoningFields.ReadLimit(given) : null;
        var (prompt, stream) = (fields.Text("prompt") ?? "", fields.Flag("stream", fallback: true));
        if (fields.Count("images") > 0)
            throw ApiException.Unsupported("images", "'images' is not supported: the models here read text only.");
        if (fields.Text("suffix") is { Length: > 0 } suffix)
        {
            var (gap, filling) = model.PrepareGap(prompt, suffix, options);
            return new(null, gap, filling, stream, Loads: false);
        }
        if (prompt.Length == 0)
            return new(null, [], options, false, Loads: true);
        if (fields.Flag("raw") || !model.Chats)
            return new(null, model.Encode(prompt), options, stream, Loads: false);
        var messages = new JsonArray();
        if (fields.Text("system") is { Length: > 0 } system)
            messages.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = system });
        messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = prompt });
        var turn =
            model.Prepare(new TurnRequest
            {
                Messages = messages,
                Thinks = ReadThink(fields, out var effort),
                Effort = effort,
                ReasoningLimit = limit,
                Options = options
            }, time.GetLocalNow());
        return new(turn, turn.Prompt, turn.Options, stream, Loads: false);
    }

    static GenerationOptions ReadOptions(Fields fields, LoadedModel model)
    {
        var options = model.Settings.Over(s_defaults);
        if (fields.Object("options") is { } given)
        {
            options = SamplingFields.Read(given, s_defaults, model);
            if (given.Integer("num_predict", int.MinValue, int.MaxValue) is { } most)
                options = options with { MaxTokens = most > 0 ? most : int.MaxValue };
            _ = given.Integer("num_ctx", 1, int.MaxValue); // what the model was loaded with holds; a longer prompt is refused, never cut
        }
        return options with { Grammar = ReadFormat(fields) ?? options.Grammar };
    }

    static Runtime.Generation.Grammars.Grammar? ReadFormat(Fields fields) => fields.Any("format") switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text when text.GetString() is "" => null,
        { ValueKind: JsonValueKind.String } text when text.GetString() is "json" => OutputShape.JsonObject(),
        { ValueKind: JsonValueKind.Object } schema => OutputShape.OfSchema(schema, "format"),
        _ => throw ApiException.Invalid("format", "Invalid 'format': \"json\" or a JSON Schema is needed."),
    };

    static bool? ReadThink(Fields fields, out string? effort)
    {
        effort = null;
        switch (fields.Any("think"))
        {
            case null:
                return null;
            case { ValueKind: JsonValueKind.True }:
                return true;
            case { ValueKind: JsonValueKind.False }:
                return false;
            case { ValueKind: JsonValueKind.String } level when level.GetString() is "low" or "medium" or "high" or "max":
                effort = level.GetString();
                return true;
            default:
                throw ApiException.Invalid("think", "Invalid 'think': true, false, \"low\", \"medium\", \"high\" or \"max\" is needed.");
        }
    }

    static JsonArray ReadTools(Fields fields)
    {
        var tools = fields.Array("tools");
        for (var i = 0; i < tools.Count; i++)
        {
            var path = $"tools[{i}]";
            var tool = tools[i].ValueKind == JsonValueKind.Object ? new Fields(tools[i], path)
                : throw ApiException.WrongType(path, "an object", Fields.Describe(tools[i]));
            var function = tool.Object("function") ?? throw ApiException.Missing($"{path}.function");
            ChatRequest.CheckName(function.Text("name") ?? throw ApiException.Missing($"{path}.function.name"), $"{path}.function.name");
            _ = function.Object("parameters");
        }
        return [.. tools.Select(ChatTemplate.ReadVariables)];
    }

    // Ollama's messages are OpenAI's with thoughts under another name, calls without ids, results with the tool's name.
    static JsonArray Messages(Fields fields)
    {
        for (var i = 0; i < fields.Count("messages"); i++)
            if (fields.Array("messages")[i] is { ValueKind: JsonValueKind.Object } element
                && new Fields(element, $"messages[{i}]").Count("images") > 0)
                throw ApiException.Unsupported($"messages[{i}].images",
                    $"'messages[{i}].images' is not supported: the models here read text only.");
        var messages = OpenAi.Chat.Messages.Read(fields);
        foreach (var message in messages.OfType<JsonObject>())
        {
            if (message["thinking"] is { } thinking && message["reasoning_content"] is null)
            {
                message.Remove("thinking");
                message["reasoning_content"] = thinking;
            }
            if (message["tool_name"] is { } name && message["name"] is null)
                message["name"] = name.DeepClone();
        }
        return messages;
    }
}
