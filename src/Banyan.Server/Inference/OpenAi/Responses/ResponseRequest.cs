using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.OpenAi.Chat;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;

namespace Banyan.Server.Inference.OpenAi.Responses;

/// <summary>A validated request to <c>/v1/responses</c>, as a turn.</summary>
/// <param name="Turn">The turn.</param>
/// <param name="Messages">The conversation, for the next request.</param>
/// <param name="Called">By the names under which the model sees them, tools that the client knows otherwise.</param>
/// <param name="Stream">Whether events are wanted.</param>
/// <param name="Store">Whether a later request can go on with it.</param>
sealed record ResponseRequest(Turn Turn, JsonArray Messages, IReadOnlyDictionary<string, CalledTool> Called, bool Stream, bool Store)
{
    const int MaxItems = 4096, MaxDepth = 3;

    /// <summary>The one argument of a custom tool's function.</summary>
    public const string CustomInput = "input";

    public static ResponseRequest Read(Fields fields, LoadedModel model, ResponseStore store, DateTimeOffset now)
    {
        if (fields.Any("input") is { } all)
            model.RefuseHopeless(all, "input");
        var messages = fields.Text("previous_response_id") is { Length: > 0 } previous
            ? store.Find(previous)
            ?? throw new ApiException(404,
                $"The response '{(previous.Length > 80 ? previous[..80] : previous)}' is not kept here (any more): send the whole conversation.", "previous_response_id", "previous_response_not_found")
            : [];
        if (fields.Text("instructions") is { Length: > 0 } instructions)
        {
            // Those of an earlier request do not carry over.
            if (messages.Count > 0 && (string?)messages[0]!["role"] == "system")
                messages.RemoveAt(0);
            messages.Insert(0, new JsonObject { ["role"] = "system", ["content"] = instructions });
        }
        ReadInput(fields, messages);
        var (tools, called) = (new JsonArray(), new Dictionary<string, CalledTool>(StringComparer.Ordinal));
        ReadTools(fields.Array("tools"), "tools", tools, called, "", 0);
        var names = tools.Select(t => (string)t!["function"]!["name"]!).ToHashSet(StringComparer.Ordinal);
        var (use, named) = ReadChoice(fields, names);
        var effort = fields.Object("reasoning")?.Text("effort");
        var options = SamplingFields.Read(fields, SamplingFields.OpenAi, model)
            with
        { MaxTokens = fields.MaxTokens("max_output_tokens") ?? int.MaxValue };
        var kept = (JsonArray)messages.DeepClone();
        var turn = model.Prepare(new TurnRequest
        {
            Messages = messages,
            Tools = tools,
            Use = use,
            Named = named,
            Several = fields.Flag("parallel_tool_calls", fallback: true),
            Thinks = effort switch { null => null, "none" or "minimal" => false, _ => true },
            Effort = effort,
            ReasoningLimit = ReasoningFields.ReadLimit(fields),
            Options = options with { Grammar = ReadFormat(fields) ?? options.Grammar },
        }, now);
        return new(turn, kept, called, fields.Flag("stream"), fields.Flag("store", fallback: true));
    }

    static Grammar? ReadFormat(Fields fields)
    {
        if (fields.Object("text")?.Object("format") is not { } format)
            return null;
        return format.Text("type") switch
        {
            null or "text" => null,
            "json_object" => OutputShape.JsonObject(),
            "json_schema" =>
                OutputShape.OfSchema(format.Any("schema") ?? throw ApiException.Missing("text.format.schema"), "text.format.schema"),
            var other =>
                throw ApiException.Unsupported("text.format.type",
                    $"'text.format.type' can be \"text\", \"json_object\" or \"json_schema\", not \"{(other.Length > 40 ? other[..40] : other)}\"."),
        };
    }

    // Kinds that nobody here carries out (web_search, image_generation, …) are passed over, namespaces opened.
    static void ReadTools(IReadOnlyList<JsonElement> items, string path, JsonArray tools,
        Dictionary<string, CalledTool> called, string space, int depth)
    {
        for (var i = 0; i < items.Count; i++)
        {
            var tool = items[i].ValueKind == JsonValueKind.Object ? new Fields(items[i], $"{path}[{i}]")
                : throw ApiException.WrongType($"{path}[{i}]", "an object", Fields.Describe(items[i]));
            switch (tool.Text("type"))
            {
                case "namespace" when depth < MaxDepth:
                    ReadTools(tool.Array("tools"), tool.Path("tools"), tools, called,
                        Joined(space, tool.Text("name") ?? throw ApiException.Missing(tool.Path("name"))), depth + 1);
                    break;
                case "function" or "custom":
                    var own = tool.Text("name") ?? throw ApiException.Missing(tool.Path("name"));
                    var name = Joined(space, own);
                    ChatRequest.CheckName(name, tool.Path("name"));
                    var isCustom = tool.Text("type") == "custom";
                    var function = new JsonObject { ["name"] = name };
                    if (tool.Text("description") is { } description)
                        function["description"] = description;
                    function["parameters"] = isCustom ? new JsonObject
                    {
                        ["type"] = "object",
                        ["properties"] = new JsonObject { [CustomInput] = InputSchema(tool) },
                        ["required"] = new JsonArray(CustomInput),
                        ["additionalProperties"] = false,
                    }
                        : tool.Object("parameters") is null ? new JsonObject { ["type"] = "object", ["properties"] = new JsonObject() }
                        : ChatTemplate.ReadVariables(tool.Any("parameters")!.Value);
                    if (isCustom || space.Length > 0)
                        called[name] = new(own, space.Length > 0 ? space : null, isCustom);
                    if (isCustom
                        ? ((JsonObject)function["parameters"]!["properties"]![CustomInput]!).ContainsKey("pattern") : tool.Flag("strict"))
                        function["strict"] = true;
                    tools.Add((JsonNode)new JsonObject { ["type"] = "function", ["function"] = function });
                    break;
            }
        }
    }

    // A custom tool's input is text of a regular expression or of a grammar in Lark's language. What cannot be enforced is refused here, by
    // its line.
    static JsonObject InputSchema(Fields tool)
    {
        var schema = new JsonObject { ["type"] = "string" };
        if (tool.Object("format") is not { } format || format.Text("type") != "grammar")
            return schema;
        var definition = format.Text("definition") ?? throw ApiException.Missing(format.Path("definition"));
        switch (format.Text("syntax"))
        {
            case "regex":
                schema["pattern"] = $"^(?:{definition})$";
                break;
            case "lark":
                OutputShape.CheckLark(definition, format.Path("definition"));
                schema[Grammar.LarkKey] = definition;
                break;
            case var other:
                throw ApiException.Invalid(format.Path("syntax"),
                    $"Invalid '{format.Path("syntax")}': \"{(other is { Length: > 40 } ? other[..40] : other)}\", expected \"regex\" or \"lark\".");
        }
        return schema;
    }

    // The name that the model sees: a namespace's tools stand beside the others.
    static string Joined(string? space, string name) =>
        string.IsNullOrEmpty(space) ? name : space.EndsWith("__", StringComparison.Ordinal) ? space + name : $"{space}__{name}";

    static (ToolUse, string?) ReadChoice(Fields fields, HashSet<string> names)
    {
        switch (fields.Any("tool_choice"))
        {
            case null:
                return (ToolUse.Auto, null);
            case { ValueKind: JsonValueKind.String } text:
                return text.GetString() switch
                {
                    "auto" => (ToolUse.Auto, null),
                    "none" => (ToolUse.None, null),
                    "required" when names.Count > 0 => (ToolUse.Required, null),
                    "required" => throw ApiException.Invalid("tool_choice", "'tool_choice': \"required\" needs 'tools'."),
                    _ => throw ApiException.Invalid("tool_choice",
                        "Invalid 'tool_choice': \"auto\", \"none\", \"required\" or a tool is expected."),
                };
            default:
                var choice = fields.Object("tool_choice")!.Value;
                if (choice.Text("type") is not ("function" or "custom"))
                    return (ToolUse.Auto, null); // one of the kinds that are passed over
                var name = Joined(choice.Text("namespace"), choice.Text("name") ?? throw ApiException.Missing("tool_choice.name"));
                return names.Contains(name) ? (ToolUse.Required, name)
                    : throw ApiException.Invalid("tool_choice.name",
                        $"Invalid 'tool_choice.name': there is no tool '{(name.Length > 64 ? name[..64] : name)}' in 'tools'.");
        }
    }

    static void ReadInput(Fields fields, JsonArray messages)
    {
        switch (fields.Any("input"))
        {
            case null:
                throw ApiException.Missing("input");
            case { ValueKind: JsonValueKind.String } text:
                messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = Fields.ReadText(text, "input") });
                return;
        }
        var items = fields.Array("input");
        if (items.Count is 0 or > MaxItems)
            throw ApiException.Invalid("input", $"Invalid 'input': {items.Count} items, expected 1 to {MaxItems}.");
        var thought = "";
        for (var i = 0; i < items.Count; i++)
        {
            var path = $"input[{i}]";
            var item = items[i].ValueKind == JsonValueKind.Object ? new Fields(items[i], path)
                : throw ApiException.WrongType(path, "an object", Fields.Describe(items[i]));
            var before = messages.Count;
            switch (item.Text("type") ?? "message")
            {
                case "reasoning":
                    thought += Thought(item);
                    continue;
                case "message":
                    var role = item.Text("role") ?? throw ApiException.Missing(item.Path("role"));
                    if (role is not ("system" or "developer" or "user" or "assistant"))
                        throw ApiException.Invalid(item.Path("role"),
                            $"Invalid '{item.Path("role")}': expected system, developer, user or assistant.");
                    messages.Add((JsonNode)new JsonObject
                    {
                        ["role"] = role == "developer" ? "system" : role,
                        ["content"] = Text(item, "content", Unseen.IsOfTool(role, messages))
                    });
                    break;
                case "function_call" or "custom_tool_call":
                    AddCall(messages, new JsonObject
                    {
                        ["id"] = item.Text("call_id") ?? throw ApiException.Missing(item.Path("call_id")),
                        ["type"] = "function",
                        ["function"] = new JsonObject
                        {
                            ["name"] = Joined(item.Text("namespace"), item.Text("name") ?? throw ApiException.Missing(item.Path("name"))),
                            ["arguments"] = item.Text("type") == "function_call" ? item.Text("arguments") ?? "{}"
                                : new JsonObject { [CustomInput] = item.Text("input") ?? "" }.ToJsonString(),
                        },
                    });
                    break;
                case "function_call_output" or "custom_tool_call_output":
                    messages.Add((JsonNode)new JsonObject
                    {
                        ["role"] = "tool",
                        ["tool_call_id"] = item.Text("call_id")
                        ?? throw ApiException.Missing(item.Path("call_id")),
                        ["content"] = Text(item, "output", isOutput: true)
                    });
                    break;
            }
            // A thought belongs to what the assistant said or called next.
            if (thought.Length > 0 && messages.Count > before && messages[^1] is JsonObject said && (string?)said["role"] == "assistant")
                said["reasoning_content"] = thought;
            thought = "";
        }
        if (messages.Count == 0)
            throw ApiException.Invalid("input", "Invalid 'input': it holds no message.");
    }

    /// <summary>Adds a call to the assistant's last message, or to one of its own.</summary>
    public static void AddCall(JsonArray messages, JsonObject call)
    {
        if (messages.Count == 0 || messages[^1] is not JsonObject last || (string?)last["role"] != "assistant")
            messages.Add((JsonNode)(last = new JsonObject { ["role"] = "assistant", ["content"] = "" }));
        if (last["tool_calls"] is not JsonArray calls)
            last["tool_calls"] = calls = [];
        calls.Add((JsonNode)call);
    }

    static string Thought(Fields item) =>
        string.Concat(item.Array("content").Where(p => p.ValueKind == JsonValueKind.Object)
            .Select((part, i) => new Fields(part, $"{item.Path("content")}[{i}]").Text("text")));

    static string Text(Fields item, string name, bool isOutput = false)
    {
        if (item.Any(name) is { ValueKind: JsonValueKind.String } text)
            return Fields.ReadText(text, item.Path(name));
        if (item.Any(name) is null)
            throw ApiException.Missing(item.Path(name));
        return string.Concat(item.Array(name).Select((part, i) =>
        {
            var path = $"{item.Path(name)}[{i}]";
            var fields = part.ValueKind == JsonValueKind.Object ? new Fields(part, path)
                : throw ApiException.WrongType(path, "an object", Fields.Describe(part));
            return fields.Text("type") switch
            {
                "input_text" or "output_text" or "text" => fields.Text("text") ?? throw ApiException.Missing($"{path}.text"),
                "refusal" => fields.Text("refusal") ?? "",
                null => throw ApiException.Missing($"{path}.type"),
                var shown when isOutput => Unseen.Note(shown),
                var other =>
                    throw ApiException.Unsupported($"{path}.type",
                        $"Content of type '{(other.Length > 40 ? other[..40] : other)}' is not supported: the models here read text only."),
            };
        }));
    }
}

/// <summary>A tool as the client knows it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Namespace">The namespace that it is of; null for none.</param>
/// <param name="IsCustom">Whether its input is text: a model sees a function of one string.</param>
readonly record struct CalledTool(string Name, string? Namespace, bool IsCustom);
