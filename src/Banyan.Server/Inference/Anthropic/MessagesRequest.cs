using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;

namespace Banyan.Server.Inference.Anthropic;

/// <summary>A validated request to <c>/v1/messages</c>, as a turn.</summary>
sealed record MessagesRequest(Turn Turn, bool Stream)
{
    const int MaxMessages = 2048;

    // Claude Code sends it with a number that changes at each request: in a prompt it would hide the prefix that is in the cache.
    const string BillingHeader = "x-anthropic-billing-header:";

    /// <param name="fields">The body.</param>
    /// <param name="model">The model.</param>
    /// <param name="now">The time, for the template.</param>
    /// <param name="counts">Only the prompt is wanted, to count its tokens.</param>
    public static MessagesRequest Read(Fields fields, LoadedModel model, DateTimeOffset now, bool counts = false)
    {
        if (fields.Any("model") is null)
            throw ApiException.Missing("model");
        var maxTokens = fields.Integer("max_tokens", 1, int.MaxValue) ?? (counts ? 1 : throw ApiException.Missing("max_tokens"));
        if (fields.Any("messages") is { } all)
            model.RefuseHopeless(all, "conversation");
        var (tools, names) = ReadTools(fields);
        var (use, named, several) = ReadChoice(fields, names);
        var output = fields.Object("output_config");
        var options = SamplingFields.Read(fields, SamplingFields.OpenAi, model);
        options = options with
        {
            MaxTokens = maxTokens,
            Stop = fields.Any("stop_sequences") is null ? options.Stop : ReadStops(fields),
            Grammar = ReadFormat(fields, output) ?? options.Grammar
        };
        var thinks = fields.Object("thinking") is { } thinking ? thinking.Text("type") switch
        {
            "enabled" or "adaptive" or "between_tools" => true,
            "disabled" => (bool?)false,
            null => throw ApiException.Missing("thinking.type"),
            var other =>
                throw ApiException.Invalid("thinking.type",
                    $"Invalid 'thinking.type': \"{(other.Length > 40 ? other[..40] : other)}\", expected \"enabled\", \"disabled\" or \"adaptive\"."),
        } : null;
        // Clients that let a model think between its calls send more than 'max_tokens', which then ends the thought.
        var budget = fields.Object("thinking")?.Integer("budget_tokens", 1, int.MaxValue);
        var messages = ReadMessages(fields);
        // A last message of the assistant is what the answer begins with.
        var prefill = messages.Count > 1 && messages[^1] is JsonObject last && (string?)last["role"] == "assistant"
            && !last.ContainsKey("tool_calls") && (string?)last["content"] is { Length: > 0 } begun ? begun : "";
        if (prefill.Length > 0)
            messages.RemoveAt(messages.Count - 1);
        return new(model.Prepare(new TurnRequest
        {
            Messages = messages,
            Prefill = prefill,
            ReasoningLimit = budget,
            Tools = tools,
            Use = use,
            Named = named,
            Several = several,
            Thinks = thinks,
            Effort = output?.Text("effort"),
            Options = options,
        }, now), fields.Flag("stream"));
    }

    // Where it is now, and where it was while it was new.
    static Runtime.Generation.Grammars.Grammar? ReadFormat(Fields fields, Fields? output)
    {
        if ((output?.Object("format") ?? fields.Object("output_format")) is not { } format)
            return null;
        return format.Text("type") switch
        {
            "json_schema" =>
                OutputShape.OfSchema(format.Any("schema") ?? throw ApiException.Missing(format.Path("schema")), format.Path("schema")),
            null => throw ApiException.Missing(format.Path("type")),
            var other =>
                throw ApiException.Invalid(format.Path("type"),
                    $"Invalid '{format.Path("type")}': \"{(other.Length > 40 ? other[..40] : other)}\", expected \"json_schema\"."),
        };
    }

    static List<string> ReadStops(Fields fields)
    {
        var stops = fields.Array("stop_sequences");
        if (stops.Count > 16)
            throw ApiException.Invalid("stop_sequences", $"Invalid 'stop_sequences': {stops.Count} strings, at most 16 are taken.");
        return [.. stops.Select(s => s.ValueKind == JsonValueKind.String ? Fields.ReadText(s, "stop_sequences")
            : throw ApiException.WrongType("stop_sequences", "an array of strings", $"an array with {Fields.Describe(s)}"))
            .Where(s => s.Length > 0)];
    }

    static (JsonArray, HashSet<string>) ReadTools(Fields fields)
    {
        var (tools, names) = (new JsonArray(), new HashSet<string>(StringComparer.Ordinal));
        var items = fields.Array("tools");
        for (var i = 0; i < items.Count; i++)
        {
            var path = $"tools[{i}]";
            var tool = items[i].ValueKind == JsonValueKind.Object ? new Fields(items[i], path)
                : throw ApiException.WrongType(path, "an object", Fields.Describe(items[i]));
            // Tools that Anthropic's own servers carry out are passed over: nobody here does.
            if (tool.Text("type") is not (null or "custom") && tool.Any("input_schema") is null)
                continue;
            var name = tool.Text("name") ?? throw ApiException.Missing($"{path}.name");
            ChatRequest.CheckName(name, $"{path}.name");
            if (!names.Add(name))
                throw ApiException.Invalid($"{path}.name", $"Invalid '{path}.name': there is another tool '{name}'.");
            _ = tool.Object("input_schema") ?? throw ApiException.Missing($"{path}.input_schema");
            var function = new JsonObject { ["name"] = name };
            if (tool.Text("description") is { } description)
                function["description"] = description;
            function["parameters"] = ChatTemplate.ReadVariables(tool.Any("input_schema")!.Value);
            if (tool.Flag("strict"))
                function["strict"] = true;
            tools.Add((JsonNode)new JsonObject { ["type"] = "function", ["function"] = function });
        }
        return (tools, names);
    }

    static (ToolUse, string?, bool) ReadChoice(Fields fields, HashSet<string> names)
    {
        if (fields.Object("tool_choice") is not { } choice)
            return (ToolUse.Auto, null, true);
        var several = !choice.Flag("disable_parallel_tool_use");
        switch (choice.Text("type"))
        {
            case "auto":
                return (ToolUse.Auto, null, several);
            case "none":
                return (ToolUse.None, null, several);
            case "any":
                return names.Count > 0 ? (ToolUse.Required, null, several)
                    : throw ApiException.Invalid("tool_choice", "'tool_choice' of type \"any\" needs 'tools'.");
            case "tool":
                var name = choice.Text("name") ?? throw ApiException.Missing("tool_choice.name");
                return names.Contains(name) ? (ToolUse.Required, name, several)
                    : throw ApiException.Invalid("tool_choice.name",
                        $"Invalid 'tool_choice.name': there is no tool '{(name.Length > 64 ? name[..64] : name)}' in 'tools'.");
            case null:
                throw ApiException.Missing("tool_choice.type");
            case var other:
                throw ApiException.Invalid("tool_choice.type",
                    $"Invalid 'tool_choice.type': \"{(other.Length > 40 ? other[..40] : other)}\", expected \"auto\", \"any\", \"tool\" or \"none\".");
        }
    }

    static JsonArray ReadMessages(Fields fields)
    {
        var messages = new JsonArray();
        if (ReadSystem(fields) is { Length: > 0 } system)
            messages.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = system });
        if (fields.Any("messages") is null)
            throw ApiException.Missing("messages");
        var items = fields.Array("messages");
        if (items.Count is 0 or > MaxMessages)
            throw ApiException.Invalid("messages", $"Invalid 'messages': {items.Count} messages, expected 1 to {MaxMessages}.");
        for (var i = 0; i < items.Count; i++)
        {
            var path = $"messages[{i}]";
            var message = items[i].ValueKind == JsonValueKind.Object ? new Fields(items[i], path)
                : throw ApiException.WrongType(path, "an object", Fields.Describe(items[i]));
            var role = message.Text("role") ?? throw ApiException.Missing($"{path}.role");
            if (role is not ("user" or "assistant" or "system"))
                throw ApiException.Invalid($"{path}.role",
                    $"Invalid '{path}.role': '{(role.Length > 40 ? role[..40] : role)}', expected user or assistant.");
            ReadMessage(message, role, messages);
        }
        return messages;
    }

    static string ReadSystem(Fields fields)
    {
        IEnumerable<string> texts = fields.Any("system") is { ValueKind: JsonValueKind.String } text ? [Fields.ReadText(text, "system")]
            : fields.Array("system")
            .Select((block, i) => Block(block, $"system[{i}]").Text("text") ?? throw ApiException.Missing($"system[{i}].text"));
        return string.Join('\n', texts.Where(t => !t.StartsWith(BillingHeader, StringComparison.OrdinalIgnoreCase)));
    }

    // Results of tools are messages of their own for templates, before what the user says beside them.
    static void ReadMessage(Fields message, string role, JsonArray messages)
    {
        var path = message.Path("content");
        var (texts, calls, reasoning) = (new List<string>(), new JsonArray(), new List<string>());
        switch (message.Any("content"))
        {
            case null:
                throw ApiException.Missing(path);
            case { ValueKind: JsonValueKind.String } text:
                texts.Add(Fields.ReadText(text, path));
                break;
            case { ValueKind: JsonValueKind.Array } blocks:
                foreach (var (i, element) in blocks.EnumerateArray().Index())
                    ReadBlock(Block(element, $"{path}[{i}]"), texts, calls, reasoning, messages, role);
                break;
            case { } other:
                throw ApiException.WrongType(path, "a string or an array of blocks", Fields.Describe(other));
        }
        if (texts.Count + calls.Count + reasoning.Count == 0)
            return;
        var result = new JsonObject { ["role"] = role, ["content"] = string.Join('\n', texts) };
        if (reasoning.Count > 0)
            result["reasoning_content"] = string.Concat(reasoning);
        if (calls.Count > 0)
            result["tool_calls"] = calls;
        messages.Add((JsonNode)result);
    }

    static void ReadBlock(Fields block, List<string> texts, JsonArray calls, List<string> reasoning, JsonArray messages, string role)
    {
        switch (block.Text("type"))
        {
            case "text":
                texts.Add(block.Text("text") ?? throw ApiException.Missing(block.Path("text")));
                break;
            case "thinking":
                reasoning.Add(block.Text("thinking") ?? throw ApiException.Missing(block.Path("thinking")));
                break;
            case "redacted_thinking":
                break;
            case "tool_use":
                _ = block.Object("input");
                calls.Add((JsonNode)new JsonObject
                {
                    ["id"] = block.Text("id") ?? throw ApiException.Missing(block.Path("id")),
                    ["type"] = "function",
                    ["function"] = new JsonObject
                    {
                        ["name"] = block.Text("name") ?? throw ApiException.Missing(block.Path("name")),
                        ["arguments"] = block.Any("input") is { } input ? ChatTemplate.ReadVariables(input) : new JsonObject(),
                    },
                });
                break;
            case "tool_result":
                messages.Add((JsonNode)new JsonObject
                {
                    ["role"] = "tool",
                    ["tool_call_id"] = block.Text("tool_use_id") ?? throw ApiException.Missing(block.Path("tool_use_id")),
                    ["content"] = Result(block),
                });
                break;
            case null:
                throw ApiException.Missing(block.Path("type"));
            case var shown when Unseen.IsOfTool(role, messages):
                texts.Add(Unseen.Note(shown));
                break;
            case var other:
                throw ApiException.Unsupported(block.Path("type"),
                    $"Content of type '{(other.Length > 40 ? other[..40] : other)}' is not supported: the models here read text only.");
        }
    }

    static string Result(Fields block)
    {
        var path = block.Path("content");
        return block.Any("content") switch
        {
            null => "",
            { ValueKind: JsonValueKind.String } text => Fields.ReadText(text, path),
            _ => string.Join('\n', block.Array("content")
                .Select((part, i) => Block(part, $"{path}[{i}]") is var inner && inner.Text("type") is var type && type is "text"
                ? inner.Text("text") ?? throw ApiException.Missing(inner.Path("text"))
                : Unseen.Note(type ?? throw ApiException.Missing(inner.Path("type"))))),
        };
    }

    static Fields Block(JsonElement element, string path) =>
        element.ValueKind == JsonValueKind.Object ? new Fields(element, path)
        : throw ApiException.WrongType(path, "an object", Fields.Describe(element));
}
