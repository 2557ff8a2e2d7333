using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Templates;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.OpenAi.Chat;

/// <summary>A validated request to <c>/v1/chat/completions</c>.</summary>
sealed record ChatRequest
{
    const int MaxTopLogprobs = 20;

    // Variables that chat_template_kwargs may not replace: what was checked, and what the tokenizer says.
    static readonly string[] s_given = ["messages", "tools", "bos_token", "eos_token"];

    public required int[] Prompt { get; init; }
    public required GenerationOptions Options { get; init; }
    public required int Choices { get; init; }
    public required bool Logprobs { get; init; }
    public required bool Stream { get; init; }
    public required bool IncludeUsage { get; init; }

    /// <summary>Tools were offered, so the answer is searched for calls.</summary>
    public required bool HasTools { get; init; }

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
        var tools = ReadTools(fields);
        var options = SamplingFields.Read(fields, SamplingFields.OpenAi, model.Tokenizer) with
        {
            MaxTokens = fields.MaxTokens("max_completion_tokens") ?? fields.MaxTokens("max_tokens") ?? int.MaxValue,
            TopLogprobs = logprobs ? topLogprobs ?? 0 : null,
        };
        return new ChatRequest
        {
            Prompt = ReadPrompt(fields, tools, model, now),
            Options = options,
            Choices = ReadChoices(fields, maxChoices),
            Logprobs = logprobs,
            Stream = stream,
            IncludeUsage = includeUsage,
            HasTools = tools is not null,
        };
    }

    public static int ReadChoices(Fields fields, int maxChoices) => fields.Integer("n", 1, maxChoices) ?? 1;

    static int[] ReadPrompt(Fields fields, JsonArray? tools, LoadedModel model, DateTimeOffset now)
    {
        var variables = new JsonObject { ["messages"] = Messages.Read(fields), ["add_generation_prompt"] = true };
        if (tools is not null)
            variables["tools"] = tools;
        if (fields.Object("chat_template_kwargs") is { } extra)
            foreach (var property in extra.Properties)
                variables[property.Name] = s_given.Contains(property.Name)
                    ? throw ApiException.Invalid($"chat_template_kwargs.{property.Name}", $"Invalid 'chat_template_kwargs': '{property.Name}' is given by the request or the model and cannot be replaced here.")
                    : ChatTemplate.ReadVariables(property.Value);
        return ChatPrompts.Render(model, variables, now);
    }

    /// <summary>The tools as the template takes them; null when there are none or the client forbids calls.</summary>
    static JsonArray? ReadTools(Fields fields)
    {
        var tools = fields.Array("tools");
        for (var i = 0; i < tools.Count; i++)
        {
            var path = $"tools[{i}]";
            if (tools[i].ValueKind != JsonValueKind.Object)
                throw ApiException.WrongType(path, "an object", Fields.Describe(tools[i]));
            var tool = new Fields(tools[i], path);
            if (tool.Text("type") is not (null or "function"))
                throw ApiException.Unsupported($"{path}.type", $"'{path}.type' must be \"function\": this server knows no other kind of tool.");
            if ((tool.Object("function") ?? throw ApiException.Missing($"{path}.function")).Text("name") is null)
                throw ApiException.Missing($"{path}.function.name");
        }
        var choice = fields.Any("tool_choice");
        if (choice is { ValueKind: JsonValueKind.Object } || choice is { ValueKind: JsonValueKind.String } text && text.GetString() is not ("auto" or "none"))
            throw ApiException.Unsupported("tool_choice", "'tool_choice' can be \"auto\" or \"none\" here; forcing a call is not supported yet.");
        return tools.Count == 0 || choice is { ValueKind: JsonValueKind.String } none && none.GetString() == "none"
            ? null
            : [.. tools.Select(ChatTemplate.ReadVariables)];
    }

    static void RefuseUnsupported(Fields fields)
    {
        foreach (var name in (ReadOnlySpan<string>)["functions", "function_call", "audio", "web_search_options", "prediction"])
            if (fields.Any(name) is not null)
                throw ApiException.Unsupported(name, $"'{name}' is not supported by this server.");
    }
}
