using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;

namespace Banyan.Server.Inference.OpenAi.Chat;

/// <summary>A validated request to <c>/v1/chat/completions</c>.</summary>
sealed record ChatRequest
{
    const int MaxTopLogprobs = 20;

    // Variables that chat_template_kwargs may not replace: what was checked, and what the tokenizer says.
    static readonly string[] s_given = ["messages", "tools", "bos_token", "eos_token"];

    public required Turn Turn { get; init; }
    public required int Choices { get; init; }
    public required bool Logprobs { get; init; }
    public required bool Stream { get; init; }
    public required bool IncludeUsage { get; init; }

    public static ChatRequest Read(Fields fields, LoadedModel model, int maxChoices, DateTimeOffset now)
    {
        RefuseUnsupported(fields);
        if (fields.Any("messages") is { } messages)
            model.RefuseHopeless(messages, "conversation");
        var (stream, includeUsage) = StreamFields.Read(fields);
        var logprobs = fields.Flag("logprobs");
        var topLogprobs = fields.Integer("top_logprobs", 0, MaxTopLogprobs);
        if (topLogprobs is not null && !logprobs)
            throw ApiException.Invalid("top_logprobs", "'top_logprobs' needs 'logprobs': true.");
        var options = SamplingFields.Read(fields, SamplingFields.OpenAi, model) with
        {
            MaxTokens = fields.MaxTokens("max_completion_tokens") ?? fields.MaxTokens("max_tokens") ?? int.MaxValue,
            TopLogprobs = logprobs ? topLogprobs ?? 0 : null,
            LogprobsAfterSampling = fields.Flag("post_sampling_probs"),
            ReportPrompt = fields.Flag("return_progress") && stream,
        };
        return new ChatRequest
        {
            Turn = model.Prepare(ReadTurn(fields, Messages.Read(fields)) with { Options = options }, now),
            Choices = ReadChoices(fields, maxChoices),
            Logprobs = logprobs,
            Stream = stream,
            IncludeUsage = includeUsage,
        };
    }

    /// <summary>What of a request makes the prompt.</summary>
    /// <param name="fields">The body.</param>
    /// <param name="messages">Its messages; the last is taken off where it is continued.</param>
    public static TurnRequest ReadTurn(Fields fields, JsonArray messages)
    {
        var (tools, use, named) = ReadTools(fields);
        return new TurnRequest
        {
            // vLLM's name.
            Prefill = fields.Flag("continue_final_message") ? Messages.TakeLast(messages) : "",
            Messages = messages,
            ReasoningLimit = ReasoningFields.ReadLimit(fields),
            Tools = tools,
            Use = use,
            Named = named,
            Several = fields.Flag("parallel_tool_calls", fallback: true),
            Thinks = ReadThinks(fields),
            Effort = fields.Text("reasoning_effort") ?? fields.Object("reasoning")?.Text("effort"),
            Variables = ReadVariables(fields),
        };
    }

    public static int ReadChoices(Fields fields, int maxChoices) => fields.Integer("n", 1, maxChoices) ?? 1;

    public static JsonObject ReadVariables(Fields fields)
    {
        var variables = new JsonObject();
        if (fields.Object("chat_template_kwargs") is { } extra)
            foreach (var property in extra.Properties)
                variables[property.Name] = s_given.Contains(property.Name)
                    ? throw ApiException.Invalid($"chat_template_kwargs.{property.Name}",
                        $"Invalid 'chat_template_kwargs': '{property.Name}' is given by the request or the model and cannot be replaced here.")
                    : ChatTemplate.ReadVariables(property.Value);
        return variables;
    }

    // "none" is OpenAI's word for no reasoning; a level asks for it.
    static bool? ReadThinks(Fields fields) => (fields.Text("reasoning_effort") ?? fields.Object("reasoning")?.Text("effort")) switch
    {
        null => null,
        "none" => false,
        _ => true,
    };

    /// <summary>The tools as the template takes them, and whether they are called: OpenAI's <c>tools</c> and <c>tool_choice</c>.</summary>
    public static (JsonArray Tools, ToolUse Use, string? Named) ReadTools(Fields fields)
    {
        var tools = fields.Array("tools");
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < tools.Count; i++)
        {
            var path = $"tools[{i}]";
            if (tools[i].ValueKind != JsonValueKind.Object)
                throw ApiException.WrongType(path, "an object", Fields.Describe(tools[i]));
            var tool = new Fields(tools[i], path);
            if (tool.Text("type") is not (null or "function"))
                throw ApiException.Unsupported($"{path}.type",
                    $"'{path}.type' must be \"function\": this server knows no other kind of tool.");
            var function = tool.Object("function") ?? throw ApiException.Missing($"{path}.function");
            var name = function.Text("name") ?? throw ApiException.Missing($"{path}.function.name");
            CheckName(name, function.Path("name"));
            if (!names.Add(name))
                throw ApiException.Invalid(function.Path("name"), $"Invalid '{function.Path("name")}': there is another tool '{name}'.");
            _ = function.Object("parameters");
            _ = function.Flag("strict");
        }
        var (use, named) = ReadChoice(fields, names);
        return ([.. tools.Select(ChatTemplate.ReadVariables)], use, named);
    }

    /// <summary>What OpenAI takes as a name, and slashes and dots, which some clients use.</summary>
    public static void CheckName(string name, string param)
    {
        if (name.Length is 0 or > 256 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.' or '/' or ':')))
            throw ApiException.Invalid(param, $"Invalid '{param}': a name has 1 to 256 letters, digits, '_', '-', '.', '/' and ':'.");
    }

    static (ToolUse, string?) ReadChoice(Fields fields, HashSet<string> names)
    {
        var choice = fields.Any("tool_choice");
        switch (choice)
        {
            case null:
                return (ToolUse.Auto, null);
            case { ValueKind: JsonValueKind.String } text:
                var use = text.GetString() switch
                {
                    "auto" => ToolUse.Auto,
                    "none" => ToolUse.None,
                    "required" or "any" => ToolUse.Required,
                    var other =>
                        throw ApiException.Invalid("tool_choice",
                            $"Invalid 'tool_choice': \"{(other!.Length > 40 ? other[..40] : other)}\", expected \"auto\", \"none\", \"required\" or a function."),
                };
                return use == ToolUse.Required && names.Count == 0
                    ? throw ApiException.Invalid("tool_choice", "'tool_choice': \"required\" needs 'tools'.") : (use, null);
            default:
                var named = fields.Object("tool_choice")!.Value;
                var name = (named.Object("function") ?? named).Text("name") ?? throw ApiException.Missing("tool_choice.function.name");
                return names.Contains(name) ? (ToolUse.Required, name)
                    : throw ApiException.Invalid("tool_choice.function.name",
                        $"Invalid 'tool_choice.function.name': there is no tool '{(name.Length > 64 ? name[..64] : name)}' in 'tools'.");
        }
    }

    static void RefuseUnsupported(Fields fields)
    {
        foreach (var name in (ReadOnlySpan<string>)["functions", "function_call", "audio", "web_search_options", "prediction"])
            if (fields.Any(name) is not null)
                throw ApiException.Unsupported(name, $"'{name}' is not supported by this server.");
    }
}
